"""Decides whether a missing warehouse file is new or has been lost."""

import logging
import time
from collections.abc import Callable, Collection
from contextlib import closing
from pathlib import Path

from zebbra_pipeline.warehouse.contents import count_contents
from zebbra_pipeline.warehouse.database import Database
from zebbra_pipeline.warehouse.deadline import Deadline
from zebbra_pipeline.warehouse.errors import (
    WarehouseDamagedError,
    WarehouseError,
    WarehouseMissingError,
)
from zebbra_pipeline.warehouse.faults import RESTORE
from zebbra_pipeline.warehouse.generations import copies

_log = logging.getLogger(__name__)
_LOG_AFTER_S = 0.5
"""The other program is logged after this wait."""


class Patience:
    """Waits for another program that has the file open, and logs its name once."""

    def __init__(self, deadline: Deadline, target: str) -> None:
        self._deadline = deadline
        self._target = target
        self._began = time.monotonic()
        self._logged = False

    def __call__(self, holder: str) -> bool:
        if not self._logged and time.monotonic() - self._began >= _LOG_AFTER_S:
            self._logged = True
            _log.warning(
                "waiting for another program that has warehouse %s open: %s; close it, or this "
                "gives up in %.0f s",
                self._target,
                holder,
                self._deadline.left_s,
            )
        return self._deadline.pause()


_NAMED = 5


def refuse_if_lost(
    catalog: Path, published: Path, landed_before: Callable[[], Collection[str]]
) -> None:
    """
    Refuse to create a new warehouse where one with figures is known to have existed.

    Args:
        catalog: Path of the missing or empty file.
        published: Path of its published copy; earlier copies are in the same folder.
        landed_before: Returns workspaces that have landed according to another source; called
            only if no copy has figures.

    Raises:
        WarehouseDamagedError: If figures have landed and the file is empty.
        WarehouseMissingError: If figures have landed and there is no file.
    """
    found = _newest_with_figures(published)
    if found is not None:
        copy, count = found
        plural = "" if count == 1 else "s"
        has = "cannot be read" if count is None else f"has figures of {count} workspace{plural}"
        known = f"the published copy {copy} {has}"
    elif landed := sorted(landed_before()):
        more = f" and {len(landed) - _NAMED} more" if len(landed) > _NAMED else ""
        known = (
            f"Dagster's history says that figures of {len(landed)} workspaces have landed "
            f"({', '.join(landed[:_NAMED])}{more})"
        )
    else:
        return
    advice = (
        f"if its disk is not mounted, mount it; else {RESTORE}; or, to start again without "
        "figures: zebbra publish --force"
    )
    if catalog.exists():
        raise WarehouseDamagedError(
            f"warehouse {catalog}: damaged, it is an empty file, although {known}; {advice}"
        )
    raise WarehouseMissingError(
        f"warehouse {catalog}: there is no such file, although {known}; {advice}"
    )


def _newest_with_figures(published: Path) -> tuple[Path, int | None] | None:
    """
    Return the newest published copy that has figures, and how many workspaces it has.

    A copy that cannot be read counts as one: its number is None.
    """
    for path in copies(published):
        count = _workspaces_in(path)
        if count != 0:
            return path, count
    return None


def _workspaces_in(path: Path) -> int | None:
    import duckdb

    try:
        with closing(Database.open(path, read_only=True, is_copy=True)) as database:
            return len(count_contents(database).workspaces)
    except (WarehouseError, duckdb.Error):
        return None
