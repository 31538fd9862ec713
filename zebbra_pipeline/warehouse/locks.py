"""The locks of a warehouse: one for writing, and one for each workspace."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from datetime import datetime
from pathlib import Path

from integrations.contracts import check_workspace_id
from zebbra_pipeline.warehouse.database import private_folder
from zebbra_pipeline.warehouse.deadline import Deadline
from zebbra_pipeline.warehouse.errors import WarehouseBusyError
from zebbra_pipeline.warehouse.file_locks import WriterQueue, workspace_file_lock
from zebbra_pipeline.warehouse.lake import catalog_file
from zebbra_pipeline.warehouse.postgres_locks import advisory_lock, workspace_lock_number


class WarehouseLocks:
    """
    Locks that threads, processes and machines which share a warehouse agree on.

    They are files next to the warehouse or, for a DuckLake with its catalog in PostgreSQL,
    advisory locks in the catalog's database. The system releases the locks of a process that
    dies.

    Args:
        target: Path of the DuckDB file, or the DuckLake's address.
        file: The DuckDB file; None for a DuckLake.
        timeout_s: How long a writer waits for the write lock.
        clock: Returns the current time, timezone-aware; shown to writers that wait.
    """

    def __init__(
        self,
        target: str,
        file: Path | None,
        *,
        timeout_s: float,
        clock: Callable[[], datetime],
    ) -> None:
        self._target = target
        self._file = file
        self._timeout_s = timeout_s
        self._clock = clock

    @property
    def _catalog(self) -> Path | None:
        return self._file or catalog_file(self._target)

    @contextmanager
    def write(self, purpose: str, *, timeout_s: float | None = None) -> Iterator[Deadline]:
        """
        Wait for the write lock without opening anything, and yield the remaining time.

        Args:
            purpose: What is being done, e.g. `land Xero for acme`; shown to other writers that
                wait too long.
            timeout_s: How long to wait; by default that of the warehouse.

        Raises:
            WarehouseBusyError: If the lock is not free in time; names the holder.
            WarehouseFileError: If the catalog cannot be reached.
        """
        deadline = Deadline(self._timeout_s if timeout_s is None else timeout_s)
        catalog = self._catalog
        if catalog is None:
            lock = advisory_lock(self._target, purpose, deadline)
        else:
            private_folder(catalog.parent)
            lock = WriterQueue(catalog, clock=self._clock).lock(purpose, deadline)
        with lock:
            yield deadline

    def workspace(self, workspace_id: str) -> ExitStack | None:
        """
        Lock a workspace for the run that fetches it, so that no other run does at the same time.

        Writers do not need this lock.

        Returns:
            A stack that releases the lock when it is closed, in any thread; None if another run
            holds the lock.

        Raises:
            ValueError: If the id is malformed.
            WarehouseFileError: If the catalog cannot be reached.
        """
        check_workspace_id(workspace_id)
        catalog = self._catalog
        lock: AbstractContextManager[None]
        if catalog is None:
            lock = advisory_lock(
                self._target,
                f"pull {workspace_id}",
                Deadline(0),
                number=workspace_lock_number(workspace_id),
            )
        else:
            lock = workspace_file_lock(catalog, workspace_id)
        with ExitStack() as held:
            try:
                held.enter_context(lock)
            except WarehouseBusyError:
                return None
            return held.pop_all()
