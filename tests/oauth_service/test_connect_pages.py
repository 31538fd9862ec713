"""What a person with a connect link meets."""

import re
from datetime import datetime
from pathlib import Path

import httpx
import pytest
from support.oauth_rig import Rig, heading, running_rig

from integrations.runtime.settings import load_settings
from integrations.sandbox_kit import consent
from integrations.sandbox_kit.browser import query_of
from oauth_service.store import Connection


def test_link_leads_over_consent_to_a_connected_card(rig: Rig) -> None:
    page = rig.person.connect(rig.pipeline.link())

    assert page.status_code == 200
    assert page.url.path == "/connect"
    assert "Toybooks is connected: Bakery &amp; Sons &lt;Ltd&gt;." in page.text
    assert '<span class="badge good">Connected</span>' in page.text
    assert rig.pipeline.connection()["state"] == "connected"
    assert rig.pipeline.connection()["tenant_id"] == "toy-1"


def test_link_is_exchanged_for_a_cookie_that_scripts_cannot_read(rig: Rig) -> None:
    answer = rig.person.http.get(rig.pipeline.link())

    assert answer.status_code == 303
    assert answer.headers["location"] == f"{rig.url}/connect"
    cookie = answer.headers["set-cookie"]
    assert cookie.startswith("zebbra_session=")
    assert "HttpOnly" in cookie
    assert "SameSite=lax" in cookie
    assert "Secure" not in cookie


def test_cookie_is_secure_behind_https_and_a_path_prefix_is_kept(tmp_path: Path) -> None:
    overrides = {"ZEBBRA_OAUTH_URL": "https://connect.example/zebbra"}
    with running_rig(tmp_path, overrides=overrides) as rig:
        link = rig.pipeline.link()
        assert link.startswith("https://connect.example/zebbra/connect?session=")
        answer = rig.person.http.get("/connect", params=query_of(link))

        assert answer.headers["location"] == "https://connect.example/zebbra/connect"
        cookie = answer.headers["set-cookie"]
        assert "Secure" in cookie
        assert "Path=/;" in cookie
        assert "Domain" not in cookie
        assert answer.headers["strict-transport-security"] == "max-age=31536000"
        name, session = cookie.split(";")[0].split("=", 1)
        assert name == "__Host-zebbra_session"
        page = rig.person.http.get("/connect", headers={"Cookie": f"{name}={session}"})
        assert 'href="/zebbra/static/style.css"' in page.text
        assert 'action="/zebbra/integration/toybooks/login?workspace_id=acme"' in page.text


def test_page_names_what_is_asked_for_and_what_is_not_set_up(rig: Rig) -> None:
    page = rig.person.open(rig.pipeline.link())

    assert heading(page) == "Connect Acme Ltd"
    assert "<li>See the books</li>" in page.text
    assert '<span class="badge neutral">Not connected</span>' in page.text
    assert '<span class="badge neutral">Not set up yet</span>' in page.text
    assert "SHYBOOKS_CLIENT_ID and SHYBOOKS_CLIENT_SECRET" in page.text
    assert "/integration/shybooks/login" not in page.text
    assert re.findall(r'<h2 id="(.*?)-name">', page.text) == ["toybooks", "shybooks"]


def test_pages_forbid_scripts_frames_caches_and_referrers(rig: Rig) -> None:
    page = rig.person.open(rig.pipeline.link())

    assert rig.person.http.get("/").headers["content-security-policy"] == (
        "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; "
        "base-uri 'none'; frame-ancestors 'none'"
    )
    assert page.headers["cache-control"] == "no-store"
    assert page.headers["referrer-policy"] == "no-referrer"
    assert page.headers["x-content-type-options"] == "nosniff"
    assert "<script" not in page.text
    assert "style=" not in page.text
    assert rig.person.http.get("/static/style.css").status_code == 200


def test_expired_link_opens_nothing(rig: Rig) -> None:
    link = rig.pipeline.link()
    rig.clock.advance(30 * 60)
    page = rig.person.open(link)

    assert page.status_code == 410
    assert heading(page) == "This connect link has expired"


@pytest.mark.parametrize("token", ["", "forged", "gAAAAAB" + "x" * 60, "é"])
def test_forged_link_opens_nothing(rig: Rig, token: str) -> None:
    page = rig.person.http.get("/connect", params={"session": token})

    assert page.status_code == 400
    assert heading(page) == "This connect link is not valid"
    assert "set-cookie" not in page.headers


