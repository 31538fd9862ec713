"""Backs up a whole warehouse, a file or a DuckLake, into one DuckDB file, and restores it."""

import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from integrations.runtime.files import aside, copied, is_held, stamp, synced
from zebbra_pipeline.warehouse.database import PRIVATE_FILE, Database, private_folder
from zebbra_pipeline.warehouse.errors import (
    WarehouseBusyError,
    WarehouseFileError,
    WarehouseVersionError,
    WarehouseWriteError,
)
from zebbra_pipeline.warehouse.file_locks import is_any_workspace_locked
from zebbra_pipeline.warehouse.migrations import (
    check_version,
    is_outdated,
    migrate,
)

if TYPE_CHECKING:
    from zebbra_pipeline.warehouse.store import Warehouse

_LEDGER = "schema_migrations"


@dataclass(frozen=True, slots=True)
class WarehouseFacts:
    """
    Contents of a copy.

    Attributes:
        schema_version: Number of its last migration.
        rows: Row counts by workspace and table.
    """

    schema_version: int
    rows: Mapping[str, Mapping[str, int]]


class WarehouseBackup:
    """
    Makes copies of a warehouse and restores them.

    Args:
        warehouse: The warehouse to copy or replace.
    """

    def __init__(self, warehouse: "Warehouse") -> None:
        self._warehouse = warehouse
        self._file = warehouse.file

    @property
    def kind(self) -> str:
        """`duckdb` or `ducklake`."""
        return "ducklake" if self._file is None else "duckdb"

    def make(self, copy: Path) -> WarehouseFacts | None:
        """
        Copy one state of the warehouse to the new file *copy*, and read all of the copy.

        Other writers wait meanwhile. The warehouse and its schema are not changed. Return None
        if nothing has ever landed.

        Raises:
            WarehouseError: If it is missing, unreadable or of another release, or if the copy cannot be
                written or read.
        """
        if self._file is not None and not self._file.exists():
            if not self._warehouse.published.exists():
                return None
            raise WarehouseFileError(
                f"warehouse {self._file}: it is missing, but a published copy of it is there; mount the "
                "volume that has it, or restore it: zebbra restore <folder>"
            )
        with self._warehouse.locks.write("back up") as deadline, ExitStack() as exits:
            if self._file is None:
                database = exits.enter_context(_opened(self._warehouse.target))
                _copy_lake(database, copy)
            else:
                # Opened before the database and closed after it: see `publish_file`.
                file = exits.enter_context(self._file.open("rb"))
                database = exits.enter_context(
                    _opened(self._file, retry=lambda _holder: deadline.pause())
                )
                check_version(database)
                database.checkpoint()
                try:
                    copied(file, copy)
                except OSError as exc:
                    raise WarehouseWriteError(f"{copy}: cannot be written: {exc}") from exc
        try:
            return facts_of(copy)
        except WarehouseFileError as exc:
            raise WarehouseFileError(
                f"warehouse {self._warehouse.place}: it is damaged, a copy of it cannot be read; restore "
                "the last backup: zebbra restore <folder> --force"
            ) from exc

    def check_target(self, *, force: bool) -> None:
        """
        Check whether a copy may replace the warehouse, without changing anything.

        Raises:
            WarehouseBusyError: If a process has it open, or a run is fetching a workspace.
            WarehouseWriteError: If there is one already, or a published copy, and *force* is not set.
        """
        if self._file is None:
            if not force and self._lake_has_rows():
                raise WarehouseWriteError(
                    f"warehouse {self._warehouse.place}: it has figures already; --force copies them to a "
                    "dated file in the folder of the published copy and replaces them"
                )
        else:
            if is_held(self._file):
                raise WarehouseBusyError(
                    f"warehouse {self._file}: another program has it open; end that program first"
                )
            if is_any_workspace_locked(self._file):
                raise WarehouseBusyError(
                    f"warehouse {self._file}: a run is fetching workspaces; end it, or wait for it"
                )
        found = [str(path) for path in self._replaced() if os.path.lexists(path)]
        if found and not force:
            raise WarehouseWriteError(
                f"there is a warehouse already: {', '.join(found)}; --force moves it aside under a "
                "dated name"
            )

    def restore(self, copy: Path, *, now: datetime, force: bool) -> list[Path]:
        """
        Replace the warehouse by *copy* in one step, and publish it.

        Args:
            copy: A file that `make` wrote; it is not changed.
            now: Timezone-aware; part of the names of files that are moved aside.
            force: Replace existing data.

        Returns:
            The files that the replaced data was moved to.

        Raises:
            WarehouseError: As `check_target`, or if the copy cannot be used or the write lock is not free in
                time.
        """
        self.check_target(force=force)
        private_folder(self._warehouse.published.parent)
        kept = []
        if self._file is None:
            with self._warehouse.locks.write("restore"):
                kept = self._fill_lake(copy, now=now)
                kept += self._moved_aside([self._warehouse.published], stamp(now))
        else:
            private_folder(self._file.parent)
            draft = self._file.with_name(f".{self._file.name}.{stamp(now)}.{os.getpid()}.draft")
            try:
                with copy.open("rb") as source:
                    copied(source, draft)
                with self._warehouse.locks.write("restore"):
                    kept = self._moved_aside(self._replaced(), stamp(now))
                    draft.replace(self._file)
                    synced(self._file.parent)
            except OSError as exc:
                raise WarehouseWriteError(
                    f"warehouse {self._file}: not restored: {exc}; what was moved aside has "
                    f"'.replaced-{stamp(now)}' in its name"
                ) from exc
            finally:
                draft.unlink(missing_ok=True)
        # What newer copies have, and this backup has not, is what restoring gives up.
        self._warehouse.publish(force=True)
        return kept

    def _replaced(self) -> list[Path]:
        """Return the files that a restore replaces. A remaining log would be read into the new file."""
        published = self._warehouse.published
        if self._file is None:
            return [published]
        return [self._file, self._file.with_name(f"{self._file.name}.wal"), published]

    @staticmethod
    def _moved_aside(paths: list[Path], stamped: str) -> list[Path]:
        kept = []
        for path in paths:
            if os.path.lexists(path):
                kept.append(aside(path, stamped))
                path.replace(kept[-1])
        return kept

    def _lake_has_rows(self) -> bool:
        with _opened(self._warehouse.target) as database:
            return any(
                database.rows(f"SELECT 1 FROM {table} LIMIT 1")  # noqa: S608 -- names of ours
                for table in _tables(database)
            )

    def _fill_lake(self, copy: Path, *, now: datetime) -> list[Path]:
        kept = []
        if self._lake_has_rows():
            kept = [aside(self._warehouse.published.with_name("ducklake.duckdb"), stamp(now))]
        with _opened(self._warehouse.target) as database:
            if kept:
                _copy_lake(database, kept[0])
            migrate(database, now=now)
            quoted = str(copy).replace("'", "''")
            database.execute(f"ATTACH '{quoted}' AS backup (READ_ONLY)")
            tables = {
                name
                for (name,) in database.rows(
                    "SELECT table_name FROM information_schema.tables WHERE "
                    "table_catalog = 'backup' AND table_type = 'BASE TABLE'"
                )
            }
            with database.transaction("restore it"):
                for table in _tables(database):
                    database.execute(f"DELETE FROM {table}")  # noqa: S608 -- names of ours
                    if table in tables:
                        database.execute(
                            f"INSERT INTO {table} BY NAME SELECT * FROM backup.{table}"  # noqa: S608 -- names of ours
                        )
        return kept


