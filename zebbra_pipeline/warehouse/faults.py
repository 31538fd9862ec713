"""Turns errors of DuckDB and the system about damaged, locked or full files into ours."""

import errno
import re
import shutil
from contextlib import suppress
from pathlib import Path

from zebbra_pipeline.warehouse.errors import (
    WarehouseDamagedError,
    WarehouseError,
    WarehouseFileError,
    WarehouseFullError,
    WarehouseLockedError,
)

RESTORE = "restore a backup with: zebbra restore <folder>"
PUBLISH = "make it again from the warehouse with: zebbra publish"

_DAMAGED = (
    "Corrupt database file",
    "Could not read enough bytes",
    "not a valid DuckDB database",
    "Failed to deserialize",
    "Serialization Error",
    "replaying WAL",
)
_FULL = ("No space left on device", "File too large", "Disk quota exceeded")
_FULL_NUMBERS = frozenset({errno.ENOSPC, errno.EFBIG, errno.EDQUOT})
_LOCKED = "Could not set lock"
_HOLDER = re.compile(r"held in (?P<command>.+?) \(PID (?P<pid>\d+)\)")
_FILE = re.compile(r"file \"(?P<path>[^\"]+)\"")
_MAGIC, _MAGIC_AT = b"DUCK", 8
_UNITS = ("bytes", "kB", "MB", "GB", "TB")
_THOUSAND = 1000


def first_line(exc: BaseException) -> str:
    """Return the first line of *exc*; DuckDB appends more to some texts."""
    return (str(exc) or type(exc).__name__).splitlines()[0]


def is_locked(exc: BaseException) -> bool:
    """Return whether another program has the file open."""
    return _LOCKED in str(exc)


def is_damage(exc: BaseException) -> bool:
    """Return whether DuckDB reports a damaged file."""
    return any(text in str(exc) for text in _DAMAGED)


def is_full(exc: BaseException) -> bool:
    """Return whether the disk, a file size limit or a quota was full."""
    number = exc.errno if isinstance(exc, OSError) else None
    return number in _FULL_NUMBERS or any(text in str(exc) for text in _FULL)


def damaged(place: str, exc: BaseException, *, cure: str) -> WarehouseDamagedError:
    """Return the error for a file that cannot be read in full."""
    text = first_line(exc).removeprefix("IO Error: ")
    return WarehouseDamagedError(f"{place}: damaged, it cannot be read in full ({text}); {cure}")


def locked(place: str, exc: BaseException, *, is_copy: bool = False) -> WarehouseLockedError:
    """Return the error for a file that another program has open."""
    instead = "open it read-only (duckdb -readonly)" if is_copy else "read the published copy"
    return WarehouseLockedError(
        f"{place}: another program has it open: {holder_of(exc)}; close that program, or let it "
        f"{instead} instead"
    )


def holder_pid(exc: BaseException) -> int | None:
    """Return the process that has a file open; None if DuckDB does not name it."""
    found = _HOLDER.search(str(exc))
    return None if found is None else int(found["pid"])


def holder_of(exc: BaseException) -> str:
    """Return process id and command of the program that has a file open."""
    found = _HOLDER.search(str(exc))
    if found is None:
        return "its process is not known"
    return f"pid {found['pid']} ({found['command']})"


def full(
    place: str, exc: BaseException, *, doing: str, file: Path, needed: int
) -> WarehouseFullError:
    """
    Return the error for a full disk.

    Args:
        place: What was written to, as shown to people.
        exc: The error of DuckDB or the system.
        doing: What failed, e.g. `land Xero for acme`.
        file: The file, in case *exc* does not name one.
        needed: Bytes that must be free.
    """
    found = _FILE.search(str(exc))
    path = Path(found["path"]) if found else file
    free = free_bytes(path)
    known = "" if free is None else f", {sized(free)} are free"
    return WarehouseFullError(
        f"{place}: could not {doing}, nothing was changed: no room for {path}{known}, "
        f"{sized(needed)} are needed ({first_line(exc).removeprefix('IO Error: ')}); make room on "
        "that disk, or raise the limit of file sizes or the quota, and run it again"
    )


def opening_failed(
    place: str, exc: Exception, *, path: Path | None, is_copy: bool
) -> WarehouseError:
    """
    Return the error for a target that could not be attached.

    Args:
        place: The target, as shown to people.
        exc: The error of DuckDB or the system.
        path: Its file; None for a DuckLake, since *exc* may repeat its password.
        is_copy: Whether it is a published copy.
    """
    cure = PUBLISH if is_copy else RESTORE
    if path is None:
        return WarehouseFileError(
            f"{place}: cannot be opened ({type(exc).__name__}); check ZEBBRA_WAREHOUSE, that "
            "DuckDB's extensions ducklake and postgres are installed where runs run, and that the "
            "lake has been made with its DATA_PATH"
        )
    if is_locked(exc):
        return locked(place, exc, is_copy=is_copy)
    if is_full(exc):
        return full(place, exc, doing="open it", file=path, needed=size_of(path))
    if is_damage(exc):
        if is_of_another_kind(path):
            return WarehouseFileError(
                f"{place}: expected a DuckDB database, found another kind of file; move it away, "
                f"or name another file in the settings; or, if it was one, {cure}"
            )
        return damaged(place, exc, cure=cure)
    text = first_line(exc)
    return WarehouseFileError(
        f"{place}: cannot be opened: {text}; check the path and its permissions"
    )


def is_of_another_kind(path: Path) -> bool:
    """Return whether a file has content but is not a DuckDB database."""
    with suppress(OSError), path.open("rb") as file:
        start = file.read(_MAGIC_AT + len(_MAGIC))
        return len(start) == _MAGIC_AT + len(_MAGIC) and start[_MAGIC_AT:] != _MAGIC
    return False


def size_of(path: Path | None) -> int:
    """Return the size of *path* in bytes; 0 if there is no such file."""
    with suppress(OSError):
        return path.stat().st_size if path else 0
    return 0


def free_bytes(path: Path) -> int | None:
    """Return the free bytes on the disk of *path*, which need not exist; None if unknown."""
    for folder in (path, *path.parents):
        with suppress(OSError):
            return shutil.disk_usage(folder).free
    return None


def sized(count: int) -> str:
    """Return a number of bytes for people, e.g. `27.3 MB`."""
    amount, unit = float(count), 0
    while amount >= _THOUSAND and unit < len(_UNITS) - 1:
        amount, unit = amount / _THOUSAND, unit + 1
    return f"{amount:.1f} {_UNITS[unit]}" if unit else f"{count} {_UNITS[0]}"
