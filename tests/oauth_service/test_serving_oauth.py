"""`python -m oauth_service`."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from support.oauth_rig import (
    Person,
    Pipeline,
    free_port,
    heading,
    query_of,
    toy_environment,
    wait_for,
)

from integrations.runtime.settings import load_settings
from oauth_service.__main__ import address, main


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("http://localhost:8765", ("localhost", 8765)),
        ("http://oauth", ("oauth", 80)),
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
    for name, value in toy_environment(tmp_path, "http://x.invalid", "http://localhost").items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("ZEBBRA_ENCRYPTION_KEYS", "hunter2")

    assert main([]) == 2
    assert capsys.readouterr().err.startswith("ZEBBRA_ENCRYPTION_KEYS: key 1: expected 32 bytes")


def test_process_logs_no_link_and_stops_when_told(tmp_path: Path) -> None:
    port = free_port()
    environment = toy_environment(tmp_path, "http://x.invalid", f"http://localhost:{port}")
    process = subprocess.Popen(
        [sys.executable, "-m", "oauth_service"],
        env={**os.environ, **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        cwd=tmp_path,
    )
    wait_for(f"http://localhost:{port}", process)
    pipeline, person = Pipeline(f"http://localhost:{port}"), Person(f"http://localhost:{port}")
    link = pipeline.link()
    page = person.open(link)
    for client in (pipeline, person):
        client.http.close()
    process.terminate()
    output, _ = process.communicate(timeout=30)

    assert heading(page) == "Connect Acme Ltd"
    assert process.returncode == 0
    assert b"GET '/connect' 303" in output
    assert query_of(link)["session"].encode() not in output
    assert environment["ZEBBRA_SERVICE_KEY"].encode() not in output
