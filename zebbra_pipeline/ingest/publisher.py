"""Publishes the figures that a run has landed: at intervals during the run, and at its end."""

import asyncio
import logging

from zebbra_pipeline.warehouse import Warehouse, WarehouseError

_log = logging.getLogger(__name__)


class Publisher:
    """
    Renews the published copy for one run.

    All copies of a run count as one generation: only the copy from before the run is kept.

    Args:
        warehouse: Where the run lands.
        after_s: Seconds until landed figures are published while other workspaces are fetched.
    """

    def __init__(self, warehouse: Warehouse, after_s: float) -> None:
        self._warehouse = warehouse
        self._after_s = after_s
        self._waiting: asyncio.Task[None] | None = None
        self._landed = False
        self._published = False

    def publish_soon(self) -> None:
        """Schedule a publication, unless one is scheduled already."""
        self._landed = True
        if self._waiting is None or self._waiting.done():
            self._waiting = asyncio.create_task(self._later())

    async def publish(self) -> None:
        """
        Publish now.

        Raises:
            WarehouseError: If the copy cannot be written; the previous one stays.
        """
        await asyncio.to_thread(self._warehouse.publish, renew=self._published)
        self._published = True

    async def stop(self) -> None:
        """Cancel the scheduled publication; one in progress completes first."""
        if self._waiting is not None:
            self._waiting.cancel()
            await asyncio.gather(self._waiting, return_exceptions=True)

    async def _later(self) -> None:
        while self._landed:
            await asyncio.sleep(self._after_s)
            self._landed = False
            publishing = asyncio.ensure_future(self.publish())
            try:
                await asyncio.shield(publishing)
            except WarehouseError as exc:
                _log.warning("not published yet, retried at the end of the run: %s", exc)
            except asyncio.CancelledError:
                await asyncio.gather(publishing, return_exceptions=True)
                raise
