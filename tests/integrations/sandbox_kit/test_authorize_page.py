"""What a person meets on the authorize page, and where the page sends them."""

from collections.abc import Iterator
from dataclasses import replace
from urllib.parse import parse_qs, urlsplit

import pytest
from support.sandbox import LIKE_GUSTO, LIKE_XERO, REDIRECT, DemoApp, demo_app

from integrations.sandbox_kit import ConsentError, consent, consent_async


@pytest.fixture(scope="module")
def xero() -> Iterator[DemoApp]:
    with demo_app(LIKE_XERO) as app:
        yield app


@pytest.fixture(scope="module")
def gusto() -> Iterator[DemoApp]:
    with demo_app(LIKE_GUSTO) as app:
        yield app


def test_page_says_who_asks_for_what_and_that_it_is_a_sandbox(xero):
    page = xero.http.get(xero.authorize_url())

    assert page.status_code == 200
    assert "This is a sandbox" in page.text
    assert "<code>app</code>" in page.text
    assert "<code>reports.read</code>" in page.text
    assert page.headers["x-frame-options"] == "DENY"


def test_names_and_parameters_are_escaped(xero):
    page = xero.http.get(xero.authorize_url(client_id='<script>"x'))

    assert "Marsh &amp; Daughters &lt;Ltd&gt;" in page.text
    assert "<script>" not in page.text


def test_allow_sends_a_code_and_the_state_back(xero):
    redirect = xero.consent()

    assert redirect["state"] == "st 1/ü"
    assert set(redirect) == {"code", "state"}


def test_query_that_the_redirect_uri_already_has_is_kept(xero):
    redirect = xero.consent(redirect_uri=REDIRECT + "?flow=7")

    assert redirect["flow"] == "7"


def test_deny_sends_access_denied_and_the_state_back(xero):
    location = consent(xero.authorize_url(), tenant_ids=[], allow=False)

    assert location.startswith(REDIRECT + "?")
    assert parse_qs(urlsplit(location).query) == {"error": ["access_denied"], "state": ["st 1/ü"]}


@pytest.mark.parametrize(
    "change",
    [
        {"client_id": None},
        {"client_id": "wrong-app"},
        {"redirect_uri": None},
        {"redirect_uri": "http://127.0.0.1:8765/callback"},
        {"redirect_uri": "http://evil.example/callback"},
        {"redirect_uri": "http://[oops/callback"},
        {"redirect_uri": "javascript:alert(1)"},
        {"response_type": "token"},
        {"scope": "reports.read bad.scope"},
        {"code_challenge": "abc"},
        {"code_challenge": "abc", "code_challenge_method": "plain"},
    ],
)
def test_unsound_request_is_refused_on_a_page_that_sends_nobody_back(xero, change):
    shown = xero.http.get(xero.authorize_url(**change))
    query = dict(shown.request.url.params)
    posted = xero.http.post(
        f"{xero.url}/authorize", data={**query, "tenant_id": "org-1", "decision": "allow"}
    )

    for answer in (shown, posted):
        assert answer.status_code in {400, 500}
        assert answer.headers["content-type"].startswith("text/html")
        assert "location" not in answer.headers


def test_scope_that_the_app_may_not_use_is_named_on_the_page(xero):
    page = xero.http.get(xero.authorize_url(scope="bad.scope"))

    assert page.status_code == 500
    assert "<strong>invalid_scope</strong>" in page.text


def test_only_known_scopes_pass_where_the_provider_lists_them():
    known = frozenset({"reports.read", "offline_access"})
    with demo_app(replace(LIKE_XERO, known_scopes=known)) as app:
        fine = app.http.get(app.authorize_url())
        refused = app.http.get(app.authorize_url(scope="journals.read"))

    assert fine.status_code == 200
    assert "journals.read" in refused.text


def test_allow_without_an_organisation_asks_again_and_keeps_what_was_typed(xero):
    query = dict(xero.http.get(xero.authorize_url()).request.url.params)
    page = xero.http.post(
        f"{xero.url}/authorize", data={**query, "decision": "allow", "user_id": "alice"}
    )

    assert page.status_code == 422
    assert "Choose an organisation, or deny." in page.text
    assert 'value="alice"' in page.text


