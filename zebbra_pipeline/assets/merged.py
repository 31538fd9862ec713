"""`merged_model`: the models of a workspace, filled from everything that has landed."""

from collections.abc import Iterator, Sequence

import dagster as dg

from integrations.runtime.settings import load_settings
from zebbra_pipeline.assets.reporting import report
from zebbra_pipeline.assets.specs import build_merged_model_spec
from zebbra_pipeline.resources import Connections, Warehouse
from zebbra_pipeline.warehouse import WarehouseError


def build_merged_model(
    upstream: Sequence[dg.AssetKey], *, workspaces_per_run: int
) -> dg.AssetsDefinition:
    """Build `merged_model`, downstream of the assets *upstream*."""

    @dg.multi_asset(
        name="merge_models",
        specs=[build_merged_model_spec(upstream)],
        backfill_policy=dg.BackfillPolicy.multi_run(max_partitions_per_run=workspaces_per_run),
    )
    def merge(
        context: dg.AssetExecutionContext, connections: Connections, warehouse: Warehouse
    ) -> Iterator[dg.MaterializeResult[None]]:
        from zebbra_pipeline.merging import merge_workspaces

        try:
            outcomes, _ = merge_workspaces(
                list(context.partition_keys),
                models=load_settings().models,
                warehouse=warehouse.open(),
                today=connections.today(),
            )
        except WarehouseError as exc:
            raise dg.Failure(description=str(exc), allow_retries=False) from exc
        yield from report(context, outcomes)

    return merge
