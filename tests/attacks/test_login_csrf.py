"""A foreign page cannot make a browser connect an organisation to a workspace of the attacker."""

from html import unescape
from pathlib import Path
from urllib.parse import urlencode

import httpx
import pytest
from playwright.sync_api import Browser, Page
from starlette.applications import Starlette
from starlette.responses import HTMLResponse
from starlette.routing import Route
from support.oauth_rig import Person, Rig, heading, hidden_fields, running_rig
from support.operator import admin_link
from support.page_checks import check_page
from support.route_walk import whole_store

from integrations.sandbox_kit import serve_in_thread
from integrations.sandbox_kit.browser import query_of

LOGIN = "/integration/toybooks/login"
FOREIGN = "https://evil.example"
ASKS = "Connect Toybooks to Acme Ltd?"
UNSEEN = [
    {"Sec-Fetch-Dest": "iframe", "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Site": "cross-site"},
    {"Sec-Fetch-Dest": "image", "Sec-Fetch-Mode": "no-cors"},
    {"Sec-Fetch-Dest": "empty", "Sec-Fetch-Mode": "cors"},
    {"Sec-Fetch-Dest": "document", "Sec-Purpose": "prefetch;prerender"},
    {"Purpose": "prefetch"},
    {"X-Moz": "prefetch"},
]


def visitor(rig: Rig, workspace_id: str = "acme", name: str = "Acme Ltd") -> Person:
    """A browser whose person has opened the link of one workspace."""
    person = rig.new_person()
    person.open(rig.pipeline.link(workspace_id, name))
    return person


def states(rig: Rig) -> list[str]:
    """Workspaces for which a login has begun."""
    return [row["workspace_id"] for row in whole_store(rig)["login_states"]]


# The route that used to lead to the provider


@pytest.mark.parametrize("site", ["cross-site", "same-site", "same-origin", "none", None])
def test_login_by_get_asks_and_begins_nothing(rig: Rig, site: str | None) -> None:
    person = visitor(rig)
    before = whole_store(rig)
    headers = {} if site is None else {"Sec-Fetch-Site": site, "Sec-Fetch-Dest": "document"}
    page = person.http.get(LOGIN, params={"workspace_id": "acme"}, headers=headers)

    assert (page.status_code, heading(page)) == (200, ASKS)
    assert "<bdi>Acme Ltd</bdi> (id <code>acme</code>)" in page.text
    assert "location" not in page.headers
    assert "set-cookie" not in page.headers
    assert whole_store(rig) == before


def test_page_that_asks_works_by_its_form_alone(rig: Rig) -> None:
    person = visitor(rig)
    page = person.http.get(LOGIN, params={"workspace_id": "acme"})
    action = unescape(page.text.partition('action="')[2].partition('"')[0])
    answer = person.http.post(action, data=hidden_fields(page))

    assert answer.status_code == 303
    assert answer.headers["location"].partition("?")[0] == rig.environment["TOYBOOKS_AUTHORIZE_URL"]
    assert states(rig) == ["acme"]
    assert "script" not in page.text


@pytest.mark.parametrize(
    ("form", "headers"),
    [
        ("own", {"Sec-Fetch-Site": "cross-site", "Origin": FOREIGN}),
        ("own", {"Sec-Fetch-Site": "cross-site", "Origin": "null"}),
        ("own", {"Sec-Fetch-Site": "same-site"}),
        ("own", {"Origin": FOREIGN}),
        ("empty", {}),
        ("empty", {"Sec-Fetch-Site": "same-origin"}),
    ],
)
def test_forged_post_begins_no_login(rig: Rig, form: str, headers: dict[str, str]) -> None:
    person = visitor(rig)
    fields = hidden_fields(person.http.get("/connect"))
    answer = person.http.post(LOGIN, data=fields if form == "own" else {}, headers=headers)

    assert (answer.status_code, heading(answer)) == (403, "That form is out of date")
    assert states(rig) == []


def test_form_of_the_attackers_own_session_begins_no_login(rig: Rig) -> None:
    victim, attacker = visitor(rig), visitor(rig, "globex", "Globex")
    answer = victim.http.post(LOGIN, data=hidden_fields(attacker.http.get("/connect")))

    assert answer.status_code == 403
    assert states(rig) == []


# The attacker's own connect link, opened in the victim's browser


