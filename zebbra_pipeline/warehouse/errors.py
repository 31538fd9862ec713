"""
Every error of the warehouse, sorted by what the caller should do.

WarehouseError
├── WarehouseBusyError       somebody else is writing: try again later, or end the one it names
├── WarehouseFileError       the file cannot be opened as a warehouse: a person must look at it
├── WarehouseVersionError    a newer zebbra-pipeline wrote it: upgrade this one
└── WarehouseWriteError      nothing was written; the previous figures are whole

Texts name the file and what to do, never a figure.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Holder:
    """
    Who has the turn to write.

    Attributes:
        purpose: What it said it wants to do, e.g. `land xero for acme`.
        since: When its turn began, ISO 8601 with its offset.
    """

    pid: int
    host: str
    purpose: str
    since: str

    def __str__(self) -> str:
        return f"pid {self.pid} on {self.host} since {self.since} ({self.purpose})"


class WarehouseError(Exception):
    """Base of everything the warehouse raises by itself."""


class WarehouseBusyError(WarehouseError):
    """
    The turn to write did not come in time.

    Attributes:
        holder: Who was writing when we gave up; None when it could not be told.
    """

    def __init__(self, message: str, *, holder: Holder | None = None) -> None:
        super().__init__(message)
        self.holder = holder


class WarehouseFileError(WarehouseError):
    """The file is missing, unreadable, or something else than a warehouse."""


class WarehouseVersionError(WarehouseError):
    """The file has migrations that this release does not know."""


class WarehouseWriteError(WarehouseError):
    """DuckDB refused a write; its transaction was rolled back."""
