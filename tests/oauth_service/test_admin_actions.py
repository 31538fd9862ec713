"""What the operator does on `/admin`, and what is told of it."""

import re

import pytest
from support.oauth_rig import Rig, heading
from support.operator import ONE, operator, press, told


def test_fresh_token_is_refreshed_when_the_operator_asks(rig: Rig) -> None:
    rig.connect()
    before = rig.pipeline.token().json()["access_token"]
    person = operator(rig)
    page = press(person, f"{ONE}/refresh")

    assert told(page) == "Toybooks is refreshed."
    assert page.url.path == ONE
    assert rig.history() == ["connected", "refreshed"]
    assert rig.pipeline.token().json()["access_token"] != before


def test_provider_that_is_down_keeps_the_connection_and_is_told(rig: Rig) -> None:
    rig.connect()
    for _ in range(3):
        rig.provider.fault("status", path="/token", status=503)
    page = press(operator(rig), f"{ONE}/refresh")

    assert told(page).startswith("Not refreshed. Toybooks: the token endpoint gives no tokens")
    assert "The connection is kept" in told(page)
    assert rig.pipeline.connection()["state"] == "connected"


def test_dead_grant_is_told_with_what_to_do(rig: Rig) -> None:
    rig.connect()
    rig.provider.revoke_grants()
    page = press(operator(rig), f"{ONE}/refresh")

    assert "must reconnect" in told(page)
    assert "Make a connect link and send it to the customer." in told(page)
    assert rig.pipeline.connection()["state"] == "requires_reconnect"


def test_fault_of_the_operators_app_names_the_setting(rig: Rig) -> None:
    rig.connect()
    rig.provider.fault("status", path="/token", status=401)
    page = press(operator(rig), f"{ONE}/refresh")

    assert "a fault on our side" in told(page)
    assert "TOYBOOKS_CLIENT_ID and TOYBOOKS_CLIENT_SECRET" in told(page)
    assert rig.pipeline.connection()["state"] == "connected"


def test_disconnecting_asks_first_then_revokes_and_keeps_the_history(rig: Rig) -> None:
    rig.connect()
    person = operator(rig)
    asked = person.http.get(f"{ONE}/disconnect")
    assert heading(asked) == "Disconnect Toybooks of acme Ltd?"
    assert rig.pipeline.connection()["state"] == "connected"
    page = person.press(f"{ONE}/disconnect", asked)

    assert told(page) == "Toybooks is disconnected. Its history is kept."
    assert rig.pipeline.connection()["state"] == "disconnected"
    assert len(rig.provider.calls("/revoke")) == 1
    assert "Connected by a person" in page.text


def test_provider_that_does_not_confirm_the_end_is_told(rig: Rig) -> None:
    rig.connect()
    rig.provider.fault("status", path="/revoke", status=500, times=9)
    page = press(operator(rig), f"{ONE}/disconnect")

    assert "Toybooks did not confirm the end of the access" in told(page)
    assert rig.pipeline.connection()["state"] == "disconnected"


def test_link_of_a_new_workspace_opens_its_connect_page_and_is_shown_for_two_minutes(
    rig: Rig,
) -> None:
    person = operator(rig)
    page = press(person, "/admin/links", workspace_id="hooli", workspace_name=" Hooli\0 Inc ")
    (link,) = re.findall(r"<textarea[^>]*>(.*?)</textarea>", page.text)
    opened = rig.new_person().open(link)
    stranger = operator(rig).http.get(str(page.url))
    rig.clock.advance(2 * 60)
    later = person.http.get(str(page.url))

    assert heading(page) == "Connect link for Hooli Inc"
    assert "Connect Hooli Inc" in opened.text
    assert "textarea" not in stranger.text
    assert (later.status_code, "textarea" in later.text) == (410, False)


def test_link_of_a_known_workspace_keeps_its_name(rig: Rig) -> None:
    rig.pipeline.link("acme", "Acme Ltd")
    press(operator(rig), "/admin/links", workspace_id="acme", workspace_name="")

    assert rig.services.store.workspaces.get("acme").name == "Acme Ltd"  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("workspace_id", "name"), [("", "x"), ("a|b", "x"), ("x" * 65, "x"), ("fine", "x" * 201)]
)
def test_malformed_workspace_is_refused_with_a_page(rig: Rig, workspace_id: str, name: str) -> None:
    page = press(operator(rig), "/admin/links", workspace_id=workspace_id, workspace_name=name)

    assert (page.status_code, heading(page)) == (422, "That cannot be used")
    assert rig.services.store.workspaces.all() == []
