"""Clicks through Dagster's UI and takes the README's pictures: `make screenshots`."""

import shutil
import sys
import tempfile
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

from playwright.sync_api import sync_playwright

from scripts.pictures.pages import WIDTH, DagsterPages
from scripts.pictures.world import CUSTOMERS, DELETED, FIRST, ROOT, WITHDRAWN, World, running

_IMAGES = ROOT / "docs" / "images"
_CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")


def walk(world: World, ui: DagsterPages, tell: Callable[[str], None]) -> None:
    """Do what the README tells of, and take a picture of each step."""
    tell("waiting for the sensor to pull everybody who has connected")
    ui.wait_until_all_are_materialized(len(CUSTOMERS))
    ui.open("/assets", "xero / profit_and_loss", "gusto / payroll_costs")

    tell(f"materializing {FIRST}")
    run = ui.materialize(FIRST)
    ui.open_asset(f"partitions&partition={FIRST}", run[:8], "Net Profit by month", "Gross Profit")
    ui.take(_IMAGES / "partition.png", height=1000)

    world.let_two_fail()
    tell(f"backfilling {len(CUSTOMERS) - 1}, of whom {WITHDRAWN} and {DELETED} are to fail")
    backfill = ui.backfill_all_but(FIRST)
    ui.open(f"/runs/b/{backfill}", f"{len(CUSTOMERS) - 1} partitions", "100% completed")
    ui.take(_IMAGES / "backfill.png", height=430)

    ui.open_asset(
        f"partitions&partition={WITHDRAWN}&status=FAILED", "must reconnect", "open the connect page"
    )
    ui.take(_IMAGES / "failed.png", height=900)
    ui.page.get_by_text("and did not materialize this asset").locator("a").first.click()
    ui.shows("for 2 reasons")
    ui.page.get_by_text("[Show Markdown]").last.click()
    ui.shows("open the connect page")
    ui.open_asset("checks&checkDetail=connection", "The connection works, and more than")
    ui.click("Partitions")
    ui.shows("Passed")
    ui.click(WITHDRAWN)
    ui.shows("a person must connect Xero again")
    ui.take(_IMAGES / "checks.png", height=900)


def main() -> None:
    """Start everything, walk, and end everything."""
    if _CHROMIUM is None:
        sys.exit("needs Chromium on the PATH; on Debian and Ubuntu: apt install chromium")
    _IMAGES.mkdir(parents=True, exist_ok=True)
    with ExitStack() as exits:
        world = exits.enter_context(
            running(Path(exits.enter_context(tempfile.TemporaryDirectory())))
        )
        world.connect_everybody()
        playwright = exits.enter_context(sync_playwright())
        arguments = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
        browser = playwright.chromium.launch(executable_path=_CHROMIUM, args=arguments)
        page = browser.new_page(viewport={"width": WIDTH, "height": 1000})
        walk(world, DagsterPages(page, world.ui_url, "xero/profit_and_loss"), _tell)
        browser.close()
    for file in sorted(_IMAGES.glob("*.png")):
        _tell(f"{file.relative_to(ROOT)}  {file.stat().st_size // 1024} KB")


def _tell(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
