"""What is said of workspaces that have not connected an integration, or no longer."""

import asyncio
from collections.abc import Mapping, Sequence

from zebbra_pipeline.outcomes import Done
from zebbra_pipeline.warehouse import KeptInfo, Warehouse


class Disconnected:
    """
    Tells what a workspace without a connection keeps; the warehouse is asked once for all.

    Args:
        integration: Registered name.
        workspace_ids: The customers of the run.
        assets: Asset names that it was to land.
        warehouse: Its published copy is asked, when the first of them turns out to be one.
    """

    def __init__(
        self,
        integration: str,
        workspace_ids: Sequence[str],
        assets: Sequence[str],
        warehouse: Warehouse,
    ) -> None:
        self._integration = integration
        self._workspace_ids = workspace_ids
        self._assets = assets
        self._warehouse = warehouse
        self._kept: Mapping[str, Mapping[str, KeptInfo]] | None = None
        self._asking = asyncio.Lock()

    async def done(self, workspace_id: str) -> Done:
        """
        Return the outcome of a workspace that has no connection.

        What it landed while it had one is kept: its batch, too, stays the data version, so that
        nothing downstream becomes stale.

        Raises:
            WarehouseError: If the published copy cannot be read.
        """
        async with self._asking:
            if self._kept is None:
                self._kept = await asyncio.to_thread(self._ask)
        kept = self._kept.get(workspace_id, {})
        metadata = {
            name: {
                "dagster/row_count": info.rows,
                "zebbra/status": "disconnected",
                "zebbra/batch_id": info.batch_id,
            }
            if (info := kept.get(name))
            else {"dagster/row_count": 0, "zebbra/status": "not_connected"}
            for name in self._assets
        }
        summary = "disconnected, its figures are kept" if kept else "not connected"
        return Done(workspace_id, metadata, summary)

    def _ask(self) -> Mapping[str, Mapping[str, KeptInfo]]:
        with self._warehouse.read() as session:
            return session.kept(self._integration, self._workspace_ids)
