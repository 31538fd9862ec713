"""Whether a warehouse that is not there is new, or has been lost."""

import logging
import time
from collections.abc import Callable, Collection
from contextlib import closing
from pathlib import Path

from zebbra_pipeline.warehouse.contents import count_contents
from zebbra_pipeline.warehouse.database import Database
from zebbra_pipeline.warehouse.errors import (
    WarehouseDamagedError,
    WarehouseError,
    WarehouseMissingError,
)
from zebbra_pipeline.warehouse.faults import RESTORE
from zebbra_pipeline.warehouse.generations import copies
from zebbra_pipeline.warehouse.locks import Deadline

_log = logging.getLogger(__name__)
_TOLD_AFTER_S = 0.5
"""Another program that has the file open for longer is named in the log."""


class Patience:
    """Waits for another program that has the file open, and names it in the log, once."""

    def __init__(self, deadline: Deadline, target: str) -> None:
        self._deadline = deadline
        self._target = target
        self._began = time.monotonic()
        self._told = False

    def __call__(self, holder: str) -> bool:
        if not self._told and time.monotonic() - self._began >= _TOLD_AFTER_S:
            self._told = True
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
    Refuse to begin a new warehouse in the place of one that is known to have had figures.

    Args:
        catalog: Where there is no file, or one without a byte.
        published: Path of its published copy, beside which earlier ones are kept.
        landed_before: Returns workspaces of which others know that they have landed; called
            only where no copy has figures.

    Raises:
        WarehouseDamagedError: If there is an empty file.
        WarehouseMissingError: If there is none.
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
    Return the newest published copy that holds figures, and of how many workspaces.

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
