"""Connections that nobody uses are refreshed before the provider ends them."""

import asyncio
import json
import logging
from datetime import timedelta
from typing import Any, NoReturn

import pytest
from support.oauth_rig import PATIENCE, Rig

from integrations.runtime.http import HttpSession
from oauth_service.grants.refresh import Refresher
from oauth_service.ops.logs import JsonLines
from oauth_service.ops.metrics import Metrics


def test_idle_connections_are_refreshed_at_half_of_their_limit(rig: Rig) -> None:
    rig.connect()
    rig.clock.advance(timedelta(days=29).total_seconds())
    rig.provider.clear_calls()
    assert _refresh_idle(rig) == 0

    rig.clock.advance(timedelta(days=2).total_seconds())
    assert _refresh_idle(rig) == 1
    assert rig.refreshes() == 1

    rig.clock.advance(timedelta(days=40).total_seconds())
    assert rig.pipeline.token().status_code == 200


def test_idle_connections_are_refreshed_a_few_at_a_time_and_one_failure_stops_no_other(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(9):
        rig.connect(f"w{number}")
    rig.clock.advance(timedelta(days=31).total_seconds())
    rig.provider.clear_calls()
    rig.provider.fault("status", path="/token", status=400)
    rig.provider.fault("slow", path="/token", seconds=0.1, times=None)
    reads = rig.services.store.connections.tokens
    monkeypatch.setattr(
        rig.services.store.connections,
        "tokens",
        lambda connection: _broken() if connection.workspace_id == "w0" else reads(connection),
    )
    send, under_way, most = HttpSession.send, [0], [0]

    async def counting(self: HttpSession, *args: Any, **named: Any) -> Any:
        under_way[0] += 1
        most[0] = max(most[0], under_way[0])
        try:
            return await send(self, *args, **named)
        finally:
            under_way[0] -= 1

    monkeypatch.setattr(HttpSession, "send", counting)

    assert _refresh_idle(rig) == 8
    assert 1 < most[0] <= PATIENCE.idle_at_once
    assert [rig.history(f"w{number}")[-1] for number in range(9)] == ["connected"] + [
        "refreshed"
    ] * 8


def test_lines_about_an_idle_connection_say_whose_it_is(
    rig: Rig, caplog: pytest.LogCaptureFixture
) -> None:
    rig.connect("acme")
    rig.connect("globex", tenants=("toy-2",))
    rig.clock.advance(timedelta(days=31).total_seconds())
    caplog.handler.setFormatter(JsonLines())
    caplog.set_level(logging.INFO, logger="oauth_service")
    caplog.clear()

    assert _refresh_idle(rig) == 2
    said = [json.loads(line) for line in caplog.text.splitlines()]
    # A request's own line is written after its answer, hence perhaps only now.
    lines = [line for line in said if line["logger"] != "oauth_service.requests"]
    assert sorted((x["workspace"], x["integration"], x["request_id"]) for x in lines) == [
        ("acme", "toybooks", None),
        ("globex", "toybooks", None),
    ]


def _refresh_idle(rig: Rig) -> int:
    """Run the keep-alive in the service's own loop, as its hourly task does."""

    async def run() -> int:
        async with HttpSession() as http:
            refresher = Refresher(
                store=rig.services.store,
                apps=rig.services.apps,
                http=http,
                metrics=Metrics(),
                clock=rig.clock.now,
                policy=PATIENCE,
            )
            return await refresher.refresh_idle_connections(rig.clock.now())

    return asyncio.run(run())


def _broken() -> NoReturn:
    raise RuntimeError("it is broken")
