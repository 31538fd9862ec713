"""The asset family of one integration: fetch its workspaces, land them, report each."""

import asyncio
from collections.abc import Iterator
from functools import partial

import dagster as dg
from pydantic import Field

from integrations.contracts import ConfigurationError, IntegrationPlugin
from integrations.runtime.settings import load_settings
from zebbra_pipeline.orchestration.assets.specs import build_integration_specs
from zebbra_pipeline.orchestration.changes import tag_changes
from zebbra_pipeline.orchestration.checks.freshness import log_freshness
from zebbra_pipeline.orchestration.checks.specs import Checks
from zebbra_pipeline.orchestration.checks.workspaces import log_checks
from zebbra_pipeline.orchestration.metadata.events import failure_of, log_outcome, report
from zebbra_pipeline.orchestration.resources import Connections, Warehouse
from zebbra_pipeline.orchestration.run_tags import tag_come_back
from zebbra_pipeline.outcomes import Failed
from zebbra_pipeline.warehouse import WarehouseError


class FetchConfig(dg.Config):
    """How much a run fetches."""

    full: bool = Field(
        default=False,
        description="Fetch all of ZEBBRA_HISTORY_MONTHS, also where it has landed before.",
    )


def build_integration_assets(
    plugin: IntegrationPlugin,
    *,
    workspaces_per_run: int | None = None,
    checks: Checks | None = None,
) -> dg.AssetsDefinition:
    """
    Build the assets that *plugin* feeds, partitioned by workspace.

    Building makes no network call. The assets need the resources `connections` and
    `warehouse` (`zebbra_pipeline.orchestration.resources`).

    Args:
        plugin: An integration, e.g. from `integrations.runtime.registry.load_registry()`.
        workspaces_per_run: The most workspaces that a backfill puts in one run;
            ZEBBRA_WORKSPACES_PER_RUN by default.
        checks: What each workspace is checked for as it lands; None where the definitions have
            no checks by workspace (`zebbra_pipeline.orchestration.checks.workspaces.build_workspace_checks`).

    Raises:
        ConfigurationError: If a setting is malformed, by name.
    """
    most = workspaces_per_run or load_settings().workspaces_per_run

    @dg.multi_asset(
        name=f"fetch_{plugin.slug}",
        specs=build_integration_specs(plugin),
        can_subset=True,
        backfill_policy=dg.BackfillPolicy.multi_run(max_partitions_per_run=most),
        pool=f"provider_{plugin.slug}",
    )
    def fetch(
        context: dg.AssetExecutionContext,
        config: FetchConfig,
        connections: Connections,
        warehouse: Warehouse,
    ) -> Iterator[dg.MaterializeResult[None] | dg.Output[None]]:
        assets = tuple(sorted(key.path[-1] for key in context.selected_asset_keys))
        try:
            outcomes = asyncio.run(
                connections.fetch(
                    plugin,
                    context.partition_keys,
                    assets,
                    warehouse=warehouse.open(context.instance),
                    full=config.full,
                    run_id=context.run.run_id,
                    note=partial(
                        log_outcome,
                        context,
                        page=partial(connections.connection_page, slug=plugin.slug),
                    ),
                    warn=context.log.warning,
                )
            )
        except (ConfigurationError, WarehouseError) as exc:
            raise failure_of(exc) from exc
        tag_changes(
            context,
            plugin.slug,
            outcomes,
            models=load_settings().models,
            warehouse=warehouse.open(context.instance),
        )
        tag_come_back(context, plugin.slug, outcomes, full=config.full)
        if checks:
            log_checks(
                context, plugin, checks, outcomes, connections=connections, warehouse=warehouse
            )
            if any(isinstance(item, Failed) for item in outcomes):
                log_freshness(context, plugin, checks, connections=connections, warehouse=warehouse)
        yield from report(context, outcomes, logged=True)

    return fetch
