"""`Warehouse`: who may write when, and where readers read."""

from collections.abc import Callable, Collection, Iterator
from contextlib import AbstractContextManager, ExitStack, closing, contextmanager
from datetime import UTC, datetime
from pathlib import Path

from integrations.contracts import check_workspace_id
from zebbra_pipeline.warehouse.contents import Contents, read_contents
from zebbra_pipeline.warehouse.database import Database, private_folder
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
from zebbra_pipeline.warehouse.lake_locks import turn_in_postgres
from zebbra_pipeline.warehouse.locks import Deadline, WriterQueue, held_by_file, number_of
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

    One write session at a time has it open; writers queue fairly, also those of other
    processes and, for a DuckLake in PostgreSQL, of other machines. Nobody has it open longer
    than a session. Readers never wait for a writer, nor a writer for them: they read the
    published copy; of a DuckLake in PostgreSQL, its state as they began, since a copy on this
    machine need not know what another has landed.

    Attributes:
        published: The copy for people and BI.
        file: The DuckDB file; None for a DuckLake.
        target: The path of the file, or the DuckLake's address, which may hold a password.
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
        Name the files; nothing is opened or made yet.

        Args:
            target: Path of the DuckDB file, or `ducklake:...` with a catalog in PostgreSQL or
                in a file. A DuckLake must have been made once with its `DATA_PATH`, which its
                catalog remembers, and its extensions be installed.
            published: Path of the copy.
            lock_timeout_s: How long a writer waits for its turn, and for other programs.
            clock: What tells the time of migrations and turns, timezone-aware.
            landed_before: Returns workspaces of which others know that they have landed, e.g.
                Dagster's history. Called only where there is no file and no copy with figures:
                with any, the file is missing, not new.

        Raises:
            ValueError: If both paths are the same.
        """
        self.published = Path(published)
        self._lock_timeout_s = lock_timeout_s
        self._clock = clock
        self._landed_before = landed_before
        self.file = None if is_lake(target) else Path(target)
        self.target = str(target)
        self._shared = self.target.startswith(POSTGRES_LAKES)
        if self.file is not None and self.file.resolve() == self.published.resolve():
            raise ValueError(
                f"published copy {published}: expected another path than the warehouse's"
            )

    @property
    def place(self) -> str:
        """What may be shown of the target."""
        return without_secrets(self.target)

    @contextmanager
    def write(self, purpose: str) -> Iterator[WriteSession]:
        """
        Wait for the turn to write, open the newest schema, and close at the end.

        Fetch first and write then: others wait as long as this block lasts. It cannot be
        nested, nor hold a `publish`.

        Args:
            purpose: For whoever waits too long: what is being done, e.g. `land Xero for acme`.

        Raises:
            WarehouseBusyError: If the turn does not come in time; it names the holder.
            WarehouseFileError: If the file cannot be opened as a warehouse, or is missing
                although figures have landed in it.
            WarehouseVersionError: If a newer release wrote it.
        """
        with self._open_to_write(purpose) as database:
            yield WriteSession(database)

    def hold(self, workspace_id: str) -> ExitStack | None:
        """
        Reserve a workspace for whoever pulls it, so that no other run does at the same time.

        Held beside the warehouse or, for a DuckLake in PostgreSQL, in its catalog's database,
        hence across threads, processes and machines that share it; given back by the system
        where its holder dies. Writers do not need it.

        Returns:
            What gives it back when it is closed, in any thread; None if another has it.

        Raises:
            ValueError: If the id is malformed.
            WarehouseFileError: If the catalog cannot be reached.
        """
        check_workspace_id(workspace_id)
        catalog = self.file or catalog_file(self.target)
        place: AbstractContextManager[None]
        if catalog is None:
            place = turn_in_postgres(
                self.target, f"pull {workspace_id}", Deadline(0), number=number_of(workspace_id)
            )
        else:
            place = held_by_file(catalog, workspace_id)
        with ExitStack() as held:
            try:
                held.enter_context(place)
            except WarehouseBusyError:
                return None
            return held.pop_all()

    def check(self) -> None:
        """
        See whether the file is there, or whether it is right that it is not; cheap where it is.

        Raises:
            WarehouseDamagedError: If it is an empty file although figures have landed.
            WarehouseMissingError: If there is none although figures have landed.
        """
        catalog = self.file or catalog_file(self.target)
        if catalog is not None and not size_of(catalog) and not catalog.is_dir():
            refuse_if_lost(catalog, self.published, self._landed_before)

    def examine(self) -> Contents | None:
        """
        Read all of it, without changing anything; None where nothing has ever been written.

        Raises:
            WarehouseBusyError: If one of our own processes is writing; it names the holder.
            WarehouseError: If it is missing, damaged, or open in another program.
        """
        self.check()
        catalog = self.file or catalog_file(self.target)
        if catalog is not None and not size_of(catalog) and not catalog.is_dir():
            return None
        target = self.file or self.target
        try:
            with (
                self.turn("examine the warehouse", timeout_s=0),
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
        """Raise if it is not the writer with the turn that has the file open, for whom it waits."""
        try:
            Database.open(file, read_only=True).close()
        except WarehouseLockedError as exc:
            if exc.__cause__ is None or holder_pid(exc.__cause__) != writer_pid:
                raise

    def publish(self, *, force: bool = False, renew: bool = False) -> None:
        """
        Rebuild the published copy, check it, and swap it in; the last three before it are kept.

        A copy that can be read is never replaced by one that cannot, or that has lost figures.

        Args:
            force: Replace it all the same; where the warehouse is missing, by an empty one.
            renew: The present copy is an earlier state of the same run, which is not kept.

        Raises:
            WarehouseError: As `write`, or if the copy cannot be written; the old one stays.
            WarehouseDamagedError: If the warehouse cannot be read in full; the old copy stays.
            WarehouseLossError: If it has lost figures that the old copy has; that stays.
        """
        if not force:
            self.check()  # before a folder is made, where a disk is not mounted
        with self.turn(f"publish {self.published.name}") as deadline, ExitStack() as exits:
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
        Open what has landed by now; it stays that for the whole block.

        That is the published copy, unless many machines share the warehouse. Where there is
        none yet, or one of an older release, it is published first (an empty one where nothing
        has ever been written).

        Raises:
            WarehouseError: If it cannot be opened or made.
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
                with self._open_to_write("make the newest tables"):
                    pass
                database = Database.open(self.target)
            with database.snapshot():
                yield database
        finally:
            database.close()

    @contextmanager
    def _open_to_write(self, purpose: str) -> Iterator[Database]:
        self.check()  # before a folder is made, where a disk is not mounted
        with self.turn(purpose) as deadline, self._opened(deadline) as database:
            yield database

    @contextmanager
    def turn(self, purpose: str, *, timeout_s: float | None = None) -> Iterator[Deadline]:
        """
        Wait for the turn to write, without opening anything; give what is left of the time.

        Raises:
            WarehouseBusyError: If the turn does not come in time; it names the holder.
        """
        deadline = Deadline(self._lock_timeout_s if timeout_s is None else timeout_s)
        catalog = self.file or catalog_file(self.target)
        if catalog is None:
            turn = turn_in_postgres(self.target, purpose, deadline)
        else:
            private_folder(catalog.parent)
            turn = WriterQueue(catalog, clock=self._clock).turn(purpose, deadline)
        with turn:
            yield deadline

    @contextmanager
    def _opened(self, deadline: Deadline, *, force: bool = False) -> Iterator[Database]:
        if not force:
            self.check()  # again: a turn may take long to come
        if self.file is not None and self.file.is_file() and not size_of(self.file):
            self.file.unlink()  # left by a process that was killed as it made the file
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
    except duckdb.Error as exc:  # of a DuckLake: files that its catalog names are not there
        raise WarehouseFileError(
            f"{database.place}: it cannot be read in full ({type(exc).__name__}); {RESTORE}"
        ) from None  # what DuckDB says may repeat an address, with its password
