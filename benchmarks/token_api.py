"""
Warm token requests a second, against a bare Starlette route that reads one SQLite row.

Both run as processes of their own on loopback, each with one worker, and are asked in turns by
the same client over kept connections, so that a busy machine slows both. Nothing is refreshed:
the access token is fresh. Run it from the repository: `.venv/bin/python benchmarks/token_api.py`.
"""

import argparse
import asyncio
import os
import secrets
import socket
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.error import URLError
from urllib.request import urlopen

from pydantic import SecretStr

from integrations.contracts import Tenant, TokenSet
from integrations.runtime.settings import load_settings
from oauth_service.store import PendingGrant, Store

ROUNDS, SECONDS, CONNECTIONS = 5, 2.0, 8


def serve_bare(database: str, port: int) -> None:
    """Answer /row with what one SELECT finds, each request on a connection of its thread."""
    import threading

    import uvicorn
    from starlette.applications import Starlette
    from starlette.requests import Request
    from starlette.responses import JSONResponse
    from starlette.routing import Route

    local = threading.local()

    def row(_request: Request) -> JSONResponse:
        if not hasattr(local, "connection"):
            local.connection = sqlite3.connect(database)
        query = "SELECT tenant_id, tenant_name FROM connections WHERE workspace_id = ?"
        tenant_id, tenant_name = local.connection.execute(query, ("acme",)).fetchone()
        return JSONResponse({"tenant_id": tenant_id, "tenant_name": tenant_name})

    app = Starlette(routes=[Route("/row", row), Route("/healthz", row)])
    uvicorn.run(app, host="127.0.0.1", port=port, log_level="warning", access_log=False)


def fill(environ: dict[str, str]) -> str:
    """Connect one workspace with a token that stays fresh; return the database's path."""
    settings, now = load_settings(environ), datetime.now(UTC)
    tokens = TokenSet(
        access_token=SecretStr(secrets.token_urlsafe(700)),  # as long as a JWT of Xero's
        refresh_token=SecretStr(secrets.token_urlsafe(32)),
        expires_at=now + timedelta(days=1),
        lifetime_s=86_400,
    )
    with closing(Store(settings.oauth_database, settings.encryption_keys())) as store:
        store.workspaces.remember("acme", "Acme Ltd", now=now)
        grant = PendingGrant("grant", "session", "acme", "xero", tokens, ())
        store.consents.add_grant(grant, now=now, expires_at=now + timedelta(hours=1))
        store.connections.connect(grant, Tenant("tenant", "Acme Ltd"), now=now)
    return settings.oauth_database.removeprefix("sqlite:///")


@contextmanager
def process(command: list[str], port: int, environ: dict[str, str]) -> Iterator[None]:
    """Run a server until the block ends."""
    running = subprocess.Popen(  # noqa: S603 -- our own commands
        [sys.executable, *command], env=os.environ | environ, stderr=subprocess.DEVNULL
    )
    try:
        for _ in range(600):
            try:
                urlopen(f"http://127.0.0.1:{port}/healthz").close()
                break
            except (URLError, ConnectionError):
                time.sleep(0.05)
        yield
    finally:
        running.terminate()
        running.wait()


async def ask(port: int, path: str, key: str) -> tuple[float, list[float]]:
    """Return requests a second and each one's duration in milliseconds."""
    request = f"GET {path} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {key}\r\n\r\n".encode()
    durations: list[float] = []
    started = time.perf_counter()

    async def keep_asking() -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        while time.perf_counter() - started < SECONDS:
            sent = time.perf_counter()
            writer.write(request)
            head = await reader.readuntil(b"\r\n\r\n")
            if not head.startswith(b"HTTP/1.1 200"):
                raise RuntimeError(head.decode())
            length = next(
                int(line.split(b":")[1])
                for line in head.lower().splitlines()
                if line.startswith(b"content-length:")
            )
            await reader.readexactly(length)
            durations.append((time.perf_counter() - sent) * 1000)
        writer.close()

    await asyncio.gather(*(keep_asking() for _ in range(CONNECTIONS)))
    return len(durations) / (time.perf_counter() - started), durations


def compare() -> None:
    """Run both and print what was measured."""
    with tempfile.TemporaryDirectory() as home:
        key, ports = secrets.token_urlsafe(32), [_free_port(), _free_port()]
        environ = {
            "ZEBBRA_HOME": home,
            "ZEBBRA_OAUTH_URL": f"http://localhost:{ports[0]}",
            "ZEBBRA_OAUTH_DATABASE": f"sqlite:///{Path(home) / 'oauth.sqlite'}",
            "ZEBBRA_SERVICE_KEY": key,
            "XERO_CLIENT_ID": "benchmark",
            "XERO_CLIENT_SECRET": "benchmark",
        }
        database = fill(environ)
        targets = {
            "token API": (ports[0], "/api/workspaces/acme/integrations/xero/token"),
            "bare route": (ports[1], "/row"),
        }
        bare = [str(Path(__file__)), "--bare", database, "--port", str(ports[1])]
        service = ["-m", "oauth_service", "--host", "127.0.0.1"]
        rates: dict[str, list[float]] = {name: [] for name in targets}
        durations: dict[str, list[float]] = {name: [] for name in targets}
        with process(service, ports[0], environ), process(bare, ports[1], environ):
            for round_number in range(ROUNDS + 1):
                for name, (port, path) in targets.items():
                    rate, took = asyncio.run(ask(port, path, key))
                    if round_number:  # the first one warms up
                        rates[name].append(rate)
                        durations[name] += took
    print(f"{CONNECTIONS} connections, {ROUNDS} rounds of {SECONDS:g} s in turns, one worker each")
    for name, measured in rates.items():
        median, tail = (statistics.quantiles(durations[name], n=100)[at] for at in (49, 98))
        print(
            f"{name:10}  {statistics.median(measured):6.0f} requests/s "
            f"(rounds {min(measured):.0f} to {max(measured):.0f}), "
            f"{median:.1f} ms median, {tail:.1f} ms p99"
        )
    share = statistics.median(rates["token API"]) / statistics.median(rates["bare route"])
    print(f"the token API answers {share:.0%} of what the bare route does")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.strip().splitlines()[0])
    parser.add_argument("--bare", help=argparse.SUPPRESS)
    parser.add_argument("--port", type=int, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.bare:
        serve_bare(options.bare, options.port)
    else:
        compare()
