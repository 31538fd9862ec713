"""A real browser goes from the connect link over the consent page to "Connected"."""

import os
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Locator, Page
from support.contrast import CONTRASTS
from support.oauth_rig import Rig

pytestmark = pytest.mark.browser


def test_person_connects_chooses_and_disconnects(
    rig: Rig, browser: Browser, tmp_path: Path
) -> None:
    pictures = Path(os.environ.get("ZEBBRA_TEST_PICTURES", tmp_path))
    context = browser.new_context(color_scheme="light", viewport={"width": 900, "height": 900})
    page = context.new_page()
    complaints: list[str] = []
    page.on(
        "console",
        lambda message: (
            complaints.append(message.text) if message.location["url"].startswith(rig.url) else None
        ),
    )
    page.goto(rig.pipeline.link())
    assert "session=" not in page.url
    page.screenshot(path=pictures / "1-connect.png", full_page=True)

    page.get_by_role("button", name="Connect Toybooks").click()
    page.screenshot(path=pictures / "2-consent.png", full_page=True)
    page.get_by_label("Bakery & Sons <Ltd>").check()
    page.get_by_label("Second Shop").check()
    page.get_by_role("button", name="Allow").click()

    page.wait_for_url("**/integration/toybooks/tenant?*")
    page.screenshot(path=pictures / "3-choice.png", full_page=True)
    page.get_by_label("Second Shop").check()
    page.get_by_role("button", name="Use this organisation").click()

    page.wait_for_url("**/connect?done=connected*")
    assert page.get_by_role("status").inner_text() == "Toybooks is connected: Second Shop."
    assert _card(page).locator(".badge").inner_text() == "Connected"
    page.screenshot(path=pictures / "4-connected.png", full_page=True)

    page.emulate_media(color_scheme="dark")
    page.set_viewport_size({"width": 360, "height": 800})
    page.get_by_text("Disconnect", exact=False).first.click()
    page.screenshot(path=pictures / "5-dark-narrow.png", full_page=True)
    width = page.evaluate("document.documentElement.scrollWidth")
    assert width <= 360

    page.get_by_role("button", name="Yes, disconnect Toybooks").click()
    page.wait_for_url("**/connect?done=disconnected*")
    assert _card(page).locator(".badge").inner_text() == "Disconnected"
    assert complaints == []
    context.close()


def test_keyboard_alone_reaches_the_consent_page(rig: Rig, browser: Browser) -> None:
    page = browser.new_page()
    page.goto(rig.pipeline.link())
    for _ in range(5):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.textContent").startswith("Connect"):
            break
    page.keyboard.press("Enter")
    page.wait_for_url(f"{rig.provider.base_url}/authorize*")
    page.close()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_text_has_enough_contrast(rig: Rig, browser: Browser, scheme: str) -> None:
    rig.connect()
    rig.expire()
    rig.provider.revoke_grants()
    link = rig.pipeline.token().json()["connect_url"]
    page = browser.new_page(color_scheme=scheme)  # type: ignore[arg-type]
    page.goto(link)
    page.get_by_text("Disconnect", exact=False).first.click()
    contrasts = page.evaluate(CONTRASTS)
    page.close()

    assert len(contrasts) > 15
    assert [item for item in contrasts if item["ratio"] < 4.5] == []


def test_text_twice_as_large_fits_a_phone_and_breaks_no_button(rig: Rig, browser: Browser) -> None:
    rig.connect()
    page = browser.new_page(viewport={"width": 380, "height": 800})
    page.goto(rig.pipeline.link())
    page.evaluate("document.documentElement.style.fontSize = '200%'")
    width = page.evaluate("document.documentElement.scrollWidth")
    lines = page.get_by_role("button", name="Reconnect Toybooks").evaluate(
        """(button) => {
          const range = document.createRange();
          range.selectNodeContents(button.firstChild);
          return range.getClientRects().length;
        }"""
    )
    page.close()

    assert width <= 380
    assert lines == 1


def test_page_needs_no_javascript(rig: Rig, browser: Browser) -> None:
    page = browser.new_page(java_script_enabled=False)
    page.goto(rig.pipeline.link())
    page.get_by_role("button", name="Connect Toybooks").click()
    page.get_by_label("Second Shop").check()
    page.get_by_role("button", name="Allow").click()
    assert _card(page).locator(".badge").inner_text() == "Connected"
    page.get_by_text("Disconnect", exact=False).first.click()
    page.get_by_role("button", name="Yes, disconnect Toybooks").click()
    assert _card(page).locator(".badge").inner_text() == "Disconnected"
    page.close()


def _card(page: Page) -> Locator:
    return page.get_by_role("region", name="Toybooks")
