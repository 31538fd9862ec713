"""How much memory the processes took at most, and how large files have become. Linux only."""

import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

_EVERY_S = 0.3
_KB = 1024


class Peaks:
    """The largest resident set of each kind of process that was seen, in bytes."""

    def __init__(self) -> None:
        self.bytes: dict[str, int] = {}

    def see(self, kind: str, pid: int) -> None:
        """Look at a process; one that has ended is passed over."""
        with suppress(OSError, StopIteration):
            lines = Path(f"/proc/{pid}/status").read_text().splitlines()
            line = next(item for item in lines if item.startswith("VmHWM:"))
            self.bytes[kind] = max(self.bytes.get(kind, 0), int(line.split()[1]) * _KB)


@contextmanager
def watching(pids: Callable[[], Mapping[str, int]], launcher: str) -> Iterator[Peaks]:
    """
    Look at processes from time to time while the block runs.

    Args:
        pids: Returns the processes by kind.
        launcher: The kind whose children are looked at as `run worker`.
    """
    peaks, done = Peaks(), threading.Event()

    def look() -> None:
        while not done.wait(_EVERY_S):
            for kind, pid in dict(pids()).items():
                peaks.see(kind, pid)
                if kind == launcher:
                    for child in _children(pid):
                        peaks.see("run worker", child)

    thread = threading.Thread(target=look, daemon=True)
    thread.start()
    try:
        yield peaks
    finally:
        done.set()
        thread.join()


def _children(pid: int) -> list[int]:
    found: list[int] = []
    for task in Path(f"/proc/{pid}/task").glob("*/children"):
        with suppress(OSError):
            found += map(int, task.read_text().split())
    return found


def size_of(path: Path) -> int:
    """Return the bytes of a file with its journals, or of everything in a folder."""
    files = path.rglob("*") if path.is_dir() else path.parent.glob(f"{path.name}*")
    return sum(item.stat().st_size for item in files if item.is_file())
