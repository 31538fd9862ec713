"""`Warehouse`: opens write sessions, publishes the read-only copy, and opens read sessions."""

from collections.abc import Callable, Collection, Iterator
from contextlib import ExitStack, closing, contextmanager
from datetime import UTC, datetime
from pathlib import Path

from zebbra_pipeline.warehouse.contents import Contents, read_contents
from zebbra_pipeline.warehouse.database import Database
from zebbra_pipeline.warehouse.deadline import Deadline
from zebbra_pipeline.warehouse.errors import (
    WarehouseBusyError,
    WarehouseFileError,
    WarehouseLockedError,
)
from zebbra_pipeline.warehouse.faults import RESTORE, holder_pid, size_of
from zebbra_pipeline.warehouse.lake import (
    POSTGRES_LAKES,
    catalog_file,
    is_lake,
    without_secrets,
)
from zebbra_pipeline.warehouse.locks import WarehouseLocks
from zebbra_pipeline.warehouse.migrations import is_outdated, migrate
from zebbra_pipeline.warehouse.presence import Patience, refuse_if_lost
from zebbra_pipeline.warehouse.publishing import (
    publish_copy,
    publish_empty,
    publish_file,
    sweep_drafts,
)
from zebbra_pipeline.warehouse.reading import ReadSession
from zebbra_pipeline.warehouse.writing import WriteSession


def _utc_now() -> datetime:
    return datetime.now(UTC)


