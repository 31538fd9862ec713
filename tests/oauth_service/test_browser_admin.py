"""A real browser goes through the operator's page: filter, refresh, link, disconnect."""

import os
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page
from support.contrast import CONTRASTS
from support.oauth_rig import Rig
from support.operator import a_mixed_office, admin_link

pytestmark = pytest.mark.browser

CLIPPED = """
() => [...document.querySelectorAll("select")].filter(select => {
  const natural = select.cloneNode(false);
  natural.append(select.selectedOptions[0].cloneNode(true));
  natural.style.cssText = "position: absolute; width: auto";
  select.parentNode.append(natural);
  const needed = natural.offsetWidth;
  natural.remove();
  return select.offsetWidth < needed;
}).map(select => select.name)
"""
"""Names of the selects that are too narrow for what is chosen in them."""


def test_operator_filters_refreshes_makes_a_link_and_disconnects(
    rig: Rig, browser: Browser, tmp_path: Path
) -> None:
    pictures = Path(os.environ.get("ZEBBRA_TEST_PICTURES", tmp_path))
    a_mixed_office(rig)
    page = browser.new_page(color_scheme="light", viewport={"width": 1280, "height": 900})
    complaints: list[str] = []
    page.on("console", lambda message: complaints.append(message.text))
    page.goto(admin_link(rig))
    assert "session=" not in page.url
    page.screenshot(path=pictures / "admin-1-all.png", full_page=True)

    page.get_by_role("combobox", name="State").select_option("Needs reconnecting")
    page.get_by_role("button", name="Filter").click()
    assert [row.split("\n")[0] for row in page.locator("tbody tr").all_inner_texts()] == [
        "globex Ltd"
    ]
    page.get_by_role("link", name="Show all").click()

    page.get_by_role("button", name="Refresh Toybooks of acme Ltd").click()
    assert page.get_by_role("status").inner_text() == "Toybooks is refreshed."
    assert rig.history("acme")[-1] == "refreshed"
    page.screenshot(path=pictures / "admin-2-refreshed.png", full_page=True)

    page.get_by_role("button", name="Make a connect link").click()
    url = page.get_by_label("Connect link", exact=True).input_value()
    page.screenshot(path=pictures / "admin-3-link.png", full_page=True)
    assert "Connect acme Ltd" in rig.new_person().open(url).text
    page.get_by_role("link", name="Done").click()

    page.get_by_role("link", name="Disconnect Toybooks of acme Ltd").click()
    page.screenshot(path=pictures / "admin-4-disconnect.png", full_page=True)
    assert rig.pipeline.connection()["state"] == "connected"
    page.get_by_role("button", name="Yes, disconnect").click()
    assert page.get_by_role("status").inner_text() == (
        "Toybooks is disconnected. Its history is kept."
    )
    assert rig.pipeline.connection()["state"] == "disconnected"
    assert complaints == []
    page.close()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_operators_page_fits_a_phone_and_every_text_has_enough_contrast(
    rig: Rig, browser: Browser, tmp_path: Path, scheme: str
) -> None:
    pictures = Path(os.environ.get("ZEBBRA_TEST_PICTURES", tmp_path))
    a_mixed_office(rig)
    page = browser.new_page(
        color_scheme=scheme,  # type: ignore[arg-type]
        viewport={"width": 380, "height": 800},
    )
    page.goto(admin_link(rig))
    looked_at = [_look(page, pictures / f"admin-{scheme}-phone-all.png")]
    page.get_by_role("link", name="Toybooks of globex Ltd: details").click()
    looked_at.append(_look(page, pictures / f"admin-{scheme}-phone-one.png"))
    page.set_viewport_size({"width": 1280, "height": 900})
    page.screenshot(path=pictures / f"admin-{scheme}-one.png", full_page=True)
    page.get_by_role("link", name="all connections").click()
    page.screenshot(path=pictures / f"admin-{scheme}-all.png", full_page=True)
    page.close()

    for width, contrasts in looked_at:
        assert width <= 380
        assert len(contrasts) > 15
        assert [item for item in contrasts if item["ratio"] < 4.5] == []


def test_what_the_filter_is_set_to_can_be_read_at_every_width(rig: Rig, browser: Browser) -> None:
    page = browser.new_page(viewport={"width": 320, "height": 800})
    page.goto(admin_link(rig))
    clipped = {}
    for width in range(320, 1400, 20):
        page.set_viewport_size({"width": width, "height": 800})
        if names := page.evaluate(CLIPPED):
            clipped[width] = names
    page.close()

    assert clipped == {}


def test_keyboard_alone_filters(rig: Rig, browser: Browser) -> None:
    a_mixed_office(rig)
    page = browser.new_page()
    page.goto(admin_link(rig))
    page.get_by_label("Workspace or organisation").focus()
    page.keyboard.type("init")
    page.keyboard.press("Enter")
    page.wait_for_url("**/admin?text=init*")

    assert page.locator("tbody tr").count() == 1
    for _ in range(20):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.textContent") == "Connect link for Initech":
            break
    page.keyboard.press("Enter")
    page.wait_for_url("**/admin/link?*")
    page.close()


def _look(page: Page, picture: Path) -> tuple[int, list[dict[str, float]]]:
    page.screenshot(path=picture, full_page=True)
    width = page.evaluate("document.documentElement.scrollWidth")
    return width, page.evaluate(CONTRASTS)
