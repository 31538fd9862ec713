"""In a real browser: whatever goes wrong on the way to "Connected" ends in a page with a way on."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import pytest
from playwright.sync_api import Browser, Page
from support.oauth_rig import Rig
from support.page_checks import check_page

from integrations.runtime.settings import load_settings
from integrations.sandbox_kit import consent
from integrations.sandbox_kit.browser import query_of

pytestmark = pytest.mark.browser

HOME = "Connect Acme Ltd"
BACK = "Back to the connect page"
BAKERY = "Bakery & Sons <Ltd>"


@dataclass
class Walk:
    """A person's browser in front of the rig, and the answers that the provider sent it with."""

    rig: Rig
    page: Page
    monkeypatch: pytest.MonkeyPatch
    answers: list[str]

    def ask_for(self, scopes: str) -> None:
        asked = {**self.rig.environment, "TOYBOOKS_SCOPES": scopes}
        self.monkeypatch.setattr(self.rig.services.apps, "_settings", load_settings(asked))

    def open(self) -> None:
        self.page.goto(self.rig.pipeline.link())

    def leave(self, action: str = "Connect") -> None:
        self.page.get_by_role("button", name=f"{action} Toybooks", exact=True).click()

    def decide(self, decision: str = "Allow") -> None:
        self.page.get_by_label(BAKERY).check()
        self.page.get_by_role("button", name=decision).click()
        self.page.wait_for_url(f"{self.rig.url}/**")

    def connect(self) -> None:
        self.open()
        self.leave()
        self.decide()

    def badge(self) -> str:
        return self.page.get_by_role("region", name="Toybooks").locator(".badge").inner_text()

    def text(self) -> str:
        return " ".join(self.page.locator("main").inner_text().split())


@pytest.fixture
def walk(rig: Rig, browser: Browser, monkeypatch: pytest.MonkeyPatch) -> Iterator[Walk]:
    context = browser.new_context(color_scheme="light", viewport={"width": 900, "height": 900})
    page = context.new_page()
    answers: list[str] = []
    page.on(
        "request",
        lambda request: answers.append(request.url) if "/callback?" in request.url else None,
    )
    yield Walk(rig, page, monkeypatch, answers)
    context.close()


def denied(walk: Walk) -> None:
    walk.open()
    walk.leave()
    walk.decide("Deny")


def replayed_by_going_back(walk: Walk) -> None:
    walk.connect()
    walk.page.go_back()
    walk.decide()


def replayed_by_opening_twice(walk: Walk) -> None:
    walk.connect()
    walk.page.go_back()
    walk.page.go_forward()
    assert walk.badge() == "Connected"
    walk.page.goto(walk.answers[0])


def forged(walk: Walk) -> None:
    walk.open()
    walk.leave()
    walk.page.goto(f"{walk.rig.url}/integration/toybooks/callback?code=x&state=forged")


def code_used_before(walk: Walk) -> None:
    walk.connect()
    used = query_of(walk.answers[0])["code"]
    walk.leave("Reconnect")
    state = query_of(consent(walk.page.url, tenant_ids=["toy-1"]))["state"]
    walk.page.goto(f"{walk.rig.url}/integration/toybooks/callback?code={used}&state={state}")


def no_lasting_access(walk: Walk) -> None:
    walk.ask_for("books.read")
    walk.connect()


CASES = [
    (
        denied,
        "You did not allow access",
        "ask an administrator of your organisation to open the connect link",
        "Not connected",
        "Connect",
    ),
    (
        replayed_by_going_back,
        "This answer was already used",
        "If you went back in the browser or reloaded the page, the first time may have worked.",
        "Connected",
        "Reconnect",
    ),
    (
        replayed_by_opening_twice,
        "This answer was already used",
        "If you went back in the browser or reloaded the page, the first time may have worked.",
        "Connected",
        "Reconnect",
    ),
    (
        forged,
        "We did not ask for this answer",
        "For your safety it was not used. What you can do This time nothing was changed.",
        "Begun, not finished",
        "Connect",
    ),
    (
        code_used_before,
        "Toybooks rejected the authorization code",
        "Go back to the connect page and connect again.",
        "Connected",
        "Reconnect",
    ),
    (
        no_lasting_access,
        "This access would end within the hour",
        "TOYBOOKS_SCOPES",
        "Not connected",
        "Connect",
    ),
]


