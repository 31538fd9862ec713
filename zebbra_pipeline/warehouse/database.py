"""One open DuckDB catalog: attach, execute, transaction, close, with errors that name the file."""

import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from zebbra_pipeline.warehouse.errors import (
    WarehouseBusyError,
    WarehouseError,
    WarehouseFileError,
    WarehouseWriteError,
)
from zebbra_pipeline.warehouse.lake import is_lake, without_secrets

if TYPE_CHECKING:  # loading definitions opens no database: it is imported where one is opened
    import duckdb

CATALOG = "warehouse"
PRIVATE_FILE = 0o600
PRIVATE_FOLDER = 0o700
_LOCKED = "Could not set lock"


def to_utc(moment: datetime) -> datetime:
    """
    Return *moment* as the warehouse stores it: UTC, without an offset.

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
    """Make *path* and its missing parents, for this user alone. An existing one stays as it is."""
    for folder in reversed((path, *path.parents)):
        with suppress(FileExistsError):
            folder.mkdir(mode=PRIVATE_FOLDER)


def bare_connection() -> "duckdb.DuckDBPyConnection":
    """
    Return a DuckDB of its own, with nothing in it, that downloads and prints nothing.

    A file needs no extension, and a lake has the ones that were installed for it. DuckDB would
    draw a progress bar between the lines of what a command prints, once a query takes seconds.
    """
    import duckdb

    connection = duckdb.connect(config={"autoinstall_known_extensions": "false"})
    connection.execute("SET enable_progress_bar = false")
    return connection


class Database:
    """
    A connection of its own to one attached catalog, which is in use.

    Every open makes a new DuckDB instance and attaches the target to it. A second open of a
    path in the same process thus sees the file that lies there now, where `duckdb.connect`
    would hand out the instance of a file that has been swapped away since.
    """

    def __init__(self, connection: "duckdb.DuckDBPyConnection", place: str) -> None:
        self._connection = connection
        self.place = place

    @classmethod
    def open(
        cls, target: str | Path, *, read_only: bool = False, retry: Callable[[], bool] | None = None
    ) -> Self:
        """
        Attach *target*, which is created if it is a path where nothing lies.

        Args:
            target: A path, or what DuckDB's `ATTACH` understands (`ducklake:...`).
            read_only: Neither create nor change it.
            retry: Asked while another program has the file open; it waits a little and
                returns whether to try again.

        Raises:
            WarehouseBusyError: If another program keeps the file open.
            WarehouseFileError: If it cannot be opened as a DuckDB database.
        """
        import duckdb

        is_file = not is_lake(target)
        is_new = is_file and not read_only and not Path(target).exists()
        place = f"warehouse {target if is_file else without_secrets(str(target))}"
        connection = bare_connection()
        database = cls(connection, place)
        # A lake that keeps small inserts in its catalog has no column called `row_id`.
        options = ["READ_ONLY"] * read_only + ["DATA_INLINING_ROW_LIMIT 0"] * (not is_file)
        mode = f" ({', '.join(options)})" if options else ""
        quoted = str(target).replace("'", "''")
        try:
            if is_file:
                spill = f"{target}.tmp".replace("'", "''")
                connection.execute(f"SET temp_directory = '{spill}'")
            while True:
                try:
                    connection.execute(f"ATTACH '{quoted}' AS {CATALOG}{mode}")
                    break
                except duckdb.IOException as exc:
                    if _LOCKED not in str(exc) or retry is None or not retry():
                        raise
            if is_new:
                Path(target).chmod(PRIVATE_FILE)
            connection.execute(f"USE {CATALOG}")
        except (duckdb.Error, OSError) as exc:
            database.close()
            cause = exc if is_file else None  # about a lake it may repeat a password
            raise _opening_failed(place, exc, is_file=is_file) from cause
        except BaseException:
            database.close()
            raise
        return database

    def execute(self, sql: str, parameters: Sequence[Any] = ()) -> None:
        """Run *sql* with bound *parameters* (`$1`, `$2`, ...)."""
        self._connection.execute(sql, list(parameters) or None)

    def rows(self, sql: str, parameters: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        """Return all rows of *sql*."""
        self.execute(sql, parameters)
        return self._connection.fetchall()

    @contextmanager
    def transaction(self, doing: str) -> Iterator[None]:
        """
        Commit everything in the block, or nothing of it.

        Args:
            doing: For the error, e.g. `land Xero for acme`.

        Raises:
            WarehouseWriteError: If DuckDB refuses; chained to what it said.
        """
        import duckdb

        try:
            self.execute("BEGIN TRANSACTION")
            yield
            self.execute("COMMIT")
        except BaseException as exc:
            with suppress(duckdb.Error):
                self.execute("ROLLBACK")
            if isinstance(exc, duckdb.Error):
                raise WarehouseWriteError(
                    f"{self.place}: could not {doing}, nothing was changed: {_first_line(exc)}"
                ) from exc
            raise

    @contextmanager
    def snapshot(self) -> Iterator[None]:
        """Show one state for the whole block, whatever others commit meanwhile."""
        self.execute("BEGIN TRANSACTION")
        try:
            yield
        finally:
            self.execute("ROLLBACK")

    def checkpoint(self) -> None:
        """
        Write everything into the file itself, so that it alone is all of the database.

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

        quoted = str(draft).replace("'", "''")
        self.execute(f"ATTACH '{quoted}' AS draft")
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

    def close(self) -> None:
        """Write everything into the file and let it go."""
        import duckdb

        with suppress(duckdb.Error):
            self._connection.execute("USE memory")
            self._connection.execute(f"DETACH {CATALOG}")
        self._connection.close()


def as_json(rows: Sequence[dict[str, Any]]) -> str:
    """
    Return *rows* as one JSON text, the form in which many rows are bound.

    One text parameter takes milliseconds where lists of values, bound element by element, take
    a second and a half with DuckDB 1.4.
    """
    return json.dumps(rows, default=str, separators=(",", ":"))


def _opening_failed(place: str, exc: Exception, *, is_file: bool) -> WarehouseError:
    import duckdb

    text = _first_line(exc)
    if isinstance(exc, duckdb.IOException) and _LOCKED in text:
        return WarehouseBusyError(
            f"{place}: another program has it open: {text}; close that program, or let it read "
            "the published copy instead"
        )
    if "not a valid DuckDB database" in text:
        return WarehouseFileError(
            f"{place}: expected a DuckDB database, found another kind of file; move it away, or "
            "name another file in the settings"
        )
    if is_file:
        hint = "check the path and its permissions"
        return WarehouseFileError(f"{place}: cannot be opened: {text}; {hint}")
    return WarehouseFileError(
        f"{place}: cannot be opened ({type(exc).__name__}); check ZEBBRA_WAREHOUSE, that DuckDB's "
        "extensions ducklake and postgres are installed where runs run, and that the lake has "
        "been made with its DATA_PATH"
    )


def _first_line(exc: Exception) -> str:
    return (str(exc) or type(exc).__name__).splitlines()[0]
