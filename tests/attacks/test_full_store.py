"""A token store whose disk takes nothing more is named by `/healthz/ready`, and is not damaged."""

import resource
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import httpx
from support.oauth_rig import SERVICE_KEY, Pipeline, free_port
from support.service_process import ServiceProcess, service_process

from benchmarks.token_api import fill

OK = (200, {"status": "ok"})
FULL = (503, {"status": "unavailable", "not_ready": ["storage"]})
UNLIMITED = resource.RLIM_INFINITY


def limit_file_size(service: ServiceProcess, size: int) -> None:
    """Let the process write no file beyond *size* bytes, as if the disk were full."""
    resource.prlimit(service.process.pid, resource.RLIMIT_FSIZE, (size, UNLIMITED))


def ask(url: str, path: str) -> tuple[int, Any]:
    answer = httpx.get(f"{url}{path}")
    return answer.status_code, answer.json()


def test_full_store_is_not_ready_until_there_is_room_again(tmp_path: Path) -> None:
    environment = {
        "ZEBBRA_HOME": str(tmp_path),
        "ZEBBRA_OAUTH_URL": f"http://127.0.0.1:{free_port()}",
        "ZEBBRA_SERVICE_KEY": SERVICE_KEY,
        "XERO_CLIENT_ID": "client",
        "XERO_CLIENT_SECRET": "secret",
    }
    fill(environment)
    body = {"workspace_id": "globex", "workspace_name": "Globex"}
    with service_process(environment, tmp_path) as service:
        pipeline = Pipeline(service.url)
        before = ask(service.url, "/healthz/ready")
        limit_file_size(service, 1)
        failed = pipeline.http.post("/api/connect-links", json=body)
        full = [ask(service.url, path) for path in ("/healthz/ready", "/healthz/ready", "/healthz")]
        live = ask(service.url, "/healthz/live")
        warm = pipeline.token(slug="xero")
        limit_file_size(service, UNLIMITED)
        after = ask(service.url, "/healthz/ready")
        again = pipeline.http.post("/api/connect-links", json=body)
        pipeline.http.close()
    with closing(sqlite3.connect(tmp_path / "oauth.sqlite")) as store:
        sound = store.execute("PRAGMA integrity_check").fetchall()
        known = store.execute("SELECT workspace_id FROM workspaces ORDER BY 1").fetchall()

    assert (before, live, after) == (OK, OK, OK)
    assert full == [FULL] * 3
    assert [failed.status_code, warm.status_code, again.status_code] == [503, 200, 200]
    assert b"not ready: {'storage': 'a write to the token store failed: " in service.printed()
    assert b"ready again" in service.printed()
    assert sound == [("ok",)]
    assert known == [("acme",), ("globex",)]
