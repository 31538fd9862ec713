"""What the API tells of a connection's past."""

from datetime import datetime
from hashlib import sha256
from typing import Any

from support.oauth_rig import Rig


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