@pytest.mark.parametrize(
    "path",
    [
        "/connect",
        "/integration/toybooks/login?workspace_id=acme",
        "/integration/toybooks/callback?code=x&state=y",
        "/integration/toybooks/tenant?grant=x",
    ],
)
def test_browser_without_a_session_is_told_to_open_its_link(rig: Rig, path: str) -> None:
    page = rig.person.http.get(path)

    assert page.status_code == 401
    assert heading(page) == "Please open your connect link again"


def test_session_ends_after_two_hours(rig: Rig) -> None:
    rig.person.open(rig.pipeline.link())
    rig.clock.advance(2 * 3600)

    assert rig.person.http.get("/connect").status_code == 401


def test_another_workspace_is_refused(rig: Rig) -> None:
    rig.pipeline.link("other", "Other")
    rig.person.open(rig.pipeline.link())
    page = rig.person.http.get("/integration/toybooks/login?workspace_id=other")

    assert page.status_code == 403
    assert heading(page) == "This link is for another workspace"


def test_login_sends_state_challenge_scopes_and_redirect_uri(rig: Rig) -> None:
    rig.person.open(rig.pipeline.link())
    query = query_of(rig.person.login())

    assert query["redirect_uri"] == f"{rig.url}/integration/toybooks/callback"
    assert query["scope"] == "offline_access books.read"
    assert query["code_challenge_method"] == "S256"
    assert len(query["state"]) == 48
    assert len(query["code_challenge"]) == 43


def test_unknown_integration_and_unconfigured_one_have_pages(rig: Rig) -> None:
    rig.person.open(rig.pipeline.link())
    unknown = rig.person.http.get("/integration/nobooks/login?workspace_id=acme")
    unset = rig.person.http.get("/integration/shybooks/login?workspace_id=acme")

    assert (unknown.status_code, heading(unknown)) == (404, "There is no such integration")
    assert (unset.status_code, heading(unset)) == (409, "Shybooks is not set up yet")


def test_forged_state_is_refused_without_a_call(rig: Rig) -> None:
    rig.person.open(rig.pipeline.link())
    page = rig.person.http.get("/integration/toybooks/callback?code=x&state=forged")

    assert page.status_code == 400
    assert heading(page) == "We did not ask for this answer"
    assert rig.refreshes() == 0


def test_state_works_once(rig: Rig) -> None:
    rig.person.open(rig.pipeline.link())
    back = rig.person.allow(rig.person.login())
    first = rig.person.http.get(back)
    second = rig.person.http.get(back)

    assert first.status_code == 303
    assert second.status_code == 400
    assert heading(second) == "This answer was already used"
    assert rig.pipeline.connection()["state"] == "connected"


def test_state_expires_after_fifteen_minutes(rig: Rig) -> None:
    rig.person.open(rig.pipeline.link())
    back = rig.person.allow(rig.person.login())
    rig.clock.advance(15 * 60)
    page = rig.person.http.get(back)

    assert page.status_code == 400
    assert heading(page) == "That took too long"


def test_state_of_another_browser_is_refused(rig: Rig) -> None:
    rig.person.open(rig.pipeline.link())
    back = rig.person.allow(rig.person.login())
    other = rig.new_person()
    other.open(rig.pipeline.link())
    page = other.http.get(back)

    assert page.status_code == 400
    assert heading(page) == "This was started in another browser"
    assert rig.person.http.get(back).status_code == 303


def test_second_click_on_the_link_does_not_break_a_consent_under_way(rig: Rig) -> None:
    rig.person.open(rig.pipeline.link())
    back = rig.person.allow(rig.person.login())
    rig.person.open(rig.pipeline.link())

    assert rig.person.http.get(back).status_code == 303


def test_denied_consent_says_so(rig: Rig) -> None:
    rig.person.open(rig.pipeline.link())
    back = consent(rig.person.login(), tenant_ids=(), allow=False)
    page = rig.person.http.get(back)

    assert page.status_code == 403
    assert heading(page) == "You did not allow access"
    assert rig.pipeline.connections()["connections"] == []


def test_other_errors_of_the_consent_page_are_named_but_never_echoed(rig: Rig) -> None:
    rig.person.open(rig.pipeline.link())
    state = query_of(rig.person.login())["state"]
    page = rig.person.http.get(
        "/integration/toybooks/callback", params={"state": state, "error": "<b>invalid"}
    )

    assert page.status_code == 502
    assert "“an error”" in page.text
    assert "invalid" not in page.text


