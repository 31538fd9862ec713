"""Emulators are served together, keep their state over a restart, and stop cleanly."""

import socket
import stat
import threading
from urllib.parse import urlsplit

import httpx
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route
from support.sandbox import LIKE_GUSTO, LIKE_QUICKBOOKS, LIKE_XERO, TODAY, demo_app, demo_builder

from integrations.sandbox_kit import (
    ConnectionCut,
    Fault,
    SandboxContext,
    sandbox_app,
    serve_in_thread,
)


async def hello(_request: Request) -> Response:
    return PlainTextResponse("hello")


def test_grants_survive_a_restart_and_so_do_spent_tokens_and_the_clock(tmp_path):
    with demo_app(LIKE_XERO, state_dir=tmp_path) as app:
        first = app.connect("org-2")
        second = app.refresh(first["refresh_token"]).json()
        pending = app.consent()["code"]
        app.control.advance_clock(20 * 60)
    with demo_app(LIKE_XERO, state_dir=tmp_path) as app:
        alive = app.report(second["access_token"])
        recovered = app.refresh(first["refresh_token"])
        late_code = app.exchange(pending)
        app.control.advance_clock(10 * 60)
        late = app.refresh(first["refresh_token"])

    assert alive.json()["tenant"] == "org-2"
    assert recovered.status_code == 200
    assert late_code.json() == {"error": "invalid_grant"}
    assert late.json() == {"error": "invalid_grant"}


def test_refresh_value_that_may_come_again_survives_a_restart(tmp_path):
    with demo_app(LIKE_QUICKBOOKS, state_dir=tmp_path) as app:
        first = app.connect()
    with demo_app(LIKE_QUICKBOOKS, state_dir=tmp_path) as app:
        second = app.refresh(first["refresh_token"]).json()

    assert second["refresh_token"] == first["refresh_token"]


def test_first_use_of_an_access_token_is_remembered_over_a_restart(tmp_path):
    with demo_app(LIKE_GUSTO, state_dir=tmp_path) as app:
        first = app.connect()
        second = app.refresh(first["refresh_token"]).json()
        app.report(second["access_token"])
    with demo_app(LIKE_GUSTO, state_dir=tmp_path) as app:
        assert app.refresh(first["refresh_token"]).json() == {"error": "invalid_grant"}


def test_state_file_is_the_owners_alone_and_the_only_file_left(tmp_path):
    with demo_app(LIKE_XERO, state_dir=tmp_path / "new") as app:
        app.connect()
    (path,) = (tmp_path / "new").iterdir()

    assert path.name == "demobooks.jsonl"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


@pytest.mark.parametrize(
    "content",
    ["", "{", "[]\n", "{}\n", '{"version": 2}\n', '{"version": 1, "rows": {"x": {"y": {}}}}\n'],
)
def test_damaged_state_file_is_named_and_the_way_out_told(tmp_path, content):
    (tmp_path / "demobooks.jsonl").write_text(content)

    with pytest.raises(ValueError, match="delete the file to start over"):
        sandbox_app({"demobooks": demo_builder(LIKE_XERO)}, today=TODAY, state_dir=tmp_path)


def test_index_lists_the_emulators_and_says_that_nothing_is_real():
    with demo_app(LIKE_XERO) as app:
        base = app.url.removesuffix("/demobooks")
        index = app.http.get(base)
        health = app.http.get(f"{base}/healthz")

    assert "Nothing here is real" in index.text
    assert f"<code>{app.url}</code>" in index.text
    assert health.json() == {"status": "ok", "sandboxes": ["demobooks"]}


def test_emulators_of_one_app_keep_separate_clocks_and_faults():
    app = sandbox_app({"one": demo_builder(LIKE_XERO), "two": demo_builder(LIKE_XERO)})
    with serve_in_thread(app) as base, httpx.Client() as http:
        http.post(f"{base}/one/_control/faults", json={"kind": "status"})

        assert http.get(f"{base}/two/report").status_code == 401
        assert http.get(f"{base}/one/report").status_code == 502


def test_emulator_is_told_the_day_it_is_built_for():
    with demo_app(LIKE_XERO) as app:
        token = app.connect()["access_token"]

        assert app.report(token).json()["as_of"] == "2026-11-24"


async def test_lost_answer_raises_where_no_connection_exists_to_be_cut():
    emulator = demo_builder(LIKE_XERO)(SandboxContext(today=TODAY))
    emulator.state.parts.faults.add(Fault(kind="lost_answer"))
    transport = httpx.ASGITransport(app=emulator)
    async with httpx.AsyncClient(transport=transport, base_url="http://demo") as http:
        with pytest.raises(ConnectionCut):
            await http.get("/report")


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1"])
def test_server_is_found_by_name_and_by_number_and_gone_afterwards(host):
    with serve_in_thread(Starlette(routes=[Route("/", hello)])) as base:
        port = urlsplit(base).port
        answer = httpx.get(f"http://{host}:{port}/", timeout=60)
        threads = {thread.name for thread in threading.enumerate()}

    assert base == f"http://localhost:{port}"
    assert answer.text == "hello"
    assert f"serve-{port}" in threads
    assert f"serve-{port}" not in {thread.name for thread in threading.enumerate()}
    with pytest.raises(httpx.ConnectError):
        httpx.get(f"http://127.0.0.1:{port}/", timeout=60)


def test_wanted_port_is_taken_and_a_taken_one_reported():
    with socket.create_server(("127.0.0.1", 0)) as probe:
        taken = probe.getsockname()[1]
        with pytest.raises(OSError, match="in use"), serve_in_thread(Starlette(), port=taken):
            pass
    with serve_in_thread(Starlette(), port=taken) as base:
        assert base == f"http://localhost:{taken}"


def test_app_that_fails_to_start_is_reported_at_once():
    async def broken(_scope, receive, send):
        await receive()
        await send({"type": "lifespan.startup.failed", "message": "no"})

    with pytest.raises(RuntimeError, match="did not start"), serve_in_thread(broken):
        pass


def test_server_stops_although_a_client_keeps_its_connection_open():
    with httpx.Client() as http:
        with serve_in_thread(Starlette(routes=[Route("/", hello)])) as base:
            http.get(base)
            port = urlsplit(base).port

        assert f"serve-{port}" not in {thread.name for thread in threading.enumerate()}