def test_connect_page_names_the_workspace_that_everything_goes_to(rig: Rig) -> None:
    page = rig.person.open(rig.pipeline.link("mallory-7", "Acme Ltd"))

    assert "<strong><bdi>Acme Ltd</bdi></strong>" in page.text
    assert "<code>mallory-7</code>" in page.text


def test_link_of_another_workspace_says_that_it_closed_the_page_of_the_first(rig: Rig) -> None:
    person = visitor(rig)
    again = person.open(rig.pipeline.link())
    other = person.open(rig.pipeline.link("mallory", "Mallory"))

    assert "had the page of another workspace open" not in again.text
    assert "had the page of another workspace open" in other.text
    assert heading(other) == "Connect Mallory"


def test_page_that_was_open_before_does_not_connect_to_the_attackers_workspace(rig: Rig) -> None:
    person = visitor(rig)
    fields = hidden_fields(person.http.get("/connect"))
    person.open(rig.pipeline.link("mallory", "Mallory"))
    pressed = person.http.post(LOGIN, params={"workspace_id": "acme"}, data=fields)
    without = person.http.post(LOGIN, data=fields)

    assert heading(pressed) == "This link is for another workspace"
    assert heading(without) == "That form is out of date"
    assert states(rig) == []


def test_answer_of_a_consent_under_way_does_not_go_to_the_attackers_workspace(rig: Rig) -> None:
    """The state belongs to the session that began it, not to the one that is open now."""
    person = visitor(rig)
    back = person.allow(person.login())
    person.open(rig.pipeline.link("mallory", "Mallory"))
    rig.provider.clear_calls()
    answer = person.http.get(back)

    assert (answer.status_code, heading(answer)) == (400, "This was started in another browser")
    assert rig.provider.calls("/token") == []
    assert rig.pipeline.connections()["connections"] == []


def test_answer_for_the_attacker_is_not_taken_from_the_victims_browser(rig: Rig) -> None:
    """The attacker's own code and state, in a link that the victim opens."""
    attacker, victim = visitor(rig, "mallory", "Mallory"), visitor(rig)
    back = attacker.allow(attacker.login("mallory"))
    rig.provider.clear_calls()
    answer = victim.http.get(back, headers={"Sec-Fetch-Site": "cross-site"})

    assert (answer.status_code, heading(answer)) == (400, "This was started in another browser")
    assert rig.provider.calls("/token") == []
    assert rig.pipeline.connections()["connections"] == []


# What nobody looks at


@pytest.mark.parametrize("headers", UNSEEN)
def test_link_opened_unseen_changes_no_session(rig: Rig, headers: dict[str, str]) -> None:
    person = visitor(rig)
    links = [rig.pipeline.link("mallory", "Mallory"), admin_link(rig)]
    answers = [person.http.get(link, headers=headers) for link in links]

    assert [answer.status_code for answer in answers] == [403, 403]
    assert ["set-cookie" in answer.headers for answer in answers] == [False, False]
    assert heading(person.http.get("/connect")) == "Connect Acme Ltd"


@pytest.mark.parametrize("headers", UNSEEN)
def test_callback_loaded_unseen_spends_no_state(rig: Rig, headers: dict[str, str]) -> None:
    person = visitor(rig)
    back = person.allow(person.login())
    unseen = person.http.get(back, headers=headers)

    assert unseen.status_code == 403
    assert person.http.get(back).status_code == 303


def test_pages_with_a_login_cannot_be_framed_and_send_forms_to_https_only(rig: Rig) -> None:
    person = visitor(rig)
    sandbox = rig.environment["TOYBOOKS_AUTHORIZE_URL"].removesuffix("/authorize")
    for path in ("/connect", LOGIN):
        page = person.http.get(path)
        (policy,) = page.headers.get_list("content-security-policy")
        assert policy == (
            "default-src 'none'; style-src 'self'; img-src 'self'; "
            f"form-action 'self' https: {sandbox}; base-uri 'none'; frame-ancestors 'none'"
        )
        assert page.headers["x-frame-options"] == "DENY"


# Cookies behind https


def by_https(rig: Rig, link: str) -> httpx.Response:
    """Open *link* as the proxy that ends TLS passes it on."""
    path = "/admin" if "/admin?" in link else "/connect"
    return rig.person.http.get(path, params=query_of(link))


