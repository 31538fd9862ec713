"""Earlier published copies: the last three are kept next to the current one."""

import os
import shutil
from pathlib import Path

DRAFT = ".draft.duckdb"
"""Suffix of an unfinished copy; the next publish removes such files."""

KEPT = 3
"""How many earlier published copies are kept."""


def generation(published: Path, number: int) -> Path:
    """Return the path of an earlier copy; 1 is the newest of them."""
    return published.with_name(f"{published.name}.{number}")


def copies(published: Path) -> list[Path]:
    """Return the current and the earlier copies that exist, the newest first."""
    paths = [published, *(generation(published, number) for number in range(1, KEPT + 1))]
    return [path for path in paths if path.is_file()]


def keep(published: Path) -> None:
    """
    Keep the current copy as the newest earlier one, and remove the oldest.

    The current copy also stays in its place, as a hard link to the same file, so that readers
    always find one. If the process is killed at any point, every copy still has a name.

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
    except OSError:  # no hard links, or the link crosses file systems
        draft = published.with_name(f".{published.name}.kept{DRAFT}")
        try:
            shutil.copy2(present, draft)
            draft.replace(newest)
        finally:
            draft.unlink(missing_ok=True)
