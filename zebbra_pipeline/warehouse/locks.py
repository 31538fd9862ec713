"""A fair queue of writers over files, so that one process at a time has the warehouse open."""

import json
import os
import re
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict
from datetime import datetime
from hashlib import sha256
from pathlib import Path
from uuid import uuid4

from filelock import FileLock, Timeout

from integrations.runtime.backoff import Backoff
from zebbra_pipeline.warehouse.database import PRIVATE_FILE, private_folder
from zebbra_pipeline.warehouse.errors import Holder, WarehouseBusyError

_63_BITS = (1 << 63) - 1


@contextmanager
def held_by_file(warehouse: Path, workspace_id: str) -> Iterator[None]:
    """
    Hold the workspace's lock file beside *warehouse*; the file stays, empty.

    Raises:
        WarehouseBusyError: If another has it; nothing is waited for.
    """
    folder = warehouse.with_name(f"{warehouse.name}.pulls")
    private_folder(warehouse.parent)
    private_folder(folder)
    # Not thread-local: it is given back in another thread than it was taken in.
    path = folder / f"{workspace_id}.lock"
    lock = FileLock(path, timeout=0, mode=PRIVATE_FILE, thread_local=False)
    try:
        lock.acquire()
    except Timeout:
        raise WarehouseBusyError(f"workspace {workspace_id!r} is being pulled") from None
    try:
        yield
    finally:
        lock.release()


def any_held(warehouse: Path) -> bool:
    """Return whether any workspace is being pulled into *warehouse*, a file."""
    folder = warehouse.with_name(f"{warehouse.name}.pulls")
    for path in sorted(folder.glob("*.lock")):
        lock = FileLock(path, timeout=0, mode=PRIVATE_FILE, thread_local=False)
        try:
            with lock:
                continue
        except Timeout:
            return True
    return False


def number_of(workspace_id: str) -> int:
    """
    Return the number of the workspace's advisory lock.

    Two workspaces that share one, which nobody will see, only wait for each other.
    """
    digest = sha256(f"pull {workspace_id}".encode()).digest()
    return int.from_bytes(digest[:8]) & _63_BITS


_TICKET = re.compile(r"(\d{9})-\w+\.lock")
_PAUSES = Backoff(first_s=0.005, longest_s=0.02)


class Deadline:
    """A moment on the monotonic clock, with pauses that grow until it."""

    def __init__(self, seconds: float) -> None:
        self._end = time.monotonic() + seconds
        self._pauses = 0

    @property
    def left_s(self) -> float:
        """Seconds left, at least 0."""
        return max(0.0, self._end - time.monotonic())

    def pause(self) -> bool:
        """Sleep a little and return True, or return False once the time is over."""
        if not self.left_s:
            return False
        self._pauses += 1
        time.sleep(min(_PAUSES.wait_s(self._pauses), self.left_s))
        return True


class WriterQueue:
    """
    First come, first served, across threads and processes.

    A writer draws a numbered ticket: a file that it keeps locked. It watches the ticket just
    before its own, and has its turn when none is left there. The system unlocks the ticket of
    a process that dies, and the next in line throws it away.

    Attributes:
        folder: Where the tickets lie.
    """

    def __init__(self, target: Path, *, clock: Callable[[], datetime]) -> None:
        self._target = target
        self.folder = target.with_name(f"{target.name}.queue")
        self._clock = clock

    @contextmanager
    def turn(self, purpose: str, deadline: Deadline) -> Iterator[None]:
        """
        Wait for the turn, and give it back at the end of the block.

        Args:
            purpose: Shown to whoever waits too long for it.
            deadline: When to give up.

        Raises:
            WarehouseBusyError: If the turn does not come in time; it names the holder.
        """
        private_folder(self.folder)
        ticket, lock = self._draw(purpose, deadline)
        try:
            while ahead := self._ahead_of(ticket):
                if not self._cleared(ahead[-1]) and not deadline.pause():
                    raise self._too_late(purpose, ahead)
            self._describe(ticket, purpose)
            yield
        finally:
            _notes(ticket).unlink(missing_ok=True)
            lock.release()
            ticket.unlink(missing_ok=True)

    def _draw(self, purpose: str, deadline: Deadline) -> tuple[Path, FileLock]:
        # The door is held for the moment in which a number is drawn, never while waiting.
        door = _lock_of(self.folder / "door", timeout_s=deadline.left_s)
        try:
            with door:
                number = 1 + max((int(t.name[:9]) for t in self._tickets()), default=0)
                ticket = self.folder / f"{number:09d}-{uuid4().hex[:8]}.lock"
                lock = _lock_of(ticket)
                lock.acquire()
                self._describe(ticket, purpose)
                self._sweep_notes()
        except Timeout as exc:
            raise self._too_late(purpose, self._tickets()) from exc
        return ticket, lock

    def _tickets(self) -> list[Path]:
        """All tickets, the first in line first."""
        return sorted(path for path in self.folder.iterdir() if _TICKET.fullmatch(path.name))

    def _ahead_of(self, ticket: Path) -> list[Path]:
        return [other for other in self._tickets() if other.name < ticket.name]

    def _cleared(self, ticket: Path) -> bool:
        """Throw *ticket* away if nobody holds it; False while somebody does. True: look again."""
        lock = _lock_of(ticket)
        try:
            lock.acquire()
        except Timeout:
            return False
        lock.release()
        ticket.unlink(missing_ok=True)
        _notes(ticket).unlink(missing_ok=True)
        return True

    def _describe(self, ticket: Path, purpose: str) -> None:
        since = self._clock().astimezone().isoformat(timespec="seconds")
        holder = Holder(os.getpid(), socket.gethostname(), purpose, since)
        draft = _notes(ticket).with_suffix(".draft")
        draft.write_text(json.dumps(asdict(holder)), "utf-8")
        draft.chmod(PRIVATE_FILE)
        draft.replace(_notes(ticket))

    def _sweep_notes(self) -> None:
        """Remove notes whose ticket is gone; the door is held."""
        tickets = {ticket.stem for ticket in self._tickets()}
        for notes in self.folder.iterdir():
            if notes.suffix in {".json", ".draft"} and notes.stem not in tickets:
                notes.unlink(missing_ok=True)

    def _too_late(self, purpose: str, ahead: list[Path]) -> WarehouseBusyError:
        holder = _holder_of(ahead[0]) if ahead else None
        others = f"; {len(ahead) - 1} more wait before us" if len(ahead) > 1 else ""
        return WarehouseBusyError(
            f"warehouse {self._target}: gave up waiting to write ({purpose}): "
            f"{holder or 'somebody unknown'} is writing{others}; try again later, or end that process",
            holder=holder,
        )


def _lock_of(path: Path, *, timeout_s: float = 0) -> FileLock:
    # Not thread-local: a turn may end in another thread than it began in.
    return FileLock(path, timeout=timeout_s, mode=PRIVATE_FILE, thread_local=False)


def _notes(ticket: Path) -> Path:
    return ticket.with_suffix(".json")


def _holder_of(ticket: Path) -> Holder | None:
    with suppress(OSError, ValueError, TypeError):
        return Holder(**json.loads(_notes(ticket).read_text("utf-8")))
    return None