def test_code_that_the_provider_refuses_has_a_page(rig: Rig) -> None:
    rig.person.open(rig.pipeline.link())
    state = query_of(rig.person.login())["state"]
    page = rig.person.http.get(
        "/integration/toybooks/callback", params={"state": state, "code": "made-up"}
    )

    assert page.status_code == 502
    assert heading(page) == "Toybooks rejected the authorization code"


def test_token_endpoint_that_is_down_has_a_page(rig: Rig) -> None:
    rig.person.open(rig.pipeline.link())
    back = rig.person.allow(rig.person.login())
    rig.provider.fault("status", path="/token", times=None, status=502)
    page = rig.person.http.get(back)

    assert page.status_code == 503
    assert heading(page) == "Toybooks does not answer at the moment"


def test_code_exchange_survives_one_bad_answer(rig: Rig) -> None:
    rig.person.open(rig.pipeline.link())
    back = rig.person.allow(rig.person.login())
    rig.provider.fault("html", path="/token")

    assert rig.person.http.get(back).status_code == 303


def test_wrong_client_secret_is_the_operators_problem(tmp_path: Path) -> None:
    with running_rig(tmp_path, overrides={"TOYBOOKS_CLIENT_SECRET": "wrong"}) as rig:
        page = rig.person.connect(rig.pipeline.link())

    assert page.status_code == 502
    assert "TOYBOOKS_CLIENT_ID and TOYBOOKS_CLIENT_SECRET" in page.text


def test_grant_without_refresh_token_is_refused_naming_the_scope(tmp_path: Path) -> None:
    with running_rig(tmp_path, overrides={"TOYBOOKS_SCOPES": "books.read"}) as rig:
        page = rig.person.connect(rig.pipeline.link())

        assert page.status_code == 502
        assert (
            "“the scope “offline_access” is missing from the app or from TOYBOOKS_SCOPES”"
            in page.text
        )
        assert rig.pipeline.connections()["connections"] == []


def test_tokens_are_stored_before_the_tenants_are_asked_for(rig: Rig) -> None:
    rig.person.open(rig.pipeline.link())
    back = rig.person.allow(rig.person.login())
    rig.provider.fault("status", path="/tenants", status=403)
    page = rig.person.http.get(back)

    assert page.status_code == 502
    assert heading(page) == "We could not find your organisation at Toybooks"
    with rig.services.store._database.reading() as transaction:
        rows = transaction.exec_driver_sql("SELECT tokens FROM pending_grants").all()
    assert len(rows) == 1
    assert rows[0][0].startswith("gAAAA")


def test_grant_that_covers_nothing_is_refused(rig: Rig) -> None:
    rig.person.open(rig.pipeline.link())
    back = rig.person.allow(rig.person.login())
    rig.provider.vanish_tenant("toy-1")
    page = rig.person.http.get(back)

    assert page.status_code == 409
    assert heading(page) == "No organisation was chosen"


def test_several_tenants_are_a_persons_choice(rig: Rig) -> None:
    choice = rig.person.connect(rig.pipeline.link(), ("toy-1", "toy-2"))

    assert choice.status_code == 200
    assert "Bakery &amp; Sons &lt;Ltd&gt;" in choice.text
    assert " checked" not in choice.text
    assert rig.pipeline.connections()["connections"] == []

    page = rig.person.press("/integration/toybooks/tenant", choice, tenant_id="toy-2")

    assert "Toybooks is connected: Second Shop." in page.text
    assert rig.pipeline.token().json()["tenant_id"] == "toy-2"

    again = rig.person.press("/integration/toybooks/tenant", choice, tenant_id="toy-1")
    assert heading(again) == "There is nothing to choose any more"
    assert rig.pipeline.connection()["tenant_id"] == "toy-2"


def test_only_an_offered_tenant_can_be_chosen_by_its_own_session(rig: Rig) -> None:
    choice = rig.person.connect(rig.pipeline.link(), ("toy-1", "toy-2"))
    invented = rig.person.press("/integration/toybooks/tenant", choice, tenant_id="toy-3")
    other = rig.new_person()
    other.open(rig.pipeline.link())
    stolen = other.http.get(choice.url.raw_path.decode())

    assert heading(invented) == "No organisation was chosen"
    assert heading(stolen) == "There is nothing to choose any more"
    assert rig.pipeline.connections()["connections"] == []