def facts_of(path: Path) -> WarehouseFacts:
    """
    Read all of a copy, which detects damaged blocks.

    Raises:
        WarehouseError: If it is damaged, not a warehouse, or of a newer release.
    """
    import duckdb

    with _opened(path, read_only=True) as database:
        version = check_version(database)
        rows: dict[str, dict[str, int]] = {}
        try:
            for table in _tables(database):
                query = (
                    f"SELECT workspace_id, count(*), bit_xor(hash(t)) FROM {table} t "  # noqa: S608 -- names of ours
                    "GROUP BY 1 ORDER BY 1"
                )
                for workspace_id, count, _ in database.rows(query):
                    rows.setdefault(workspace_id, {})[table] = count
        except duckdb.Error as exc:
            raise WarehouseFileError(
                f"warehouse {path}: it is damaged ({type(exc).__name__}); use a backup that is not"
            ) from exc
    return WarehouseFacts(version, {name: rows[name] for name in sorted(rows)})


def _copy_lake(database: Database, copy: Path) -> None:
    import duckdb

    if is_outdated(database):
        raise WarehouseVersionError(
            f"{database.place}: it lacks tables of this release: back up with the release that runs, "
            "or let a run of this one write first"
        )
    made = Database.open(copy)
    try:
        migrate(made, now=datetime.now(UTC))
    finally:
        made.close()
    try:
        database.copy_into(copy)
    except duckdb.Error as exc:
        raise WarehouseWriteError(f"{copy}: cannot be written ({type(exc).__name__})") from None
    copy.chmod(PRIVATE_FILE)
    synced(copy)


def _tables(database: Database) -> list[str]:
    """Return the tables with rows of workspaces."""
    found = database.rows(
        "SELECT table_name FROM information_schema.tables WHERE table_catalog = current_database() "
        "AND table_type = 'BASE TABLE' ORDER BY 1"
    )
    return [name for (name,) in found if name != _LEDGER]


@contextmanager
def _opened(
    target: str | Path, *, read_only: bool = False, retry: Callable[[str], bool] | None = None
) -> Iterator[Database]:
    database = Database.open(target, read_only=read_only, retry=retry)
    try:
        yield database
    finally:
        database.close()
