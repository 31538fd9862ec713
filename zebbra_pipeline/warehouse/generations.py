"""The published copies before the present one: the last three are kept beside it."""

import os
import shutil
from pathlib import Path

DRAFT = ".draft.duckdb"
"""How the name of a copy ends that is not finished; such files are removed by the next publish."""

KEPT = 3
"""How many earlier published copies are kept."""


def generation(published: Path, number: int) -> Path:
    """Return the path of an earlier copy; 1 is the last before the present one."""
    return published.with_name(f"{published.name}.{number}")


def copies(published: Path) -> list[Path]:
    """Return the present copy and those before it, as far as they exist, the newest first."""
    paths = [published, *(generation(published, number) for number in range(1, KEPT + 1))]
    return [path for path in paths if path.is_file()]


def keep(published: Path) -> None:
    """
    Keep the present copy as the newest earlier one; the oldest of them goes.

    The present copy stays in its place too, as a second name of the same file, so that readers
    find one at every moment. Killed at any point it leaves every copy under some name.

    Raises:
        OSError: If the folder cannot be written.
    """
    newest = generation(published, 1)
    if newest.exists() and newest.samefile(published):
        return  # a process was killed between this and the swap
    numbers = range(1, KEPT + 1)
    free = next((n for n in numbers if not generation(published, n).exists()), KEPT)
    for number in range(free, 1, -1):
        generation(published, number - 1).replace(generation(published, number))
    present = published.resolve()
    try:
        os.link(present, newest)
    except OSError:  # a file system without hard links, or another one
        draft = published.with_name(f".{published.name}.kept{DRAFT}")
        try:
            shutil.copy2(present, draft)
            draft.replace(newest)
        finally:
            draft.unlink(missing_ok=True)
