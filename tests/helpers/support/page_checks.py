"""What every page for a person has to keep, measured in a browser; and walking by keyboard."""

from playwright.sync_api import Page
from support.contrast import CONTRASTS

PHONE = 380
"""Width of a small phone, in CSS pixels."""

_OUTLINE = """() => {
  const style = getComputedStyle(document.activeElement);
  return style.outlineStyle === "none" ? 0 : parseFloat(style.outlineWidth);
}"""
_START = """() => {
  document.body.tabIndex = -1;
  document.body.focus();
  document.body.removeAttribute("tabindex");
}"""
_STOPS = """() => [...document.querySelectorAll("a[href], button, summary, select, textarea, input")]
  .filter((e) => e.checkVisibility() && e.type !== "hidden")
  .filter((e) => e.type !== "radio" || e.checked || (
    !e.form.querySelector(":checked") && e === e.form.querySelector("[type=radio]")))"""
_FOCUSED = f"() => ({_STOPS})().indexOf(document.activeElement)"
_NAME = "() => (document.activeElement.labels?.[0] ?? document.activeElement).textContent"


def check_page(page: Page, heading: str, *, title: str | None = None) -> None:
    """
    Assert that *page* is whole: structure, contrast (WCAG AA), phone width and focus order.

    It is looked at in light and dark, and left in light, at its own size. Its title is *heading*
    unless *title* is given.
    """
    assert page.locator("html").get_attribute("lang") == "en"
    assert [item.inner_text() for item in page.locator("h1").all()] == [heading]
    assert page.title() == f"{title or heading} · Zebbra"
    assert page.locator("main").count() == 1
    size = page.viewport_size
    assert size is not None
    page.set_viewport_size({"width": PHONE, "height": 800})
    assert page.evaluate("document.documentElement.scrollWidth") <= PHONE
    for scheme in ("dark", "light"):
        page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
        contrasts = page.evaluate(CONTRASTS)
        assert len(contrasts) > 3
        assert [(scheme, item) for item in contrasts if item["ratio"] < 4.5] == []
    page.set_viewport_size(size)
    _check_focus_order(page)


def _check_focus_order(page: Page) -> None:
    """Assert that Tab visits what can be used, each visibly, in the order of reading."""
    page.evaluate(_START)
    visited = []
    for _ in range(page.evaluate(f"() => ({_STOPS})().length")):
        page.keyboard.press("Tab")
        visited.append(page.evaluate(_FOCUSED))
        assert page.evaluate(_OUTLINE) >= 2
    assert visited == list(range(len(visited)))


def tab_to(page: Page, name: str) -> None:
    """Press Tab until what is called *name* has the focus; fail unless that is visible."""
    passed = []
    for _ in range(20):
        page.keyboard.press("Tab")
        passed.append(" ".join((page.evaluate(_NAME) or "").split()))
        if passed[-1] == name:
            assert page.evaluate(_OUTLINE) >= 1
            return
    raise AssertionError(f"{name}: expected to be reached by Tab; passed {passed}")
