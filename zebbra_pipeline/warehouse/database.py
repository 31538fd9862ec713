"""One open DuckDB catalog: attach, execute, transaction, close, with errors that name the file."""

import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from zebbra_pipeline.warehouse.errors import WarehouseError, WarehouseWriteError
from zebbra_pipeline.warehouse.faults import (
    PUBLISH,
    RESTORE,
    damaged,
    first_line,
    full,
    holder_of,
    is_damage,
    is_full,
    is_locked,
    opening_failed,
    size_of,
)
from zebbra_pipeline.warehouse.lake import is_lake, without_secrets

if TYPE_CHECKING:  # imported where a database is opened: loading definitions opens none
    import duckdb

CATALOG = "warehouse"
PRIVATE_FILE = 0o600
PRIVATE_FOLDER = 0o700
PREVIOUS = "previous"
_LEAST_ROOM = 16_000_000
"""Bytes that even a small warehouse needs, for DuckDB's log and blocks."""


def to_utc(moment: datetime) -> datetime:
    """
    Return *moment* as it is stored: in UTC, without an offset.

    Raises:
        ValueError: If *moment* has no time zone.
    """
    if moment.utcoffset() is None:
        raise ValueError("expected a timezone-aware datetime, found one without a time zone")
    return moment.astimezone(UTC).replace(tzinfo=None)


def from_utc(stored: datetime) -> datetime:
    """Return a stored timestamp as a timezone-aware one."""
    return stored.replace(tzinfo=UTC)


def private_folder(path: Path) -> None:
    """Create *path* and its missing parents with mode 0700. Existing folders keep their mode."""
    for folder in reversed((path, *path.parents)):
        with suppress(FileExistsError):
            folder.mkdir(mode=PRIVATE_FOLDER)


def bare_connection() -> "duckdb.DuckDBPyConnection":
    """
    Return a new, empty DuckDB instance that downloads no extensions and prints nothing.

    A file needs no extension, and the extensions of a lake are installed by hand. For queries of
    several seconds DuckDB would draw a progress bar into the output of a command.
    """
    import duckdb

    connection = duckdb.connect(config={"autoinstall_known_extensions": "false"})
    connection.execute("SET enable_progress_bar = false")
    return connection


