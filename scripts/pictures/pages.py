"""Dagster's UI as a person clicks through it."""

import time
from collections.abc import Collection
from pathlib import Path
from typing import Any

from playwright.sync_api import Locator, Page, expect

_SHOWN_MS = 90_000
_RUN_S = 300.0
_POLL_MS = 500
WIDTH = 1400
_MOST_BYTES = 200 * 1024
_LATEST_RUN = """{ found: runsOrError(limit: 1, filter: {tags: [{key: "dagster/from_ui", value: "true"}]}) {
    ... on Runs { results { id status } } } }"""
_LATEST_BACKFILL = """{ found: partitionBackfillsOrError(limit: 1) {
    ... on PartitionBackfills { results { id status } } } }"""


class DagsterPages:
    """
    The pages of one asset in Dagster's UI.

    Args:
        page: Of Playwright.
        url: Of the UI.
        asset: Key of the asset, e.g. `xero/profit_and_loss`.
    """

    def __init__(self, page: Page, url: str, asset: str) -> None:
        self.page = page
        self._url = url
        self._asset = f"/assets/{asset}"
        page.set_default_timeout(_SHOWN_MS)

    def open(self, path: str, *texts: str) -> None:
        """Open a page and wait until it shows all *texts*."""
        self.page.goto(f"{self._url}{path}")
        self.shows(*texts)

    def open_asset(self, view: str, *texts: str) -> None:
        """Open a view of the asset, e.g. `partitions`, and wait until it shows all *texts*."""
        self.open(f"{self._asset}?view={view}", *texts)

    def shows(self, *texts: str) -> None:
        """Wait until the page shows all *texts*."""
        for text in texts:
            self.page.get_by_text(text).first.wait_for()

    def wait_until_all_are_materialized(self, count: int) -> None:
        """Look at the page of partitions, again and again, until it counts so many as materialized."""
        deadline = time.monotonic() + _RUN_S
        while time.monotonic() < deadline:
            self.open_asset("partitions", "Materialized (")
            self.page.wait_for_load_state("networkidle")
            if self.page.get_by_text(f"Materialized ({count})").count():
                return
        raise TimeoutError(f"{self._asset}: not all {count} are materialized")

    def materialize(self, partition: str) -> str:
        """Materialize one partition by clicking; return the id of its run, which has succeeded."""
        before = self._latest(_LATEST_RUN)["id"]
        self._launch(partition)
        return self._wait_for(_LATEST_RUN, before, {"SUCCESS"}, {"FAILURE", "CANCELED"})

    def backfill_all_but(self, partition: str) -> str:
        """Launch a backfill of all partitions but one by clicking; return its id when it has ended."""
        before = self._latest(_LATEST_BACKFILL)["id"]
        self._launch("Select all", partition)
        ended = {"COMPLETED_FAILED", "COMPLETED_SUCCESS", "COMPLETED"}
        return self._wait_for(_LATEST_BACKFILL, before, ended, {"FAILED", "CANCELED"})

    def click(self, text: str) -> None:
        """Click the last thing on the page that can be seen and says exactly *text*."""
        self.page.get_by_text(text, exact=True).locator("visible=true").last.click()

    def take(self, file: Path, *, height: int) -> None:
        """
        Take a picture of the window once the page has come to rest.

        Raises:
            ValueError: If it is larger than a README should carry.
        """
        self.page.set_viewport_size({"width": WIDTH, "height": height})
        self.page.mouse.move(WIDTH - 1, height - 1)
        self.page.wait_for_load_state("networkidle")
        picture = self.page.screenshot(animations="disabled")
        if len(picture) > _MOST_BYTES:
            raise ValueError(f"{file.name}: {len(picture)} bytes are too many")
        file.write_bytes(picture)

    def _launch(self, *choices: str) -> None:
        self.open_asset("partitions", "Materialized (")
        self.page.locator("button", has_text="Materialize").first.click()
        dialog = self.page.get_by_role("dialog")
        dialog.get_by_text("Select a partition or create one").click()
        self.page.get_by_placeholder("Filter partitions").wait_for()
        for choice in choices:
            self._choice(choice).click()
        self.page.keyboard.press("Escape")
        launch = dialog.locator("button", has_text="Launch").last
        expect(launch).to_be_enabled(timeout=_SHOWN_MS)
        launch.click()

    def _choice(self, name: str) -> Locator:
        return self.page.get_by_role("menuitem").filter(has_text=name).locator("label").last

    def _wait_for(
        self, query: str, before: str, wanted: Collection[str], failed: Collection[str]
    ) -> str:
        deadline = time.monotonic() + _RUN_S
        while time.monotonic() < deadline:
            found = self._latest(query)
            if found["id"] != before and found["status"] in wanted:
                return found["id"]
            if found["id"] != before and found["status"] in failed:
                raise RuntimeError(f"{found['id']}: {found['status']}")
            self.page.wait_for_timeout(_POLL_MS)
        raise TimeoutError("what was launched has not ended")

    def _latest(self, query: str) -> dict[str, str]:
        answer = self.page.request.post(f"{self._url}/graphql", data={"query": query})
        results: list[dict[str, Any]] = answer.json()["data"]["found"]["results"]
        return results[0] if results else {"id": "", "status": ""}
