"""File locks: a first-come-first-served queue of writers, and one lock file a workspace."""

import json
import os
import re
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from uuid import uuid4

from filelock import FileLock, Timeout

from zebbra_pipeline.warehouse.database import PRIVATE_FILE, private_folder
from zebbra_pipeline.warehouse.deadline import Deadline
from zebbra_pipeline.warehouse.errors import Holder, WarehouseBusyError

_TICKET = re.compile(r"(\d{9})-\w+\.lock")


class WriterQueue:
    """
    The write lock, granted first come, first served across threads and processes.

    Each writer creates a numbered ticket file and keeps it locked. It polls the ticket before
    its own and holds the write lock when no earlier ticket is left. The system unlocks the
    ticket of a process that dies, and the next writer removes it.

    Args:
        target: The file that the lock protects; the tickets are in a folder next to it.
        clock: Returns the current time, timezone-aware.

    Attributes:
        folder: Folder of the tickets.
    """

    def __init__(self, target: Path, *, clock: Callable[[], datetime]) -> None:
        self._target = target
        self.folder = target.with_name(f"{target.name}.queue")
        self._clock = clock

    @contextmanager
    def lock(self, purpose: str, deadline: Deadline) -> Iterator[None]:
        """
        Wait for the write lock and release it at the end of the block.

        Args:
            purpose: Shown to other writers that wait too long.
            deadline: When to give up.

        Raises:
            WarehouseBusyError: If the lock is not free in time; names the holder.
        """
        private_folder(self.folder)
        ticket, lock = self._draw_ticket(purpose, deadline)
        try:
            while ahead := self._ahead_of(ticket):
                if not self._cleared(ahead[-1]) and not deadline.pause():
                    raise self._busy(purpose, ahead)
            self._describe(ticket, purpose)
            yield
        finally:
            _notes(ticket).unlink(missing_ok=True)
            lock.release()
            ticket.unlink(missing_ok=True)

    def _draw_ticket(self, purpose: str, deadline: Deadline) -> tuple[Path, FileLock]:
        # The door is locked only while a number is drawn, never while waiting.
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
            raise self._busy(purpose, self._tickets()) from exc
        return ticket, lock

    def _tickets(self) -> list[Path]:
        """Return all tickets in queue order."""
        return sorted(path for path in self.folder.iterdir() if _TICKET.fullmatch(path.name))

    def _ahead_of(self, ticket: Path) -> list[Path]:
        return [other for other in self._tickets() if other.name < ticket.name]

    def _cleared(self, ticket: Path) -> bool:
        """Remove *ticket* if its process is gone and return True; return False while it is locked."""
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
        """Remove the notes of tickets that are gone. Call it with the door locked."""
        tickets = {ticket.stem for ticket in self._tickets()}
        for notes in self.folder.iterdir():
            if notes.suffix in {".json", ".draft"} and notes.stem not in tickets:
                notes.unlink(missing_ok=True)

    def _busy(self, purpose: str, ahead: list[Path]) -> WarehouseBusyError:
        holder = _holder_of(ahead[0]) if ahead else None
        others = f"; {len(ahead) - 1} more wait before us" if len(ahead) > 1 else ""
        return WarehouseBusyError(
            f"warehouse {self._target}: gave up waiting to write ({purpose}): "
            f"{holder or 'an unknown process'} is writing{others}; try again later, or end that process",
            holder=holder,
        )


def _lock_of(path: Path, *, timeout_s: float = 0) -> FileLock:
    # Not thread-local: the lock may be released in another thread than it was taken in.
    return FileLock(path, timeout=timeout_s, mode=PRIVATE_FILE, thread_local=False)


def _notes(ticket: Path) -> Path:
    return ticket.with_suffix(".json")


def _holder_of(ticket: Path) -> Holder | None:
    with suppress(OSError, ValueError, TypeError):
        return Holder(**json.loads(_notes(ticket).read_text("utf-8")))
    return None


@contextmanager
def workspace_file_lock(warehouse: Path, workspace_id: str) -> Iterator[None]:
    """
    Lock the workspace's lock file next to *warehouse*; the empty file stays afterwards.

    Raises:
        WarehouseBusyError: If it is locked already; this does not wait.
    """
    folder = warehouse.with_name(f"{warehouse.name}.pulls")
    private_folder(warehouse.parent)
    private_folder(folder)
    # Not thread-local: it is released in another thread than it was taken in.
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


def is_any_workspace_locked(warehouse: Path) -> bool:
    """Return whether a run has locked any workspace of the file *warehouse*."""
    folder = warehouse.with_name(f"{warehouse.name}.pulls")
    for path in sorted(folder.glob("*.lock")):
        lock = FileLock(path, timeout=0, mode=PRIVATE_FILE, thread_local=False)
        try:
            with lock:
                continue
        except Timeout:
            return True
    return False
