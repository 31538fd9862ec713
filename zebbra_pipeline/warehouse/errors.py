"""
Every error of the warehouse, sorted by what the caller should do.

WarehouseError
├── WarehouseBusyError       another process is writing: try again later, or end the one it names
│   └── WarehouseLockedError    a foreign program has the file open: close that program
├── WarehouseFileError       the file cannot be opened as a warehouse: a person must look at it
│   ├── WarehouseMissingError   it was there before: mount its disk, or restore a backup
│   └── WarehouseDamagedError   it cannot be read in full: restore a backup, or publish again
├── WarehouseLossError       publishing would lose figures: restore them, or publish with force
├── WarehouseVersionError    a newer zebbra-pipeline wrote it: upgrade this one
└── WarehouseWriteError      nothing was written; the previous figures are whole
    └── WarehouseFullError      there is no room on the disk: make some, and run it again

Texts name the file and what to do, never a figure.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Holder:
    """
    The process that holds the write lock.

    Attributes:
        purpose: What it is doing, e.g. `land xero for acme`.
        since: When it took the lock, ISO 8601 with offset.
    """

    pid: int
    host: str
    purpose: str
    since: str

    def __str__(self) -> str:
        return f"pid {self.pid} on {self.host} since {self.since} ({self.purpose})"


class WarehouseError(Exception):
    """Base of all errors of the warehouse."""


class WarehouseBusyError(WarehouseError):
    """
    The write lock was not free in time.

    Attributes:
        holder: The process that was writing when we gave up; None if unknown.
    """

    def __init__(self, message: str, *, holder: Holder | None = None) -> None:
        super().__init__(message)
        self.holder = holder


class WarehouseLockedError(WarehouseBusyError):
    """Another program, not one of ours, has the file open."""


class WarehouseFileError(WarehouseError):
    """The file is missing, unreadable, or not a warehouse."""


class WarehouseMissingError(WarehouseFileError):
    """There is no file, although figures have landed in it before."""


class WarehouseDamagedError(WarehouseFileError):
    """The file is cut off, empty, or its bytes do not match their checksums."""


class WarehouseLossError(WarehouseError):
    """The published copy has figures that the warehouse has lost; the copy stays."""


class WarehouseVersionError(WarehouseError):
    """The file has migrations that this release does not know."""


class WarehouseWriteError(WarehouseError):
    """DuckDB refused a write; its transaction was rolled back."""


class WarehouseFullError(WarehouseWriteError):
    """The disk is full; nothing was changed."""
