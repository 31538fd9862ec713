"""Keyboard alone: connect, choose the organisation, change one's mind, disconnect."""

import httpx
import pytest
from playwright.sync_api import Browser, Page
from support.oauth_rig import Rig
from support.page_checks import check_page, tab_to

pytestmark = pytest.mark.browser


def test_keyboard_alone_connects_chooses_and_disconnects(rig: Rig, browser: Browser) -> None:
    page = browser.new_page(color_scheme="light", viewport={"width": 900, "height": 900})
    page.goto(rig.pipeline.link())
    _press(page, "Connect Toybooks", "Enter")
    page.wait_for_url(f"{rig.provider.base_url}/authorize*")
    _press(page, "Bakery & Sons <Ltd>", "Space")
    _press(page, "Second Shop", "Space")
    _press(page, "Allow", "Enter")
    page.wait_for_url("**/integration/toybooks/tenant?*")

    check_page(page, "Which organisation belongs to Acme Ltd?", title="Choose an organisation")
    page.reload()
    tab_to(page, "Bakery & Sons <Ltd>")
    page.keyboard.press("ArrowDown")
    assert page.get_by_label("Second Shop").is_checked()
    _press(page, "Use this organisation", "Enter")
    page.wait_for_url("**/connect?done=connected*")
    assert page.get_by_role("status").inner_text() == "Toybooks is connected: Second Shop."
    token = rig.pipeline.token().json()["access_token"]
    assert _tenants(rig, token) == 200

    _press(page, "Disconnect Toybooks", "Enter")
    assert page.get_by_role("button", name="Yes, disconnect Toybooks").is_visible()
    check_page(page, "Connect Acme Ltd")
    page.reload()
    _press(page, "Disconnect Toybooks", "Space")
    _press(page, "Keep Toybooks connected", "Enter")
    page.wait_for_url(f"{rig.url}/connect")
    assert page.get_by_role("button", name="Yes, disconnect Toybooks").is_hidden()
    assert rig.pipeline.connection()["state"] == "connected"
    assert rig.provider.calls("/revoke") == []

    _press(page, "Disconnect Toybooks", "Enter")
    _press(page, "Yes, disconnect Toybooks", "Enter")
    page.wait_for_url("**/connect?done=disconnected*")
    assert page.get_by_role("status").inner_text() == "Toybooks is disconnected."
    card = page.get_by_role("region", name="Toybooks")
    assert card.locator(".badge").inner_text() == "Disconnected"
    assert [call["status"] for call in rig.provider.calls("/revoke")] == [200]
    assert _tenants(rig, token) == 401
    page.close()


def _press(page: Page, name: str, key: str) -> None:
    tab_to(page, name)
    page.keyboard.press(key)


def _tenants(rig: Rig, token: str) -> int:
    """The provider's answer to a request with *token*."""
    answer = httpx.get(
        f"{rig.provider.base_url}/tenants", headers={"Authorization": f"Bearer {token}"}
    )
    return answer.status_code
