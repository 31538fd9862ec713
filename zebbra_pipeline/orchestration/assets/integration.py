"""The asset family of one integration: fetch its workspaces, land them, report each."""

import asyncio
from collections.abc import Callable, Iterator, Sequence
from functools import partial

import dagster as dg
from pydantic import Field

from integrations.contracts import ConfigurationError, IntegrationPlugin
from integrations.contracts.display import printable
from integrations.runtime.settings import load_settings
from zebbra_pipeline.orchestration.assets.specs import build_integration_specs
from zebbra_pipeline.orchestration.checks.specs import Checks
from zebbra_pipeline.orchestration.checks.step import StepChecks
from zebbra_pipeline.orchestration.metadata.events import failure_of, log_outcome, report
from zebbra_pipeline.orchestration.resources import Connections, Warehouse
from zebbra_pipeline.orchestration.run_tags import models_behind, tag_changes, tag_come_back
from zebbra_pipeline.outcomes import Landed, Outcome
from zebbra_pipeline.warehouse import WarehouseError

OnOutcomes = Callable[[str, Sequence[Outcome]], None]
"""Takes the outcomes of a step by the name of what it did: a slug, or `merged_model`."""


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
    on_outcomes: OnOutcomes | None = None,
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
            no checks by workspace (`orchestration.checks.workspaces.build_workspace_checks`).
        on_outcomes: Called with the slug and the outcomes of a step that runs in this process.

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
        page = partial(connections.connection_page, slug=plugin.slug)
        try:
            outcomes = asyncio.run(
                connections.fetch(
                    plugin,
                    context.partition_keys,
                    assets,
                    warehouse=warehouse.open(context.instance),
                    full=config.full,
                    run_id=context.run.run_id,
                    on_outcome=partial(log_outcome, context, page=page),
                    warn=context.log.warning,
                )
            )
        except (ConfigurationError, WarehouseError) as exc:
            raise failure_of(exc) from exc
        if on_outcomes:
            on_outcomes(plugin.slug, outcomes)
        tag_come_back(context, plugin.slug, outcomes, full=config.full)
        _review(context, plugin, checks, outcomes, connections=connections, warehouse=warehouse)
        yield from report(context, outcomes, logged=True, page=page)

    return fetch


def _review(
    context: dg.AssetExecutionContext,
    plugin: IntegrationPlugin,
    checks: Checks | None,
    outcomes: Sequence[Outcome],
    *,
    connections: Connections,
    warehouse: Warehouse,
) -> None:
    """Tag the run with the workspaces to merge, and log the checks: one read of what landed."""
    changed = {
        item.workspace_id for item in outcomes if isinstance(item, Landed) and item.has_changed
    }
    step = StepChecks.of(context, plugin, checks, outcomes, connections) if checks else None
    try:
        with warehouse.open(context.instance).read() as session:
            changed |= models_behind(
                context.instance, context.partition_keys, load_settings().models, session
            )
            if step:
                step.find(session)
    except WarehouseError as exc:
        context.log.warning(
            "what has landed is not checked, and models that are behind are left to the next "
            "run: %s",
            printable(exc),
        )
        step = None
    tag_changes(context, plugin.slug, changed)
    if step:
        step.log()