def test_one_organisation_per_grant_is_picked_by_radio_button(gusto):
    page = gusto.http.get(gusto.authorize_url())

    assert page.text.count('type="radio"') == 2
    with pytest.raises(ConsentError, match="one organisation at a time"):
        consent(gusto.authorize_url(), tenant_ids=["org-1", "org-2"])


def test_two_organisations_posted_where_one_is_allowed_are_refused(gusto):
    query = dict(gusto.http.get(gusto.authorize_url()).request.url.params)
    page = gusto.http.post(
        f"{gusto.url}/authorize",
        data={**query, "decision": "allow", "tenant_id": ["org-1", "org-2"]},
    )

    assert page.status_code == 422
    assert "Choose one organisation only." in page.text


def test_organisation_that_is_not_offered_cannot_be_chosen(xero):
    with pytest.raises(ConsentError, match="does not offer 'org-9'"):
        consent(xero.authorize_url(), tenant_ids=["org-9"])


def test_person_reports_the_heading_of_a_refusal(xero):
    with pytest.raises(ConsentError, match="status 400: Sorry, something went wrong"):
        consent(xero.authorize_url(client_id="wrong"), tenant_ids=["org-1"])


def test_person_only_visits_plain_http():
    with pytest.raises(ConsentError, match="expected an http URL"):
        consent("https://login.provider.example/authorize", tenant_ids=["org-1"])


async def test_person_can_act_beside_a_running_event_loop(xero):
    location = await consent_async(xero.authorize_url(), tenant_ids=["org-1", "org-2"])

    assert location.startswith(REDIRECT)


def test_one_consent_may_cover_several_organisations(xero):
    tokens = xero.connect("org-1", "org-2", user_id="bookkeeper")
    found = xero.get("connections", tokens["access_token"]).json()

    assert [item["tenantId"] for item in found] == ["org-1", "org-2"]
    assert len({item["authEventId"] for item in found}) == 1
    assert xero.report(tokens["access_token"], tenant="org-2").json()["tenant"] == "org-2"


def test_later_consent_of_the_same_user_adds_to_what_every_grant_sees(xero):
    first = xero.connect("org-1", user_id="carol")
    xero.connect("org-2", user_id="carol")
    found = xero.get("connections", first["access_token"]).json()

    assert [item["tenantId"] for item in found] == ["org-1", "org-2"]
    assert len({item["authEventId"] for item in found}) == 2


def test_renewed_consent_keeps_the_connection_and_carries_the_new_event(xero):
    first = xero.connect("org-1", user_id="dora")
    (before,) = xero.get("connections", first["access_token"]).json()
    xero.connect("org-1", user_id="dora")
    (after,) = xero.get("connections", first["access_token"]).json()

    assert before["id"] == after["id"]
    assert before["authEventId"] != after["authEventId"]


def test_users_do_not_see_each_others_organisations(xero):
    xero.connect("org-2", user_id="erin")
    other = xero.connect("org-1", user_id="frank")

    assert xero.report(other["access_token"], tenant="org-2").status_code == 403


def test_later_consent_adds_scopes_and_never_removes_them(xero):
    xero.connect(scope="offline_access reports.read", user_id="gina")
    later = xero.connect(scope="offline_access settings.read", user_id="gina")

    assert later["scope"] == "offline_access settings.read reports.read"


def test_removed_connection_ends_the_sight_of_that_organisation_only(xero):
    tokens = xero.connect("org-1", "org-2", user_id="hal")
    access = tokens["access_token"]
    first = xero.get("connections", access).json()[0]
    bearer = {"Authorization": f"Bearer {access}"}
    gone = xero.http.delete(f"{xero.url}/connections/{first['id']}", headers=bearer)
    again = xero.http.delete(f"{xero.url}/connections/{first['id']}", headers=bearer)

    assert (gone.status_code, again.status_code) == (204, 404)
    assert xero.report(access, tenant="org-1").status_code == 403
    assert xero.report(access, tenant="org-2").status_code == 200


def test_grants_of_a_one_organisation_provider_do_not_mix(gusto):
    first = gusto.connect("org-1")
    gusto.connect("org-2")

    assert gusto.report(first["access_token"], tenant="org-2").status_code == 403
