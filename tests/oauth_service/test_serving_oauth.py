"""`python -m oauth_service`."""

import json
import os
import re
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest
from support.oauth_rig import Person, Pipeline, free_port, heading, toy_environment, wait_for

from integrations.runtime.settings import load_settings
from integrations.sandbox_kit.browser import query_of
from oauth_service.__main__ import address, main


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("http://localhost:8765", ("localhost", 8765)),
        ("http://127.0.0.1", ("127.0.0.1", 80)),
        ("https://connect.example/zebbra", ("127.0.0.1", 8765)),
    ],
)
def test_it_listens_where_it_is_reached(
    tmp_path: Path, url: str, expected: tuple[str, int]
) -> None:
    settings = load_settings({"ZEBBRA_HOME": str(tmp_path), "ZEBBRA_OAUTH_URL": url})

    assert address(settings) == expected


def test_malformed_setting_ends_it_by_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    for name, value in toy_environment(tmp_path, "https://x.invalid", "http://localhost").items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("ZEBBRA_ENCRYPTION_KEYS", "hunter2")

    assert main([]) == 2
    assert capsys.readouterr().err.startswith("ZEBBRA_ENCRYPTION_KEYS: key 1: expected 32 bytes")


@dataclass
class Ended:
    """A service that served one person and was told to stop."""

    link: str
    page: httpx.Response
    environment: Mapping[str, str]
    status: int
    output: bytes


def served_once(home: Path, *options: str, **settings: str) -> Ended:
    port = free_port()
    url = f"http://localhost:{port}"
    environment = toy_environment(home, "https://x.invalid", url) | settings
    process = subprocess.Popen(
        [sys.executable, "-m", "oauth_service", *options],
        env={**os.environ, **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        cwd=home,
    )
    wait_for(url, process.poll)
    pipeline, person = Pipeline(url), Person(url)
    link = pipeline.link()
    page = person.open(link)
    for client in (pipeline, person):
        client.http.close()
    process.terminate()
    output, _ = process.communicate(timeout=30)
    return Ended(link, page, environment, process.returncode, output)


@pytest.mark.every_python
def test_process_logs_no_link_and_stops_when_told(tmp_path: Path) -> None:
    ended = served_once(tmp_path, "--log-format", "text", ZEBBRA_OAUTH_LOG_FORMAT="json")

    assert heading(ended.page) == "Connect Acme Ltd"
    assert ended.status == 0
    stamp, known = rb"\d{4}-\d\d-\d\dT[\d:.]{12}Z INFO", rb"oauth_service\.requests \[\w{16} acme\]"
    assert re.search(
        rb"^%s %s GET '/connect' 303 \d+ ms$" % (stamp, known), ended.output, re.MULTILINE
    )
    assert re.search(
        rb"^%s uvicorn\.error Application startup complete" % stamp, ended.output, re.MULTILINE
    )
    assert query_of(ended.link)["session"].encode() not in ended.output
    assert ended.environment["ZEBBRA_SERVICE_KEY"].encode() not in ended.output


def test_process_logs_nothing_but_json_lines_when_told(tmp_path: Path) -> None:
    ended = served_once(tmp_path, ZEBBRA_OAUTH_LOG_FORMAT="json")
    lines = [json.loads(line) for line in ended.output.splitlines()]
    shown = [
        (line["method"], line["path"], line["status"], line["workspace"])
        for line in lines
        if line.get("path") != "/healthz" and "method" in line
    ]

    assert {"oauth_service.requests", "uvicorn.error"} <= {line["logger"] for line in lines}
    assert shown == [
        ("POST", "/api/connect-links", 200, "acme"),
        ("GET", "/connect", 303, "acme"),
        ("GET", "/connect", 200, "acme"),
    ]
    assert query_of(ended.link)["session"].encode() not in ended.output
