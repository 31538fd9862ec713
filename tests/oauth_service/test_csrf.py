"""
No other site can make a browser change anything: tried on each route that the app has.

A new route that changes something and does not look at its form's token fails here by itself.
"""

from dataclasses import dataclass
from pathlib import Path

import httpx
from starlette.requests import Request
from starlette.responses import Response
from support.oauth_rig import Person, Rig, heading, hidden_fields, running_rig
from support.operator import admin_link
from support.route_walk import Found, walk, whole_store

from integrations.sandbox_kit.browser import query_of
from oauth_service.web.services import services_of


@dataclass
class Browser:
    """Somebody who has both kinds of sessions open, a connection, and a choice to make."""

    person: Person
    workspace_id: str
    grant_id: str
    csrf_token: str
    operators_csrf_token: str

    def token_for(self, found: Found) -> str:
        return self.operators_csrf_token if found.for_the_operator else self.csrf_token

    def other_token_for(self, found: Found) -> str:
        return self.csrf_token if found.for_the_operator else self.operators_csrf_token

    def send(
        self, found: Found, token: str | None = None, headers: dict[str, str] | None = None
    ) -> httpx.Response:
        """Send the route's form; all fields that any form has are filled."""
        fields = {
            "grant": self.grant_id,
            "tenant_id": "toy-1",
            "workspace_id": "initech",
            "workspace_name": "Initech",
        }
        if token is not None:
            fields["csrf_token"] = token
        path = found.of(self.workspace_id)
        return self.person.http.request(found.method, path, data=fields, headers=headers)


def a_browser(rig: Rig, workspace_id: str = "acme") -> Browser:
    person = rig.new_person()
    page = person.connect(rig.pipeline.link(workspace_id), workspace_id=workspace_id)
    back = person.allow(person.login(workspace_id), ("toy-1", "toy-2"))
    choice = person.http.get(back, follow_redirects=True)
    page_of_the_operator = person.open(admin_link(rig))
    return Browser(
        person,
        workspace_id,
        query_of(str(choice.url))["grant"],
        hidden_fields(page)["csrf_token"],
        hidden_fields(page_of_the_operator)["csrf_token"],
    )


def what_came_through(rig: Rig, browser: Browser, another: Browser, found: Found) -> list[str]:
    """Return those forgeries of *found* that were not refused, or that left a trace."""
    own = browser.token_for(found)
    forgeries: dict[str, tuple[str | None, dict[str, str]]] = {
        "no token": (None, {}),
        "empty token": ("", {}),
        "guessed token": ("guessed", {}),
        "another browser's token": (another.token_for(found), {}),
        "token of the other kind": (browser.other_token_for(found), {}),
        "foreign origin": (own, {"Origin": "https://evil.example"}),
        "own host at another port": (own, {"Origin": "http://localhost:1"}),
        "malformed origin": (own, {"Origin": "http://[::1"}),
        "cross-site": (own, {"Sec-Fetch-Site": "cross-site", "Origin": "null"}),
        "same-site": (own, {"Sec-Fetch-Site": "same-site"}),
    }
    through = []
    for name, (token, headers) in forgeries.items():
        before = whole_store(rig)
        rig.provider.clear_calls()
        answer = browser.send(found, token, headers)
        refused = (answer.status_code, heading(answer)) == (403, "That form is out of date")
        traces = rig.provider.calls() or "set-cookie" in answer.headers
        if not refused or traces or whole_store(rig) != before:
            through.append(name)
    return through


def test_no_forged_form_changes_anything_on_any_route(rig: Rig) -> None:
    browser, another = a_browser(rig), a_browser(rig, "globex")
    routes = [found for found in walk(rig.app) if found.changes and not found.behind_the_key]
    through = {str(found): what_came_through(rig, browser, another, found) for found in routes}

    assert len(routes) >= 6
    assert through == {str(found): [] for found in routes}


def test_own_form_is_taken_on_every_route(rig: Rig) -> None:
    """So it is the token that decides above; nothing else is wrong with those requests."""
    refused = []
    for found in walk(rig.app):
        if found.changes and not found.behind_the_key:
            rig.reset()
            browser = a_browser(rig)
            for headers in (
                {"Sec-Fetch-Site": "same-origin", "Origin": "null"},
                {"Origin": rig.settings.oauth_url},
            ):
                answer = browser.send(found, browser.token_for(found), headers)
                if answer.status_code in {403, 404, 405}:
                    refused.append(str(found))
                if found.path == "/admin/leave":  # which is over after the first
                    break

    assert refused == []


def test_no_cookie_opens_the_api_of_the_pipeline(rig: Rig) -> None:
    """That is why it needs no such tokens."""
    browser = a_browser(rig)
    routes = [found for found in walk(rig.app) if found.behind_the_key]
    before = whole_store(rig)
    answers = {
        str(found): browser.send(found, browser.token_for(found)).status_code for found in routes
    }

    assert len([found for found in routes if found.changes]) >= 2
    assert answers == {str(found): 401 for found in routes}
    assert whole_store(rig) == before


def test_route_that_looks_at_no_token_is_found(tmp_path: Path) -> None:
    async def forget(request: Request) -> Response:
        services_of(request).store.workspaces.remember(
            "planted", None, now=services_of(request).clock()
        )
        return Response()

    with running_rig(tmp_path) as rig:
        rig.app.add_api_route("/integration/{slug}/forget", forget, methods=["DELETE"])
        browser, another = a_browser(rig), a_browser(rig, "globex")
        planted = Found("/integration/{slug}/forget", "DELETE")
        kept = Found("/integration/{slug}/disconnect", "POST")

        assert {planted, kept} <= set(walk(rig.app))
        assert len(what_came_through(rig, browser, another, planted)) == 10
        assert what_came_through(rig, browser, another, kept) == []


def test_token_that_no_charset_can_write_is_refused(rig: Rig) -> None:
    browser = a_browser(rig)
    part = 'Content-Disposition: form-data; name="csrf_token"\r\n'
    answer = browser.person.http.post(
        "/integration/toybooks/disconnect",
        content=f"--x\r\n{part}\r\n+2AA-\r\n--x--\r\n".encode(),
        headers={"Content-Type": "multipart/form-data; boundary=x; charset=utf-7"},
    )

    assert answer.status_code == 403
    assert rig.pipeline.connection()["state"] == "connected"
