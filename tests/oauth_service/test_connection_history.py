"""What the API tells of a connection's past."""

import json
import re
from collections.abc import Callable
from datetime import datetime
from hashlib import sha256
from typing import Any

import pytest
from support.oauth_rig import REGISTRY, Rig
from typer.testing import CliRunner

from zebbra_pipeline.cli.app import app

Command = Callable[..., str]


@pytest.fixture
def zebbra(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> Command:
    """Runs the command with the settings of the service, where Toybooks is installed."""
    for name, value in rig.environment.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr("zebbra_pipeline.cli.connections.load_registry", lambda: REGISTRY)

    def run(*arguments: str) -> str:
        result = CliRunner().invoke(app, list(arguments))
        assert result.exit_code == 0, result.output
        return result.output

    return run


def told(rig: Rig, **query: Any) -> list[dict[str, Any]]:
    answer = rig.pipeline.http.get(
        "/api/workspaces/acme/integrations/toybooks/history", params=query
    )
    assert answer.status_code == 200, answer.text
    found: list[dict[str, Any]] = answer.json()["history"]
    return found


def spent_token(rig: Rig) -> str:
    connection = rig.services.store.connections.get("acme", "toybooks")
    assert connection is not None
    token = rig.services.store.connections.tokens(connection).refresh_token
    assert token is not None
    return token.get_secret_value()


def test_history_has_times_outcomes_trace_ids_and_fingerprints(rig: Rig) -> None:
    rig.connect()
    rig.expire()
    token = spent_token(rig)
    rig.provider.fault("status", path="/token", status=502)
    rig.pipeline.token()
    failed, refreshed = told(rig)[1:]

    assert [entry["outcome"] for entry in told(rig)] == ["connected", "answer_lost", "refreshed"]
    assert failed["detail"] == "status 502"
    assert refreshed["token_fingerprint"] == sha256(token.encode()).hexdigest()[:16]
    assert refreshed["detail"] is None
    assert refreshed["trace_id"]
    assert refreshed["trace_id"] != failed["trace_id"]
    assert abs((datetime.fromisoformat(refreshed["at"]) - rig.clock.now()).total_seconds()) < 60


def test_dead_grant_is_in_the_history_with_the_providers_code_and_the_cause(rig: Rig) -> None:
    rig.connect()
    rig.expire()
    rig.provider.revoke_grants()
    rig.pipeline.token()

    assert [told(rig)[-1][name] for name in ("outcome", "detail")] == [
        "grant_refused",
        "invalid_grant: unknown",
    ]


def test_command_prints_what_happened_to_a_connection_but_no_token(
    rig: Rig, zebbra: Command
) -> None:
    rig.connect()
    first = spent_token(rig)
    rig.clock.advance(61 * 24 * 3600)
    rig.provider.fault("status", path="/token", status=429, retry_after=90)
    rig.pipeline.token()
    rig.clock.advance(91)
    rig.pipeline.token()
    shown = zebbra("connections", "acme")
    head, *lines = shown.partition("what happened, latest last\n")[2].splitlines()

    expected = [
        [
            datetime.fromisoformat(entry["at"]).strftime("%Y-%m-%dT%H:%M:%SZ"),
            *(entry[name] for name in ("outcome", "detail", "trace_id", "token_fingerprint")),
        ]
        for entry in told(rig)
    ]
    assert [row[1:3] for row in expected] == [
        ["connected", None],
        ["unavailable", "status 429"],
        ["grant_refused", "invalid_grant: idle too long"],
    ]
    assert {row[4] for row in expected[1:]} == {sha256(first.encode()).hexdigest()[:16]}
    columns = r"time +outcome +detail +provider's trace id +token fingerprint *"
    assert re.fullmatch(columns, head)
    cells = [re.split(r"  +", line.rstrip()) for line in lines]
    assert cells == [[cell for cell in row if cell is not None] for row in expected]
    assert first not in shown


def test_command_gives_programs_what_the_api_tells(rig: Rig, zebbra: Command) -> None:
    rig.connect()
    rig.expire()
    rig.pipeline.token()
    (connection,) = json.loads(zebbra("connections", "acme", "--json"))

    assert [entry["outcome"] for entry in connection["history"]] == ["connected", "refreshed"]
    assert connection["history"] == told(rig)
    assert connection["state"] == "connected"


def test_history_gives_so_many_of_the_latest(rig: Rig) -> None:
    rig.connect()
    rig.expire()
    rig.pipeline.token()

    assert [entry["outcome"] for entry in told(rig, latest=1)] == ["refreshed"]


def test_history_needs_the_service_key_and_known_names(rig: Rig) -> None:
    rig.connect()
    path = "/api/workspaces/{}/integrations/{}/history"
    without = rig.person.http.get(path.format("acme", "toybooks"))
    refused = [
        rig.pipeline.http.get(path.format(*names))
        for names in (("nobody", "toybooks"), ("acme", "nothing"))
    ]

    assert without.status_code == 401
    assert [answer.json()["code"] for answer in refused] == [
        "unknown_workspace",
        "unknown_integration",
    ]
    assert told(rig) != []