def test_reconnecting_keeps_the_row_and_the_tenant(rig: Rig) -> None:
    rig.connect()
    first = rig.pipeline.connection()
    rig.clock.advance(60)
    choice = rig.person.connect(rig.pipeline.link(), ("toy-1", "toy-2"))
    assert 'value="toy-1" required checked' in choice.text
    rig.person.press("/integration/toybooks/tenant", choice, tenant_id="toy-1")
    second = rig.pipeline.connection()

    assert second["tenant_id"] == "toy-1"
    assert second["connected_at"] > first["connected_at"]
    assert rig.history() == ["connected", "connected"]


def test_reconnecting_with_another_organisation_is_refused_and_changes_nothing(rig: Rig) -> None:
    rig.person.connect(rig.pipeline.link())
    before, token = rig.pipeline.connection(), rig.pipeline.token().json()
    rig.clock.advance(60)
    page = rig.person.connect(rig.pipeline.link(), ("toy-2",))

    assert page.status_code == 409
    assert heading(page) == "This workspace is connected to another organisation"
    assert "from “Bakery &amp; Sons &lt;Ltd&gt;”, and you chose “Second Shop”" in page.text
    assert "disconnect on the connect page first" in page.text
    assert "a connect link of a second workspace" in page.text
    assert rig.pipeline.connection() == before
    assert rig.pipeline.token().json() == token
    assert rig.history() == ["connected"]
    with rig.services.store._database.reading() as transaction:
        assert transaction.exec_driver_sql("SELECT count(*) FROM pending_grants").scalar() == 0


def test_refused_choice_of_several_can_be_made_again(rig: Rig) -> None:
    rig.connect()
    choice = rig.person.connect(rig.pipeline.link(), ("toy-1", "toy-2"))
    refused = rig.person.press("/integration/toybooks/tenant", choice, tenant_id="toy-2")
    page = rig.person.press("/integration/toybooks/tenant", choice, tenant_id="toy-1")

    assert heading(refused) == "This workspace is connected to another organisation"
    assert "Toybooks is connected: Bakery &amp; Sons &lt;Ltd&gt;." in page.text


def test_connection_that_needs_reconnecting_keeps_its_organisation_too(rig: Rig) -> None:
    rig.connect()
    rig.expire()
    rig.provider.revoke_grants()
    assert rig.pipeline.token().status_code == 409
    page = rig.person.connect(rig.pipeline.link(), ("toy-2",))

    assert heading(page) == "This workspace is connected to another organisation"
    assert rig.pipeline.connection()["state"] == "requires_reconnect"


def test_after_disconnecting_another_organisation_can_be_connected(rig: Rig) -> None:
    page = rig.person.connect(rig.pipeline.link())
    rig.person.press("/integration/toybooks/disconnect", page)
    rig.person.connect(rig.pipeline.link(), ("toy-2",))

    assert rig.pipeline.connection()["state"] == "connected"
    assert rig.pipeline.connection()["tenant_id"] == "toy-2"
    assert rig.history() == ["connected", "disconnected", "connected"]


def test_disconnecting_revokes_forgets_and_keeps_the_history(rig: Rig) -> None:
    page = rig.person.connect(rig.pipeline.link())
    after = rig.person.press("/integration/toybooks/disconnect", page)

    assert "Toybooks is disconnected." in after.text
    assert len(rig.provider.calls("/revoke")) == 1
    connection = rig.services.store.connections.get("acme", "toybooks")
    assert connection is not None
    assert connection.sealed_tokens is None
    assert rig.pipeline.connection()["state"] == "disconnected"
    assert rig.history() == ["connected", "disconnected"]
    assert rig.pipeline.token().json()["code"] == "not_connected"


def test_disconnecting_works_when_the_provider_does_not(rig: Rig) -> None:
    page = rig.person.connect(rig.pipeline.link())
    rig.provider.fault("status", path="/revoke", status=502)
    after = rig.person.press("/integration/toybooks/disconnect", page)

    assert "Toybooks did not confirm it" in after.text
    assert rig.pipeline.connection()["state"] == "disconnected"


