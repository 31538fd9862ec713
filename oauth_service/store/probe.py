"""Whether the database answers a client that connects just now, and takes what is written."""

import os
import sqlite3
import time
from functools import partial
from pathlib import Path

from sqlalchemy import Connection, create_engine, select, text, update
from sqlalchemy.engine import make_url
from sqlalchemy.exc import DBAPIError
from sqlalchemy.pool import NullPool

from oauth_service.store.schema import numbers, workspaces

_PATIENCE_S = 2  # the least that libpq takes
_KNOW_CONNECT_TIMEOUT = frozenset({"psycopg", "psycopg2"})
_ANY_ROW = select(workspaces.c.workspace_id).limit(1)
# SQLite writes no page on which nothing has changed: it is changed, and changed back.
_SAME_AGAIN = tuple(
    update(numbers).where(numbers.c.name == "schema_version").values(value=numbers.c.value + step)
    for step in (1, -1)
)
_WRITE_EVERY_S = 30.0
_LEAST_FREE_BYTES = 8 * 1024 * 1024
"""Twice what SQLite lets its write-ahead log grow to."""
_SQLITE_STORAGE = frozenset({sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR, sqlite3.SQLITE_READONLY})
_POSTGRES_STORAGE = ("53100", "25006", "58030")  # full disk, read only (a standby), I/O error


class NotWritableError(Exception):
    """The database answers, but its storage takes nothing; the text says why."""


def is_storage_fault(error: BaseException) -> bool:
    """Return whether a write failed because of the disk: full, read-only or broken."""
    orig = error.orig if isinstance(error, DBAPIError) else None
    if isinstance(orig, sqlite3.Error):
        code: int = getattr(orig, "sqlite_errorcode", 0)
        return code & 0xFF in _SQLITE_STORAGE  # extended codes have the kind in their last byte
    return getattr(orig, "sqlstate", None) in _POSTGRES_STORAGE


class Probe:
    """
    Reads over a new connection each time: one that is open already may outlive the database.

    Args:
        url: SQLAlchemy URL.
        sqlite_file: Its file, if that is what it names; never made here.
        least_free_bytes: What must be free on the disk of that file.
    """

    def __init__(
        self,
        url: str,
        sqlite_file: Path | None,
        *,
        least_free_bytes: int = _LEAST_FREE_BYTES,
    ) -> None:
        self._sqlite_file = sqlite_file
        self._least_free_bytes = least_free_bytes
        self._written_at: float | None = None
        if sqlite_file is None:
            knows = make_url(url).get_driver_name() in _KNOW_CONNECT_TIMEOUT
            self._engine = create_engine(
                url,
                hide_parameters=True,
                poolclass=NullPool,
                connect_args={"connect_timeout": _PATIENCE_S} if knows else {},
            )
            self._writer = self._engine
        else:
            address = sqlite_file.as_uri()
            self._engine, self._writer = (
                create_engine(
                    "sqlite://",
                    hide_parameters=True,
                    poolclass=NullPool,
                    creator=partial(
                        sqlite3.connect, f"{address}?mode={mode}", uri=True, timeout=_PATIENCE_S
                    ),
                )
                for mode in ("ro", "rw")
            )

    def check(self) -> None:
        """
        Read something.

        Raises:
            SQLAlchemyError: If the database does not answer, at the latest after some seconds.
        """
        with self._engine.begin() as connection:
            _be_brief(connection)
            connection.execute(_ANY_ROW)

    def check_writable(self, *, doubted: bool) -> None:
        """
        Look at the free space, and write once more what is there already.

        It is written at most every half minute, unless the last write failed.

        Args:
            doubted: Write now: another write has failed since.

        Raises:
            NotWritableError: If the storage takes nothing. A database that cannot be reached, or
                is busy, is not told here.
        """
        if self._sqlite_file is not None:
            self._check_free_space(self._sqlite_file.parent)
        recent = self._written_at is not None and (
            time.monotonic() - self._written_at < _WRITE_EVERY_S
        )
        if recent and not doubted:
            return
        self._written_at = None
        try:
            with self._writer.begin() as connection:
                _be_brief(connection)
                for each in _SAME_AGAIN:
                    connection.execute(each)
        except DBAPIError as exc:
            if is_storage_fault(exc):
                raise NotWritableError(
                    f"a write to the token store failed: {_in_short(exc)}"
                ) from exc
        else:
            self._written_at = time.monotonic()

    def _check_free_space(self, folder: Path) -> None:
        try:
            found = os.statvfs(folder)
        except OSError:  # the folder is gone: the check that reads says so
            return
        free = found.f_bavail * found.f_frsize
        if free < self._least_free_bytes:
            raise NotWritableError(
                f"{folder}: {free // 1_000_000} MB of disk are free; the token store needs "
                f"{self._least_free_bytes / 1_000_000:.0f} MB"
            )


def _be_brief(connection: Connection) -> None:
    if connection.dialect.name == "postgresql":
        connection.execute(text(f"SET LOCAL statement_timeout = {_PATIENCE_S * 1000}"))


def _in_short(error: DBAPIError) -> str:
    return str(error.orig).partition("\n")[0]