@pytest.mark.parametrize(
    ("go", "heading", "says", "badge", "action"), CASES, ids=[case[0].__name__ for case in CASES]
)
def test_failed_attempt_ends_in_a_page_with_a_way_back(
    walk: Walk, go: Callable[[Walk], None], heading: str, says: str, badge: str, action: str
) -> None:
    go(walk)

    check_page(walk.page, heading)
    assert says in walk.text()
    assert "What you can do" in walk.text()
    walk.page.get_by_role("link", name=BACK).click()
    check_page(walk.page, HOME)
    assert walk.badge() == badge

    walk.monkeypatch.undo()
    walk.leave(action)
    walk.decide()
    assert walk.page.get_by_role("status").inner_text() == f"Toybooks is connected: {BAKERY}."
    assert walk.rig.pipeline.token().status_code == 200


def test_expired_link_says_so_and_a_new_one_leads_on(walk: Walk) -> None:
    link = walk.rig.pipeline.link()
    walk.rig.clock.advance(30 * 60)
    walk.page.goto(link)

    check_page(walk.page, "This connect link has expired")
    assert "Ask whoever sent it for a new one." in walk.text()
    assert walk.page.get_by_role("link").count() == 0
    walk.connect()
    assert walk.badge() == "Connected"


def test_missing_scope_is_named_on_the_card_until_it_is_granted(walk: Walk) -> None:
    walk.connect()
    walk.ask_for("offline_access books.read payroll.read")
    walk.open()

    check_page(walk.page, HOME)
    assert walk.badge() == "Connected"
    assert "Not granted: payroll.read. Figures that need it will be missing." in walk.text()
    walk.leave("Reconnect")
    walk.decide()
    assert walk.badge() == "Connected"
    assert "Not granted" not in walk.text()


def test_providers_error_page_that_never_returns_is_told_on_the_connect_page(walk: Walk) -> None:
    walk.ask_for("offline_access bad.scope")
    walk.open()
    walk.leave()
    assert walk.page.get_by_role("heading").inner_text() == "Sorry, something went wrong"
    walk.open()

    check_page(walk.page, HOME)
    assert walk.badge() == "Begun, not finished"
    assert "press “Connect” to try again" in walk.text()
    assert "send whoever gave you this link that error" in walk.text()
    walk.monkeypatch.undo()
    walk.leave()
    walk.decide()
    assert walk.badge() == "Connected"
    assert "not finished" not in walk.text()


def test_dead_grant_is_reconnected_in_place(walk: Walk) -> None:
    walk.connect()
    before = walk.rig.pipeline.connection()
    walk.rig.expire()
    assert walk.rig.provider.revoke_grants() == 1
    refusal = walk.rig.pipeline.token()
    walk.page.goto(refusal.json()["connect_url"])

    check_page(walk.page, HOME)
    assert walk.badge() == "Needs reconnecting"
    assert "Why: Toybooks no longer accepts our access: it was withdrawn there" in walk.text()
    assert "nothing that was fetched is lost" in walk.text()
    assert BAKERY in walk.text()
    walk.leave("Reconnect")
    walk.decide()
    check_page(walk.page, HOME)
    assert walk.badge() == "Connected"
    assert "Why:" not in walk.text()
    after = walk.rig.pipeline.connection()
    assert (after["state"], after["tenant_id"]) == ("connected", before["tenant_id"])
    history = walk.rig.pipeline.http.get(
        "/api/workspaces/acme/integrations/toybooks/history"
    ).json()["history"]
    assert [entry["outcome"] for entry in history] == ["connected", "grant_refused", "connected"]
