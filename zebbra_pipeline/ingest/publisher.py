"""Publishes what a run has landed: from time to time while it goes on, and at its end."""

import asyncio
import logging

from zebbra_pipeline.warehouse import Warehouse, WarehouseError

_log = logging.getLogger(__name__)


class Publisher:
    """
    Renews the published copy for one run.

    All copies of a run count as one: of the copies before it, only the last is kept as a
    generation.

    Args:
        warehouse: Where the run lands.
        after_s: How long what has landed waits for the workspaces that are still fetched.
    """

    def __init__(self, warehouse: Warehouse, after_s: float) -> None:
        self._warehouse = warehouse
        self._after_s = after_s
        self._waiting: asyncio.Task[None] | None = None
        self._landed = False
        self._published = False

    def publish_soon(self) -> None:
        """Publish after a while, unless that is due already."""
        self._landed = True
        if self._waiting is None or self._waiting.done():
            self._waiting = asyncio.create_task(self._later())

    async def publish(self) -> None:
        """
        Publish now.

        Raises:
            WarehouseError: If the copy cannot be made; the previous one stays.
        """
        await asyncio.to_thread(self._warehouse.publish, renew=self._published)
        self._published = True

    async def stop(self) -> None:
        """Cancel what is due; a publication under way ends first."""
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
                _log.warning("not published yet, the end of the run tries again: %s", exc)
            except asyncio.CancelledError:
                await asyncio.gather(publishing, return_exceptions=True)
                raise
