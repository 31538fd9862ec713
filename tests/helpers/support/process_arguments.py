"""What all users of a machine can read: the arguments of the processes that run on it."""

import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from support.leaks import kinds_in

_EVERY_S = 0.1
_SEALED = re.compile(r"gAAAA[\w-]{20,}")
_KEY_FILES = ("service.key", "encryption.keys")


def processes_of(home: Path) -> list[str]:
    """Return command lines of processes that were started with this ZEBBRA_HOME."""
    return list(command_lines_of(home).values())


def command_lines_of(home: Path) -> dict[int, str]:
    """Return the same by process id."""
    found = {}
    for folder in Path("/proc").iterdir():
        try:
            if f"ZEBBRA_HOME={home}".encode() in (folder / "environ").read_bytes().split(b"\0"):
                line = (folder / "cmdline").read_bytes().replace(b"\0", b" ").decode()
                found[int(folder.name)] = line
        except (OSError, ValueError):
            continue
    return found


@contextmanager
def watched_arguments(home: Path) -> Iterator[set[str]]:
    """Collect command lines of those processes, children of children too, while the block runs."""
    seen: set[str] = set()
    over = threading.Event()

    def watch() -> None:
        while not over.wait(_EVERY_S):
            seen.update(processes_of(home))

    watching = threading.Thread(target=watch, daemon=True)
    watching.start()
    try:
        yield seen
    finally:
        over.set()
        watching.join()


def secrets_in_arguments(command_lines: set[str], home: Path) -> set[str]:
    """Return kinds of what should not be there: keys of *home*, tokens, codes, links, cookies."""
    text = "\n".join(sorted(command_lines))
    kinds = kinds_in(text)
    for name in _KEY_FILES:
        if any(key in text for key in (home / name).read_text().split()):
            kinds.add(name)
    if _SEALED.search(text):
        kinds.add("link or cookie")
    return kinds
