"""Grants that the provider has ended: what is told to whom, with the cause kept."""

from datetime import timedelta

from pydantic import SecretStr
from support.oauth_rig import Rig, heading
from support.operator import ONE, operator, press

from integrations.contracts import token_fingerprint
from oauth_service.store import Outcome


def test_answer_lost_for_longer_than_the_grace_is_named_as_the_reason(rig: Rig) -> None:
    rig.connect()
    rig.expire()
    rig.provider.fault("lost_answer", path="/token", times=3)
    rig.pipeline.token()
    rig.clock.advance(31 * 60)
    answer = rig.pipeline.token()

    assert (answer.status_code, answer.json()["code"]) == (409, "requires_reconnect")
    assert "an answer of Toybooks was lost on its way" in answer.json()["detail"]
    assert cause(rig) == "invalid_grant: superseded"


def test_revoked_grant_must_be_connected_again(rig: Rig) -> None:
    rig.connect()
    rig.expire()
    rig.provider.revoke_grants()
    cursor = rig.pipeline.connections()["cursor"]
    answer = rig.pipeline.token()

    assert answer.status_code == 409
    assert answer.json()["code"] == "requires_reconnect"
    assert answer.json()["type"] == "urn:zebbra:problem:requires_reconnect"
    assert rig.refreshes() == 2
    (changed,) = rig.pipeline.connections(changed_since=cursor)["connections"]
    assert changed["state"] == "requires_reconnect"
    assert changed["reason"] == (
        "Toybooks no longer accepts our access: it was withdrawn there, or the app's secret was "
        "changed"
    )
    assert cause(rig) == "invalid_grant: unknown"

    page = rig.person.open(answer.json()["connect_url"])
    assert '<span class="badge attention">Needs reconnecting</span>' in page.text
    assert "Toybooks no longer accepts our access" in page.text

    rig.pipeline.token()
    assert rig.refreshes() == 2

    rig.person.connect(answer.json()["connect_url"])
    assert rig.pipeline.token().status_code == 200
    assert rig.history() == ["connected", "grant_refused", "connected"]


def test_grant_that_ends_before_its_access_token_was_revoked(rig: Rig) -> None:
    rig.connect()
    refused = SecretStr(rig.pipeline.token().json()["access_token"])
    rig.provider.revoke_grants()
    answer = rig.pipeline.token(rejected=token_fingerprint(refused))

    assert (answer.status_code, answer.json()["code"]) == (409, "requires_reconnect")
    assert rig.pipeline.connection()["reason"] == (
        "Toybooks no longer accepts our access: it was withdrawn there"
    )
    assert cause(rig) == "invalid_grant: revoked"


def test_refusal_of_a_refresh_that_the_operator_asked_for_proves_no_withdrawal(rig: Rig) -> None:
    rig.connect()
    rig.provider.revoke_grants()
    press(operator(rig), f"{ONE}/refresh")

    assert rig.pipeline.connection()["state"] == "requires_reconnect"
    assert cause(rig) == "invalid_grant: unknown"


def test_dead_grant_can_be_disconnected(rig: Rig) -> None:
    page = rig.person.connect(rig.pipeline.link())
    rig.expire()
    rig.provider.revoke_grants()
    rig.pipeline.token()
    after = rig.person.press("/integration/toybooks/disconnect", page)

    assert "Toybooks is disconnected." in after.text
    assert heading(after) == "Connect Acme Ltd"


def test_unused_grant_that_died_says_for_how_long(rig: Rig) -> None:
    rig.connect()
    rig.clock.advance(timedelta(days=61).total_seconds())
    answer = rig.pipeline.token()

    assert answer.status_code == 409
    assert "not used for 60 days" in answer.json()["detail"]
    assert cause(rig) == "invalid_grant: idle too long"


def cause(rig: Rig) -> str | None:
    """What the history says of the connection's end."""
    ends = [
        entry
        for entry in rig.services.store.history.of("acme", "toybooks")
        if entry.outcome is Outcome.GRANT_REFUSED
    ]
    return ends[-1].detail