class Warehouse:
    """
    The landed figures of all workspaces, in a DuckDB file or a DuckLake.

    One write session at a time has it open, and only while the session lasts. Writers queue in
    order, across processes and, for a DuckLake in PostgreSQL, across machines. Readers and
    writers never wait for each other: readers open the published copy. Readers of a DuckLake in
    PostgreSQL see its state at the time they open it, since a copy on this machine may lack what
    another machine has landed.

    Attributes:
        published: Path of the copy for people and BI.
        file: The DuckDB file; None for a DuckLake.
        target: The path of the file, or the DuckLake's address, which may contain a password.
        locks: The write lock, and the locks of workspaces.
    """

    def __init__(
        self,
        target: str | Path,
        *,
        published: Path,
        lock_timeout_s: float = 120.0,
        clock: Callable[[], datetime] = _utc_now,
        landed_before: Callable[[], Collection[str]] = tuple,
    ) -> None:
        """
        Set the paths; nothing is opened or created yet.

        Args:
            target: Path of the DuckDB file, or `ducklake:...` with a catalog in PostgreSQL or
                in a file. A DuckLake must exist, with the `DATA_PATH` that its catalog records,
                and DuckDB's extensions for it must be installed.
            published: Path of the copy.
            lock_timeout_s: How long a writer waits for the write lock, and for other programs.
            clock: Returns the current time, timezone-aware, for migrations and locks.
            landed_before: Returns workspaces that have landed according to another source, e.g.
                Dagster's history. Called only if there is neither a file nor a copy with
                figures: if it returns any, the file is missing rather than new.

        Raises:
            ValueError: If both paths are the same.
        """
        self.published = Path(published)
        self._clock = clock
        self._landed_before = landed_before
        self.file = None if is_lake(target) else Path(target)
        self.target = str(target)
        self.locks = WarehouseLocks(self.target, self.file, timeout_s=lock_timeout_s, clock=clock)
        self._shared = self.target.startswith(POSTGRES_LAKES)
        if self.file is not None and self.file.resolve() == self.published.resolve():
            raise ValueError(
                f"published copy {published}: expected another path than the warehouse's"
            )

    @property
    def place(self) -> str:
        """The target without secrets, for messages."""
        return without_secrets(self.target)

    @contextmanager
    def write(self, purpose: str) -> Iterator[WriteSession]:
        """
        Take the write lock, migrate to the newest schema, and close at the end of the block.

        Fetch before you open it: other writers wait for the whole block. It cannot be nested,
        and `publish` cannot be called inside it.

        Args:
            purpose: What is being done, e.g. `land Xero for acme`; shown to other writers that
                wait too long.

        Raises:
            WarehouseBusyError: If the lock is not free in time; names the holder.
            WarehouseFileError: If the file cannot be opened as a warehouse, or is missing
                although figures have landed in it.
            WarehouseVersionError: If a newer release wrote it.
        """
        with self._open_to_write(purpose) as database:
            yield WriteSession(database)

    def check(self) -> None:
        """
        Check that the file exists, or that nothing has landed yet. Cheap if it exists.

        Raises:
            WarehouseDamagedError: If it is an empty file although figures have landed.
            WarehouseMissingError: If there is none although figures have landed.
        """
        catalog = self.file or catalog_file(self.target)
        if catalog is not None and not size_of(catalog) and not catalog.is_dir():
            refuse_if_lost(catalog, self.published, self._landed_before)

    def examine(self) -> Contents | None:
        """
        Read all rows without changing anything. Return None if nothing was ever written.

        Raises:
            WarehouseBusyError: If one of our own processes is writing; names the holder.
            WarehouseError: If it is missing, damaged, or open in another program.
        """
        self.check()
        catalog = self.file or catalog_file(self.target)
        if catalog is not None and not size_of(catalog) and not catalog.is_dir():
            return None
        target = self.file or self.target
        try:
            with (
                self.locks.write("examine the warehouse", timeout_s=0),
                closing(Database.open(target, read_only=True)) as database,
            ):
                return _read(database)
        except WarehouseLockedError:
            raise
        except WarehouseBusyError as exc:
            if self.file is not None and exc.holder is not None:
                self._refuse_stranger(self.file, exc.holder.pid)
            raise

    @staticmethod
    def _refuse_stranger(file: Path, writer_pid: int) -> None:
        """Raise if a process other than the holder of the write lock has the file open."""
        try:
            Database.open(file, read_only=True).close()
        except WarehouseLockedError as exc:
            if exc.__cause__ is None or holder_pid(exc.__cause__) != writer_pid:
                raise

    def publish(self, *, force: bool = False, renew: bool = False) -> None:
        """
        Rebuild the published copy, check it, and swap it in; the last three copies are kept.

        A readable copy is never replaced by an unreadable one, or by one that has lost figures.

        Args:
            force: Replace it anyway; if the warehouse is missing, by an empty copy.
            renew: The current copy is an earlier state of the same run and is not kept.

        Raises:
            WarehouseError: As `write`, or if the copy cannot be written; the old one stays.
            WarehouseDamagedError: If the warehouse cannot be read in full; the old copy stays.
            WarehouseLossError: If it lacks figures that the old copy has; the old copy stays.
        """
        if not force:
            self.check()  # before a folder is created where a disk is not mounted
        with self.locks.write(f"publish {self.published.name}") as deadline, ExitStack() as exits:
            file = None
            if self.file is not None and size_of(self.file):
                file = exits.enter_context(self.file.open("rb"))  # closed after the database
            database = exits.enter_context(self._opened(deadline, force=force))
            sweep_drafts(self.published)
            if file is None:
                publish_copy(database, self.published, now=self._clock(), force=force, renew=renew)
            else:
                publish_file(database, file, self.published, force=force, renew=renew)

    @contextmanager
    def read(self) -> Iterator[ReadSession]:
        """
        Open the figures that have landed so far; the block sees one unchanging state.

        This is the published copy, unless several machines share the warehouse. If there is no
        copy, or one of an older release, it is published first (an empty one if nothing was
        ever written).

        Raises:
            WarehouseError: If the copy cannot be opened or created.
        """
        if self._shared:
            with self._reading_lake() as database:
                yield ReadSession(database)
            return
        if not self.published.exists():
            self._publish_first()
        database = Database.open(self.published, read_only=True, is_copy=True)
        try:
            if is_outdated(database):
                database.close()
                self.publish()
                database = Database.open(self.published, read_only=True, is_copy=True)
            yield ReadSession(database)
        finally:
            database.close()

    @contextmanager
    def _reading_lake(self) -> Iterator[Database]:
        database = Database.open(self.target)
        try:
            if is_outdated(database):
                database.close()
                with self._open_to_write("migrate to the newest schema"):
                    pass
                database = Database.open(self.target)
            with database.snapshot():
                yield database
        finally:
            database.close()

    @contextmanager
    def _open_to_write(self, purpose: str) -> Iterator[Database]:
        self.check()  # before a folder is created where a disk is not mounted
        with self.locks.write(purpose) as deadline, self._opened(deadline) as database:
            yield database

    @contextmanager
    def _opened(self, deadline: Deadline, *, force: bool = False) -> Iterator[Database]:
        if not force:
            self.check()  # again: the wait for the lock may have been long
        if self.file is not None and self.file.is_file() and not size_of(self.file):
            self.file.unlink()  # left by a process that was killed while it created the file
        patience = Patience(deadline, str(self.file or self.target))
        database = Database.open(self.file or self.target, retry=patience)
        try:
            migrate(database, now=self._clock())
            yield database
        finally:
            database.close()

    def _publish_first(self) -> None:
        if self.file is None or self.file.exists():
            self.publish()
        else:
            self.check()
            publish_empty(self.published, now=self._clock())


def _read(database: Database) -> Contents:
    import duckdb

    try:
        return read_contents(database)
    except duckdb.Error as exc:  # a DuckLake: files that its catalog names are missing
        raise WarehouseFileError(
            f"{database.place}: it cannot be read in full ({type(exc).__name__}); {RESTORE}"
        ) from None  # DuckDB's text may repeat an address with its password
