"""
Keeps what is in `ZEBBRA_HOME` for its user alone.

Figures, salaries and tokens are in it, also in files that libraries make with modes of their own,
such as Dagster's databases.
"""

import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

OTHERS = stat.S_IRWXG | stat.S_IRWXO
_OF_A_PROJECT = (".git", "pyproject.toml")
UMASK = OTHERS
"""Of each process that writes into a home."""


def make_private(home: Path) -> None:
    """
    Take the rights of others from *home*, if it is there, and from all that is in it.

    A folder that is not its own, such as `/tmp` or a project's, is left as it is, and so is what
    belongs to another user or lies behind a symbolic link; `zebbra doctor` names these.
    """
    if is_shared(home):
        return
    for path, mode in exposed(home):
        with suppress(OSError):  # another user's, or taken away just now
            path.chmod(stat.S_IMODE(mode) & ~OTHERS)


@contextmanager
def private_umask() -> Iterator[None]:
    """Let all files that this process makes in the block be for its user alone."""
    before = os.umask(UMASK)
    try:
        yield
    finally:
        os.umask(before)


def exposed(home: Path) -> Iterator[tuple[Path, int]]:
    """
    Give what others may read or write, with its mode: *home* first, then what is in it.

    Of a folder that is not its own, only that is looked at.
    """
    found = _mode(home)
    if found is None:
        return
    if found & OTHERS:
        yield home, found
    if is_shared(home):
        return
    for parent, folders, files in os.walk(home):
        for name in (*folders, *files):
            path = Path(parent, name)
            mode = _mode(path)
            if mode is not None and mode & OTHERS and not stat.S_ISLNK(mode):
                yield path, mode


def is_shared(home: Path) -> bool:
    """Return whether *home* is all users' or the root, a user's home, or the folder of a project."""
    mode = _mode(home)
    return (
        home in {Path(home.anchor), _home_of_user()}
        or (mode is not None and bool(mode & stat.S_ISVTX))
        or any(os.path.lexists(home / name) for name in _OF_A_PROJECT)
    )


def _home_of_user() -> Path | None:
    try:
        return Path.home()
    except RuntimeError:  # a container's user need not be in any list of users
        return None


def _mode(path: Path) -> int | None:
    try:
        return path.lstat().st_mode
    except OSError:
        return None
