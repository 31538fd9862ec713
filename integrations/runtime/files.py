"""Files for one user alone: copied down to the disk, moved aside, seen to be open elsewhere."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from typing import BinaryIO

PRIVATE_FILE = 0o600
PRIVATE_FOLDER = 0o700
_CHUNK_BYTES = 1 << 20


def is_held(path: Path) -> bool:
    """
    Return whether another process has a lock on *path*, as open databases do.

    SQLite keeps one for as long as a file in WAL mode is open, DuckDB for as long as it has the file
    open. Not to be asked where this process has it open itself: closing a file gives up all locks
    that the process has on it.
    """
    try:
        descriptor = os.open(path, os.O_RDWR)
    except FileNotFoundError:
        return False
    try:
        fcntl.lockf(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except (BlockingIOError, PermissionError):
        return True
    finally:
        os.close(descriptor)
    return False


def copied(source: BinaryIO, target: Path) -> str:
    """
    Copy *source* to the new file *target*, of mode 0600 and down to the disk; return its SHA-256.

    Raises:
        FileExistsError: If there is one.
        OSError: If it cannot be read or written; the disk may be full.
    """
    digest = sha256()
    with _new(target) as copy:
        while chunk := source.read(_CHUNK_BYTES):
            digest.update(chunk)
            copy.write(chunk)
        copy.flush()
        os.fsync(copy.fileno())
    return digest.hexdigest()


def sha256_of(path: Path) -> str:
    """Return the SHA-256 of a file, in hexadecimal."""
    digest = sha256()
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK_BYTES):
            digest.update(chunk)
    return digest.hexdigest()


def synced(path: Path) -> None:
    """Bring a file, or the names in a folder, down to the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def stamp(moment: datetime) -> str:
    """Return what dates the name of a file that was moved aside, such as `20261124T101500Z`."""
    return moment.astimezone(UTC).strftime("%Y%m%dT%H%M%SZ")


def aside(path: Path, stamped: str) -> Path:
    """Return where a replaced file or folder goes: in the same folder, under a dated name that is free."""
    wanted = path.with_name(f"{path.name}.replaced-{stamped}")
    number = 1
    found = wanted
    while os.path.lexists(found):
        number += 1
        found = wanted.with_name(f"{wanted.name}-{number}")
    return found


@contextmanager
def _new(target: Path) -> Iterator[BinaryIO]:
    descriptor = os.open(target, os.O_CREAT | os.O_EXCL | os.O_WRONLY, PRIVATE_FILE)
    with os.fdopen(descriptor, "wb") as file:
        yield file
