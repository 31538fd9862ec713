"""In a real browser against Xero's sandbox: what disconnecting ends there."""

from pathlib import Path

import httpx
import pytest
from playwright.sync_api import Browser
from support.oauth_builtin import running_builtin
from support.page_checks import check_page, tab_to

pytestmark = pytest.mark.browser


def test_disconnecting_deletes_the_connection_at_xero(browser: Browser, tmp_path: Path) -> None:
    with running_builtin("xero", tmp_path / "home") as xero:
        page = browser.new_page(color_scheme="light", viewport={"width": 900, "height": 900})
        page.goto(xero.pipeline.link())
        page.get_by_role("button", name="Connect Xero", exact=True).click()
        page.locator("[name=tenant_id]").first.check()
        page.get_by_role("button", name="Allow").click()
        page.wait_for_url("**/connect?done=connected*")
        check_page(page, "Connect Acme Ltd")
        token = xero.token()
        assert page.get_by_role("status").inner_text() == (
            f"Xero is connected: {token['tenant_name']}."
        )
        headers = {"Authorization": f"Bearer {token['access_token']}"}
        there = f"{xero.sandbox.base_url}/connections"
        (seen,) = httpx.get(there, headers=headers, timeout=60).json()
        assert seen["tenantId"] == token["tenant_id"]

        tab_to(page, "Disconnect Xero")
        page.keyboard.press("Enter")
        tab_to(page, "Yes, disconnect Xero")
        page.keyboard.press("Enter")
        page.wait_for_url("**/connect?done=disconnected*")
        deleted = [call for call in xero.sandbox.calls("/connections/") if call["status"] == 204]
        assert [(call["method"], call["path"]) for call in deleted] == [
            ("DELETE", f"/connections/{seen['id']}")
        ]
        left = httpx.get(there, headers=headers, timeout=60)
        assert (left.status_code, left.json()) == (200, [])
        badge = page.get_by_role("region", name="Xero").locator(".badge")
        assert badge.inner_text() == "Disconnected"
        page.close()