def test_who_connects_anew_while_disconnecting_is_under_way_stays_connected(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = rig.person.connect(rig.pipeline.link())
    connections = rig.services.store.connections
    disconnect = connections.disconnect

    def late(connection: Connection, *, now: datetime, detail: str | None) -> bool:
        rig.connect()
        return disconnect(connection, now=now, detail=detail)

    monkeypatch.setattr(connections, "disconnect", late)
    after = rig.person.press("/integration/toybooks/disconnect", page)

    assert after.status_code == 503
    assert rig.pipeline.connection()["state"] == "connected"
    assert rig.pipeline.token().status_code == 200
    assert rig.history() == ["connected", "connected"]


@pytest.mark.parametrize("token", [None, "", "forged"])
def test_forms_need_their_own_sessions_token(rig: Rig, token: str | None) -> None:
    rig.person.connect(rig.pipeline.link())
    fields = {} if token is None else {"csrf_token": token}
    page = rig.person.http.post("/integration/toybooks/disconnect", data=fields)

    assert page.status_code == 403
    assert heading(page) == "That form is out of date"
    assert rig.pipeline.connection()["state"] == "connected"


def test_form_of_another_session_changes_nothing(rig: Rig) -> None:
    rig.person.connect(rig.pipeline.link())
    other = rig.new_person()
    foreign = other.open(rig.pipeline.link())
    page = rig.person.press("/integration/toybooks/disconnect", foreign)

    assert page.status_code == 403


def test_scope_that_was_not_granted_is_shown_in_words(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    rig.connect()
    asked = {**rig.environment, "TOYBOOKS_SCOPES": "offline_access books.read payroll.read"}
    monkeypatch.setattr(rig.services.apps, "_settings", load_settings(asked))
    page = rig.person.open(rig.pipeline.link())

    assert "Not granted:</strong> <bdi>payroll.read</bdi>" in page.text


def test_root_and_unknown_pages_speak_to_people(rig: Rig) -> None:
    root = rig.person.http.get("/")
    unknown = rig.person.http.get("/integration/toybooks/nothing")

    assert (root.status_code, heading(root)) == (200, "Zebbra connections")
    assert (unknown.status_code, heading(unknown)) == (404, "There is no such page")


def test_workspace_names_are_escaped(rig: Rig) -> None:
    page = rig.person.open(rig.pipeline.link(name="<script>alert(1)</script>"))

    assert "<script>" not in page.text
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page.text


UNFINISHED = "Begun, not finished"


def test_attempt_whose_answer_never_came_is_told_until_connecting_works(rig: Rig) -> None:
    before = rig.person.open(rig.pipeline.link())
    authorize_page = rig.person.login().split("?")[0]
    refusal = httpx.get(
        authorize_page, timeout=60
    )  # without what it wants to know it shows its own error
    page = rig.person.http.get("/connect")

    assert UNFINISHED not in before.text
    assert refusal.status_code == 400
    assert f'<span class="badge attention">{UNFINISHED}</span>' in page.text
    assert f"{UNFINISHED}:</strong> you left for Toybooks on " in page.text
    assert "press “Connect” to try again" in page.text
    assert rig.pipeline.connections()["connections"] == []

    rig.clock.advance(60)
    back = rig.person.allow(rig.person.login())
    connected = rig.person.http.get(back, follow_redirects=True)

    assert '<span class="badge good">Connected</span>' in connected.text
    assert UNFINISHED not in connected.text


def test_unfinished_attempt_is_told_to_its_own_browser_for_its_own_workspace_only(
    rig: Rig,
) -> None:
    rig.person.open(rig.pipeline.link())
    rig.person.login()
    elsewhere = rig.new_person().open(rig.pipeline.link())
    here = rig.person.http.get("/connect")
    rig.clock.advance(15 * 60)
    too_late = rig.person.http.get("/connect")

    assert UNFINISHED in here.text
    assert UNFINISHED not in elsewhere.text
    assert UNFINISHED not in too_late.text
    assert UNFINISHED not in rig.person.open(rig.pipeline.link("globex", "Globex")).text


def test_unfinished_reconnecting_leaves_the_connection_as_it_was(rig: Rig) -> None:
    rig.person.connect(rig.pipeline.link())
    rig.clock.advance(60)
    rig.person.login()
    page = rig.person.http.get("/connect")

    assert '<span class="badge good">Connected</span>' in page.text
    assert "press “Reconnect” to try again" in page.text
    assert rig.pipeline.token().status_code == 200