def test_cookies_behind_https_are_taken_from_this_host_only(tmp_path: Path) -> None:
    with running_rig(tmp_path, overrides={"ZEBBRA_OAUTH_URL": "https://connect.example"}) as rig:
        opened = [by_https(rig, link) for link in (rig.pipeline.link(), admin_link(rig))]
        cookies = [answer.headers["set-cookie"] for answer in opened]
        values = [cookie.split(";")[0].split("=", 1)[1] for cookie in cookies]
        pages = [("/connect", "zebbra_session"), ("/admin", "zebbra_admin")]
        ask = rig.person.http.get
        for cookie, value, (path, name) in zip(cookies, values, pages, strict=True):
            attributes = {part.strip().lower() for part in cookie.split(";")[1:]}
            rig.person.http.cookies.clear()
            right = ask(path, headers={"Cookie": f"__Host-{name}={value}"})
            planted = ask(path, headers={"Cookie": f"{name}={value}"})
            both = ask(path, headers={"Cookie": f"{name}=planted; __Host-{name}={value}"})

            assert cookie.startswith(f"__Host-{name}=")
            assert {"secure", "path=/", "httponly", "samesite=lax"} <= attributes
            assert not [part for part in attributes if part.startswith("domain")]
            assert [right.status_code, planted.status_code, both.status_code] == [200, 401, 200]

        token = hidden_fields(ask("/admin", headers={"Cookie": f"__Host-zebbra_admin={values[1]}"}))
        left = rig.person.http.post(
            "/admin/leave", data=token, headers={"Cookie": f"__Host-zebbra_admin={values[1]}"}
        )
        ended = left.headers["set-cookie"]
        assert ended.startswith('__Host-zebbra_admin=""')
        assert {"Max-Age=0", "Path=/", "Secure"} <= {part.strip() for part in ended.split(";")}


def test_cookies_on_this_machine_keep_their_plain_names(rig: Rig) -> None:
    answer = rig.person.http.get(rig.pipeline.link())

    assert answer.headers["set-cookie"].startswith("zebbra_session=")


# In a real browser


def foreign_page(page: Page, body: str) -> None:
    """Show a page of another site."""
    page.route(f"{FOREIGN}/**", lambda route: route.fulfill(body=body, content_type="text/html"))
    page.goto(f"{FOREIGN}/")


@pytest.mark.browser
def test_foreign_page_gets_no_further_than_the_page_that_asks(rig: Rig, browser: Browser) -> None:
    context = browser.new_context()
    page = context.new_page()
    page.goto(rig.pipeline.link())
    query = urlencode({"workspace_id": "acme"})
    foreign_page(page, f'<a href="{rig.url}{LOGIN}?{query}">A kitten</a>')
    page.get_by_role("link").click()
    page.wait_for_url(f"{rig.url}{LOGIN}*")
    begun = states(rig)
    check_page(page, ASKS, title="Connect Toybooks?")
    page.get_by_role("button", name="Continue to Toybooks").click()
    page.wait_for_url(f"{rig.provider.base_url}/authorize*")
    context.close()

    assert begun == []
    assert states(rig) == ["acme"]


@pytest.mark.browser
def test_form_of_a_foreign_page_begins_no_login(rig: Rig, browser: Browser) -> None:
    context = browser.new_context()
    page = context.new_page()
    page.goto(rig.pipeline.link())
    token = page.locator("[name=csrf_token]").first.get_attribute("value")
    form = (
        f'<form method="post" action="{rig.url}{LOGIN}"><input name="csrf_token" value="{token}">'
    )
    foreign_page(page, f"{form}<button>A kitten</button></form>")
    page.get_by_role("button").click()
    page.wait_for_url(f"{rig.url}{LOGIN}")
    shown = page.locator("h1").inner_text()
    context.close()

    assert shown == "Please open your connect link again"  # Lax: no cookie comes along
    assert states(rig) == []


@pytest.mark.browser
def test_frame_of_a_foreign_page_opens_no_session(rig: Rig, browser: Browser) -> None:
    context = browser.new_context()
    page = context.new_page()
    page.goto(rig.pipeline.link())
    link = rig.pipeline.link("mallory", "Mallory")
    body = f'<iframe src="{link}"></iframe>'
    with (
        serve_in_thread(Starlette(routes=[Route("/", lambda _: HTMLResponse(body))])) as url,
        page.expect_response(lambda answer: answer.url == link) as framed,
    ):
        page.goto(url.replace("localhost", "127.0.0.1"))  # another site, on this machine
    page.goto(f"{rig.url}/connect")
    shown = page.locator("h1").inner_text()
    context.close()

    assert framed.value.status == 403
    assert shown == "Connect Acme Ltd"