class Database:
    """
    A separate connection to one attached catalog, which is in use.

    Every open creates a new DuckDB instance and attaches the target to it. A second open of a
    path in the same process therefore sees the current file, whereas `duckdb.connect` would
    return the instance of a file that has been replaced since.
    """

    def __init__(
        self,
        connection: "duckdb.DuckDBPyConnection",
        place: str,
        *,
        path: Path | None = None,
        cure: str = RESTORE,
    ) -> None:
        self._connection = connection
        self._path = path
        self._cure = cure
        self.place = place

    @classmethod
    def open(
        cls,
        target: str | Path,
        *,
        read_only: bool = False,
        retry: Callable[[str], bool] | None = None,
        is_copy: bool = False,
        place: str | None = None,
    ) -> Self:
        """
        Attach *target*; a path without a file is created.

        Args:
            target: A path, or what DuckDB's `ATTACH` understands (`ducklake:...`).
            read_only: Do not create or change it.
            retry: Called with the name of the program that has the file open; waits briefly
                and returns whether to try again.
            is_copy: It is a published copy, which can be published again.
            place: Name of the target in errors, if not its own path.

        Raises:
            WarehouseDamagedError: If it is truncated, empty, or fails its checksums.
            WarehouseFileError: If it cannot be opened as a DuckDB database.
            WarehouseLockedError: If another program keeps the file open.
        """
        import duckdb

        path = None if is_lake(target) else Path(target)
        is_new = path is not None and not read_only and not path.exists()
        if place is None:
            kind = "published copy" if is_copy else "warehouse"
            place = f"{kind} {target if path else without_secrets(str(target))}"
        cure = PUBLISH if is_copy else RESTORE
        connection = bare_connection()
        database = cls(connection, place, path=path, cure=cure)
        # A lake that keeps small inserts in its catalog has no column called `row_id`.
        options = ["READ_ONLY"] * read_only + ["DATA_INLINING_ROW_LIMIT 0"] * (path is None)
        mode = f" ({', '.join(options)})" if options else ""
        try:
            if path:
                connection.execute(f"SET temp_directory = {_quoted(f'{target}.tmp')}")
            while True:
                try:
                    connection.execute(f"ATTACH {_quoted(target)} AS {CATALOG}{mode}")
                    break
                except duckdb.IOException as exc:
                    if not is_locked(exc) or retry is None or not retry(holder_of(exc)):
                        raise
            if is_new:
                Path(target).chmod(PRIVATE_FILE)
            connection.execute(f"USE {CATALOG}")
        except (duckdb.Error, OSError) as exc:
            database.close()
            cause = exc if path else None  # for a lake, it may repeat a password
            raise opening_failed(place, exc, path=path, is_copy=is_copy) from cause
        except BaseException:
            database.close()
            raise
        return database

    def execute(self, sql: str, parameters: Sequence[Any] = ()) -> None:
        """
        Run *sql* with bound *parameters* (`$1`, `$2`, ...).

        Raises:
            WarehouseDamagedError: If a block that it reads fails its checksum.
        """
        with self._naming_damage():
            self._connection.execute(sql, list(parameters) or None)

    def rows(self, sql: str, parameters: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        """
        Return all rows of *sql*.

        Raises:
            WarehouseDamagedError: As `execute`.
        """
        self.execute(sql, parameters)
        with self._naming_damage():
            return self._connection.fetchall()

    @contextmanager
    def _naming_damage(self) -> Iterator[None]:
        import duckdb

        try:
            yield
        except duckdb.Error as exc:
            if self._path is None or not is_damage(exc):
                raise
            raise damaged(self.place, exc, cure=self._cure) from exc

    @contextmanager
    def transaction(self, doing: str) -> Iterator[None]:
        """
        Commit everything in the block or nothing.

        Args:
            doing: What is being done, for errors, e.g. `land Xero for acme`.

        Raises:
            WarehouseFullError: If the disk is full.
            WarehouseWriteError: If DuckDB refuses; chained to DuckDB's error.
        """
        import duckdb

        try:
            self.execute("BEGIN TRANSACTION")
            yield
            self.execute("COMMIT")
        except BaseException as exc:
            with suppress(duckdb.Error, WarehouseError):
                self.execute("ROLLBACK")
            if isinstance(exc, duckdb.Error):
                raise self._write_failed(doing, exc) from exc
            raise

    def _write_failed(self, doing: str, exc: Exception) -> WarehouseWriteError:
        if self._path and is_full(exc):
            needed = size_of(self._path) + _LEAST_ROOM
            return full(self.place, exc, doing=doing, file=self._path, needed=needed)
        return WarehouseWriteError(
            f"{self.place}: could not {doing}, nothing was changed: {first_line(exc)}"
        )

    @contextmanager
    def snapshot(self) -> Iterator[None]:
        """Read one state in the whole block, regardless of what others commit meanwhile."""
        self.execute("BEGIN TRANSACTION")
        try:
            yield
        finally:
            self.execute("ROLLBACK")

    def checkpoint(self) -> None:
        """
        Write the log into the file, so that the file alone is the whole database.

        Raises:
            duckdb.Error: If DuckDB refuses.
        """
        self.execute(f"CHECKPOINT {CATALOG}")

    def copy_into(self, draft: Path) -> None:
        """
        Fill the tables of *draft*, a warehouse of the same schema, with all rows of this one.

        Raises:
            duckdb.Error: If DuckDB refuses.
        """
        import duckdb

        self.execute(f"ATTACH {_quoted(draft)} AS draft")
        try:
            tables = self.rows(
                "SELECT table_name FROM information_schema.tables WHERE table_catalog = 'draft' "
                "AND table_type = 'BASE TABLE' AND table_name != 'schema_migrations'"
            )
            self.execute("BEGIN TRANSACTION")
            for (table,) in tables:
                self.execute(
                    f"INSERT INTO draft.{table} BY NAME SELECT * FROM {CATALOG}.{table}"  # noqa: S608 -- names of ours
                )
            self.execute("COMMIT")
            self.execute("CHECKPOINT draft")
        finally:
            with suppress(duckdb.Error):
                self.execute("ROLLBACK")
            self.execute("DETACH draft")

    def attach_previous(self, path: Path) -> None:
        """
        Attach the warehouse at *path*, read-only, as the catalog `previous`.

        Raises:
            duckdb.Error: If it cannot be opened.
        """
        self._connection.execute(f"ATTACH {_quoted(path)} AS {PREVIOUS} (READ_ONLY)")

    def detach_previous(self) -> None:
        """Detach the catalog `previous`, if it is attached."""
        self._connection.execute(f"DETACH DATABASE IF EXISTS {PREVIOUS}")

    def close(self) -> None:
        """Write the log into the file and close it."""
        import duckdb

        with suppress(duckdb.Error):
            self._connection.execute("USE memory")
            self._connection.execute(f"DETACH {CATALOG}")
        self._connection.close()


def as_json(rows: Sequence[dict[str, Any]]) -> str:
    """
    Return *rows* as one JSON text, to bind many rows as one parameter.

    With DuckDB 1.4, one text parameter takes milliseconds; lists of values, bound element by
    element, take a second and a half.
    """
    return json.dumps(rows, default=str, separators=(",", ":"))


def _quoted(text: str | Path) -> str:
    return "'" + str(text).replace("'", "''") + "'"
