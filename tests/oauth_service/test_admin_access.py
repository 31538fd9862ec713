"""Who opens the operator's page, who does not, and what it never shows."""

import logging
import re
from pathlib import Path

import httpx
import pytest
from support.oauth_rig import Rig, heading, hidden_fields, running_rig
from support.operator import ONE, admin_link, operator, press, told

from integrations.sandbox_kit.browser import query_of

POSTS = ("/admin/links", "/admin/leave", f"{ONE}/refresh", f"{ONE}/disconnect")
PAGES = ("/admin", "/admin/link", ONE, f"{ONE}/disconnect")


def test_admin_link_is_exchanged_for_a_cookie_of_these_pages_alone(rig: Rig) -> None:
    answer = rig.person.http.get(admin_link(rig))
    cookie = answer.headers["set-cookie"]

    assert (answer.status_code, answer.headers["location"]) == (303, f"{rig.url}/admin")
    assert cookie.startswith("zebbra_admin=")
    assert "HttpOnly" in cookie
    assert "SameSite=lax" in cookie
    assert "Path=/admin;" in cookie
    assert "Secure" not in cookie


def test_operators_cookie_is_secure_behind_https_and_keeps_a_path_prefix(tmp_path: Path) -> None:
    overrides = {"ZEBBRA_OAUTH_URL": "https://connect.example/zebbra"}
    with running_rig(tmp_path, overrides=overrides) as rig:
        answer = rig.person.http.get("/admin", params=query_of(admin_link(rig)))
        cookie = answer.headers["set-cookie"]
        page = rig.person.http.get("/admin", headers={"Cookie": cookie.split(";")[0]})

        assert answer.headers["location"] == "https://connect.example/zebbra/admin"
        assert "Secure" in cookie
        assert cookie.startswith("__Host-zebbra_admin=")
        assert "Path=/;" in cookie
        assert 'action="/zebbra/admin/links"' in page.text


def test_admin_link_needs_the_service_key(rig: Rig) -> None:
    assert rig.person.http.post("/api/admin-links").status_code == 401


def test_admin_link_expires_after_thirty_minutes_and_its_session_after_two_hours(rig: Rig) -> None:
    link, person = admin_link(rig), operator(rig)
    rig.clock.advance(30 * 60)
    late = rig.person.open(link)
    still = person.http.get("/admin")
    rig.clock.advance(90 * 60)

    assert (late.status_code, "link has expired" in heading(late)) == (410, True)
    assert still.status_code == 200
    assert person.http.get("/admin").status_code == 401


@pytest.mark.parametrize("path", PAGES)
def test_session_of_a_workspace_does_not_open_the_operators_pages(rig: Rig, path: str) -> None:
    rig.connect()
    person = rig.people[-1]
    cookie = person.http.cookies["zebbra_session"]
    forged = {"Cookie": f"zebbra_session={cookie}; zebbra_admin={cookie}"}
    pages = [person.http.get(path), httpx.get(rig.url + path, headers=forged, timeout=60)]

    for page in pages:
        assert page.status_code == 401
        assert heading(page) == "This page is for whoever runs the service"
        assert "zebbra admin" in page.text


@pytest.mark.parametrize("path", POSTS)
def test_session_of_a_workspace_changes_nothing_on_the_operators_pages(rig: Rig, path: str) -> None:
    rig.connect()
    person = rig.people[-1]
    fields = hidden_fields(person.http.get("/connect"))
    answer = person.http.post(path, data={**fields, "workspace_id": "other"})

    assert answer.status_code == 401
    assert rig.history() == ["connected"]
    assert [item.workspace_id for item in rig.services.store.workspaces.all()] == ["acme"]


def test_operators_session_is_not_one_of_a_workspace(rig: Rig) -> None:
    rig.connect()
    person = operator(rig)
    cookie = person.http.cookies["zebbra_admin"]
    pages = [
        person.http.get("/connect"),
        httpx.get(f"{rig.url}/connect", headers={"Cookie": f"zebbra_session={cookie}"}, timeout=60),
    ]
    api = person.http.get("/api/workspaces/acme/integrations/toybooks/token")

    assert [page.status_code for page in pages] == [401, 401]
    assert api.status_code == 401


