"""`merged_model`: the models of a workspace, filled from everything that has landed."""

from collections.abc import Iterator, Sequence

import dagster as dg
from pydantic import Field

from integrations.runtime.settings import load_settings
from zebbra_pipeline.ingest.progress import OPEN_ELSEWHERE, lines_of
from zebbra_pipeline.orchestration.assets.integration import OnOutcomes
from zebbra_pipeline.orchestration.assets.specs import build_merged_model_spec
from zebbra_pipeline.orchestration.metadata.events import failure_of, report
from zebbra_pipeline.orchestration.resources import Connections, Warehouse
from zebbra_pipeline.warehouse import WarehouseError

MERGE_POOL = "merge_models"
"""Runs that merge hold one write session each: they queue in Dagster, not in the warehouse."""


class MergeConfig(dg.Config):
    """Which workspaces of a run are merged."""

    workspaces: list[str] = Field(
        default=[],
        description="Merge these alone, of the run's workspaces; the others keep what they have. "
        "Empty: all of them.",
    )


def build_merged_model(
    upstream: Sequence[dg.AssetKey],
    *,
    workspaces_per_run: int,
    on_outcomes: OnOutcomes | None = None,
) -> dg.AssetsDefinition:
    """
    Build `merged_model`, downstream of the assets *upstream*.

    Args:
        upstream: The assets that the figures come from.
        workspaces_per_run: The most workspaces that a backfill puts in one run.
        on_outcomes: Called with `merge_models` and the outcomes of a step in this process.
    """

    @dg.multi_asset(
        name="merge_models",
        specs=[build_merged_model_spec(upstream)],
        backfill_policy=dg.BackfillPolicy.multi_run(max_partitions_per_run=workspaces_per_run),
        pool=MERGE_POOL,
    )
    def merge(
        context: dg.AssetExecutionContext,
        config: MergeConfig,
        connections: Connections,
        warehouse: Warehouse,
    ) -> Iterator[dg.MaterializeResult[None] | dg.Output[None]]:
        from zebbra_pipeline.merge.workspaces import merge_workspaces

        chosen = frozenset(config.workspaces or context.partition_keys)
        try:
            with lines_of(OPEN_ELSEWHERE, show=context.log.warning):
                outcomes = merge_workspaces(
                    [key for key in context.partition_keys if key in chosen],
                    models=load_settings().models,
                    warehouse=warehouse.open(context.instance),
                    today=connections.today(),
                )
        except WarehouseError as exc:
            raise failure_of(exc) from exc
        if on_outcomes:
            on_outcomes("merge_models", outcomes)
        yield from report(context, outcomes, whole=chosen.issuperset(context.partition_keys))

    return merge
