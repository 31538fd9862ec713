"""
A session sees and changes one workspace, and the operator's one no connect page.

Tried on each route that the app has: a new one that lets somebody in fails here by itself.
"""

from dataclasses import dataclass
from html import unescape

import httpx
import pytest
from support.oauth_rig import SERVICE_KEY, Person, Rig, hidden_fields
from support.operator import operator
from support.route_walk import Found, rows_of_others, walk, whole_store

from integrations.sandbox_kit.browser import query_of

OPEN_TO_ALL = {
    "GET /",
    "GET /healthz",
    "GET /healthz/live",
    "GET /healthz/ready",
    "GET /metrics",
    "GET /openapi.json",
}


@dataclass(frozen=True)
class Victim:
    """
    Globex: connected, with a consent that has not come back and a choice not made.

    Attributes:
        query: What its own browser would send, and a thief has read.
        names: What nobody else may be told.
    """

    query: dict[str, str]
    names: tuple[str, ...]


@pytest.fixture
def victim(rig: Rig) -> Victim:
    person = rig.new_person()
    person.connect(rig.pipeline.link("globex", "Globex GmbH"), ("toy-2",), "globex")
    token = rig.pipeline.token("globex").json()["access_token"]
    back = person.allow(person.login("globex"), ("toy-1", "toy-2"))
    choice = person.http.get(back, follow_redirects=True)
    not_brought_back = query_of(person.allow(person.login("globex"), ("toy-2",)))
    query = {
        **not_brought_back,
        "grant": query_of(str(choice.url))["grant"],
        "workspace_id": "globex",
        "tenant_id": "toy-2",
        "integration": "toybooks",
        "done": "connected",
    }
    own_token = hidden_fields(choice)["csrf_token"]
    return Victim(query, ("Globex GmbH", "Second Shop", own_token, token))


def ask(
    http: httpx.Client, found: Found, victim: Victim, csrf_token: str, cookies: str | None = None
) -> httpx.Response:
    """Name Globex in the path, the query and the form at once."""
    form = {**victim.query, "csrf_token": csrf_token} if found.changes else None
    return http.request(
        found.method,
        found.of("globex"),
        params=victim.query,
        data=form,
        headers={} if cookies is None else {"Cookie": cookies},
    )


def told(answer: httpx.Response, victim: Victim) -> list[str]:
    text = unescape(f"{answer.text} {answer.headers}")
    return [name for name in victim.names if name in text]


def acme(rig: Rig) -> tuple[Person, str]:
    """Return Acme's browser, which is connected, and its token for forms."""
    person = rig.new_person()
    page = person.connect(rig.pipeline.link("acme"))
    return person, hidden_fields(page)["csrf_token"]


def test_session_of_one_workspace_neither_sees_nor_changes_another(
    rig: Rig, victim: Victim
) -> None:
    person, csrf_token = acme(rig)
    before = rows_of_others(rig, "acme")
    touched, heard = [], []
    for found in walk(rig.app):
        answer = ask(person.http, found, victim, csrf_token)
        assert answer.status_code < 500, found
        if told(answer, victim):
            heard.append(str(found))
        if rows_of_others(rig, "acme") != before:
            touched.append(str(found))

    assert {row["table"] for row in before} == {
        "workspaces",
        "connections",
        "refresh_history",
        "login_states",
        "pending_grants",
    }
    assert (touched, heard) == ([], [])


def test_session_of_a_workspace_opens_no_route_of_the_operator(rig: Rig, victim: Victim) -> None:
    person, csrf_token = acme(rig)
    cookie = person.http.cookies["zebbra_session"]
    before = whole_store(rig)
    answers = {}
    for found in walk(rig.app):
        if found.for_the_operator:
            for cookies in (None, f"zebbra_admin={cookie}; zebbra_session={cookie}"):
                answer = ask(person.http, found, victim, csrf_token, cookies)
                answers[str(found), cookies is None] = (answer.status_code, told(answer, victim))

    assert len(answers) >= 16
    assert {key: value for key, value in answers.items() if value != (401, [])} == {}
    assert whole_store(rig) == before


def test_operators_session_opens_no_route_of_a_workspace(rig: Rig, victim: Victim) -> None:
    page = operator(rig)
    cookie = page.http.cookies["zebbra_admin"]
    csrf_token = hidden_fields(page.http.get("/admin"))["csrf_token"]
    before = whole_store(rig)
    answers = {}
    for found in walk(rig.app):
        if not found.for_the_operator and str(found) not in OPEN_TO_ALL:
            for cookies in (None, f"zebbra_session={cookie}; zebbra_admin={cookie}"):
                answer = ask(page.http, found, victim, csrf_token, cookies)
                answers[str(found), cookies is None] = (answer.status_code, told(answer, victim))

    assert len(answers) >= 24
    assert {key: value for key, value in answers.items() if value != (401, [])} == {}
    assert whole_store(rig) == before


def test_stranger_is_refused_everywhere_but_where_nothing_is_told(rig: Rig, victim: Victim) -> None:
    before = whole_store(rig)
    routes = walk(rig.app)
    stranger = rig.new_person().http
    answers = {str(found): ask(stranger, found, victim, "guessed") for found in routes}

    assert set(answers) > OPEN_TO_ALL
    assert {name: answer.status_code for name, answer in answers.items()} == {
        name: 200 if name in OPEN_TO_ALL else 401 for name in answers
    }
    assert [name for name, answer in answers.items() if told(answer, victim)] == []
    assert [name for name, answer in answers.items() if SERVICE_KEY in answer.text] == []
    assert whole_store(rig) == before
