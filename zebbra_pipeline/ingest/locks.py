"""Workspace locks of a run: a second run that fetches the same workspace waits."""

import asyncio
import logging
import time
from contextlib import ExitStack
from typing import Self

from integrations.contracts import ProviderUnavailableError
from integrations.runtime.backoff import Backoff
from zebbra_pipeline.warehouse import Warehouse

_log = logging.getLogger(__name__)

WAIT_S = 900.0
_PAUSES = Backoff(first_s=0.05, longest_s=1.0)


class WorkspaceLocks:
    """
    The workspaces that a run has locked while it fetches and lands them.

    Locks that are still held when the block ends are released. While a run waits for a workspace,
    it keeps fetching and landing the ones that it has locked, and releases them: two runs never
    deadlock.

    Args:
        warehouse: Where the figures land; the locks are next to it, or in its catalog's database.
        integration: Registered name, for messages.
        wait_s: How long to wait for a workspace that another run has locked.
    """

    def __init__(self, warehouse: Warehouse, integration: str, *, wait_s: float = WAIT_S) -> None:
        self._warehouse = warehouse
        self._integration = integration
        self._wait_s = wait_s
        self._held = ExitStack()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        self._held.close()

    async def acquire(self, workspace_id: str) -> ExitStack:
        """
        Lock a workspace; closing the result releases it.

        Raises:
            ProviderUnavailableError: If another run has held the lock for *wait_s* seconds.
            WarehouseFileError: If the catalog with the locks cannot be reached.
        """
        end, failures = time.monotonic() + self._wait_s, 0
        while (
            lock := await asyncio.to_thread(self._warehouse.locks.workspace, workspace_id)
        ) is None:
            if time.monotonic() >= end:
                raise ProviderUnavailableError(
                    f"{self._integration}: workspace {workspace_id!r}: another run has been "
                    f"fetching it for {self._wait_s / 60:.0f} minutes"
                )
            failures += 1
            if failures == 1:
                _log.info(
                    "%s %s waits: another run is fetching it", self._integration, workspace_id
                )
            await asyncio.sleep(_PAUSES.wait_s(failures))
        self._held.push(lock)
        return lock