def test_neither_kind_of_link_opens_the_page_of_the_other(rig: Rig) -> None:
    connect_link, link = query_of(rig.pipeline.link()), query_of(admin_link(rig))
    swapped = rig.person.http.get("/admin", params=connect_link)
    other = rig.person.http.get("/connect", params=link)

    assert (swapped.status_code, other.status_code) == (400, 400)
    assert "set-cookie" not in swapped.headers
    assert "set-cookie" not in other.headers


@pytest.mark.parametrize("path", POSTS)
@pytest.mark.parametrize("csrf_token", [None, "", "guessed"])
def test_operators_forms_need_their_own_sessions_token(
    rig: Rig, path: str, csrf_token: str | None
) -> None:
    rig.connect()
    person = operator(rig)
    fields = {"workspace_id": "other"} | ({} if csrf_token is None else {"csrf_token": csrf_token})
    answer = person.http.post(path, data=fields)

    assert (answer.status_code, heading(answer)) == (403, "That form is out of date")
    assert "Back to the operator" in answer.text
    assert rig.history() == ["connected"]
    assert person.http.get("/admin").status_code == 200


def test_form_of_another_operator_changes_nothing(rig: Rig) -> None:
    rig.connect()
    one, two = operator(rig), operator(rig)
    answer = two.press(f"{ONE}/disconnect", one.http.get(f"{ONE}/disconnect"))

    assert answer.status_code == 403
    assert rig.pipeline.connection()["state"] == "connected"


def test_leaving_lets_the_browser_forget_the_session(rig: Rig) -> None:
    person = operator(rig)
    page = press(person, "/admin/leave")

    assert "You have left" in page.text
    assert person.http.get("/admin").status_code == 401


def test_second_click_on_the_link_keeps_open_forms_working(rig: Rig) -> None:
    rig.connect()
    link = admin_link(rig)
    rig.person.open(link)
    page = rig.person.http.get(ONE)
    rig.person.open(link)

    assert told(rig.person.press(f"{ONE}/refresh", page)) == "Toybooks is refreshed."


def test_notice_that_the_service_did_not_write_is_not_shown(rig: Rig) -> None:
    rig.connect()
    person = operator(rig)

    assert "evil" not in person.http.get("/admin?told=evil").text
    assert "evil" not in person.http.get(f"{ONE}?told=evil").text


def test_what_the_operator_does_is_logged_without_tokens(
    rig: Rig, caplog: pytest.LogCaptureFixture
) -> None:
    rig.connect()
    with caplog.at_level(logging.INFO):
        person = operator(rig)
        press(person, f"{ONE}/refresh")
        link_page = press(person, "/admin/links", workspace_id="acme")
        press(person, f"{ONE}/disconnect")
    lines = [line for line in caplog.messages if line.startswith("operator ")]
    (who,) = {line.split()[1] for line in lines}

    assert [line.split(": ")[1:] for line in lines] == [
        ["opened the operator's page", "-"],
        ["refresh", "acme/toybooks"],
        ["connect link", "acme"],
        ["disconnect", "acme/toybooks"],
    ]
    assert re.fullmatch(r"[\w-]{8}:", who)
    assert query_of(str(link_page.url))["made"] not in caplog.text
    assert person.http.cookies["zebbra_admin"] not in caplog.text


def test_no_page_of_the_operator_shows_a_token(rig: Rig) -> None:
    rig.connect()
    person = operator(rig)
    connection = rig.services.store.connections.get("acme", "toybooks")
    assert connection is not None
    tokens = rig.services.store.connections.tokens(connection)
    assert tokens.refresh_token is not None
    for path in PAGES:
        text = person.http.get(path).text
        assert tokens.access_token.get_secret_value() not in text
        assert tokens.refresh_token.get_secret_value() not in text
        assert str(connection.sealed_tokens) not in text
        assert "<script" not in text
        assert "style=" not in text
