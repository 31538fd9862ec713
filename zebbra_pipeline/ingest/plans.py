"""What a refresh is going to fetch, told from connections and the warehouse, without a call."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

from integrations.contracts import (
    IntegrationError,
    IntegrationPlugin,
    RateLimits,
    months_back,
)
from integrations.runtime.settings import Settings
from integrations.runtime.token_service import OAuthService
from zebbra_pipeline.ingest.families import ASSET_NAMES
from zebbra_pipeline.ingest.fetch import first_month, what_has_landed
from zebbra_pipeline.ingest.quota import BackfillPlan, PlannedPull, plan_backfill
from zebbra_pipeline.ingest.run import CONCURRENT_WORKSPACES
from zebbra_pipeline.warehouse import Warehouse

_DAY = timedelta(days=1)
SECONDS_PER_CALL = 1.0


def plan_of(
    connected: Sequence[Mapping[str, Any]],
    plugins: Iterable[IntegrationPlugin],
    warehouse: Warehouse,
    settings: Settings,
    *,
    full: bool,
    today: date,
    seconds_per_call: float = SECONDS_PER_CALL,
) -> BackfillPlan:
    """
    Plan the pulls of connections that work.

    Args:
        connected: Rows of the OAuth service's list.
        plugins: The integrations to fetch; rows of others are left out.
        warehouse: Tells what has landed, and the calls of the last 24 hours.
        settings: Months of history, calls a day.
        full: Fetch the whole history.
        today: The day of the fetch.
        seconds_per_call: How long a provider takes to answer.
    """
    plugins = list(plugins)
    with warehouse.read() as session:
        used = session.calls_since(datetime.now(UTC) - _DAY)
    return plan_backfill(
        [
            pull
            for plugin in plugins
            for pull in _pulls(plugin, connected, warehouse, settings, full=full, today=today)
        ],
        {str(plugin.name): limits_of(plugin, settings) for plugin in plugins},
        seconds_per_call=seconds_per_call,
        workspaces_at_once=CONCURRENT_WORKSPACES,
        used=used,
    )


async def over_the_day(
    plugin: IntegrationPlugin,
    workspace_ids: Sequence[str],
    *,
    service: OAuthService,
    warehouse: Warehouse,
    settings: Settings,
    full: bool,
    today: date,
) -> tuple[str, ...]:
    """
    Return whose day is too small for a run, one sentence for each organisation.

    The OAuth service is asked only where the run could make so many calls; where it does not
    answer, nothing is said.
    """
    per_day = limits_of(plugin, settings).per_day
    months = max(settings.history_months, settings.refresh_months)
    most = plugin.adapter.planned_calls(months_back(today, months), today)
    if not per_day or most is None:
        return ()
    with warehouse.read() as session:
        used = session.calls_since(datetime.now(UTC) - _DAY)
    busiest = max((calls for (name, _), calls in used.items() if name == plugin.name), default=0)
    if most * len(workspace_ids) + busiest <= per_day:
        return ()
    try:
        rows = (await service.connections())["connections"]
    except IntegrationError:
        return ()
    wanted = set(workspace_ids)
    live = [row for row in rows if row["state"] == "connected" and row["workspace_id"] in wanted]
    return plan_of(live, [plugin], warehouse, settings, full=full, today=today).over_the_day


def limits_of(plugin: IntegrationPlugin, settings: Settings) -> RateLimits:
    """Return the provider's limits, as the operator's contract has them."""
    own = settings.integration(plugin.slug).calls_per_day
    return replace(plugin.api.limits, per_day=own) if own else plugin.api.limits


def _pulls(
    plugin: IntegrationPlugin,
    connected: Sequence[Mapping[str, Any]],
    warehouse: Warehouse,
    settings: Settings,
    *,
    full: bool,
    today: date,
) -> Iterable[PlannedPull]:
    rows = [row for row in connected if row["integration"] == plugin.name]
    ids = [] if full else [row["workspace_id"] for row in rows]
    landed = what_has_landed(warehouse, plugin.name, ids) if ids else {}
    for row in rows:
        since = first_month(
            ASSET_NAMES[plugin.api_type],
            tenant_id=row["tenant_id"],
            landed=landed.get(row["workspace_id"]),
            settings=settings,
            full=full,
            today=today,
        )
        yield PlannedPull(
            workspace_id=row["workspace_id"],
            integration=str(plugin.name),
            tenant=row["tenant_id"],
            tenant_name=row["tenant_name"],
            from_month=since,
            calls=plugin.adapter.planned_calls(since, today),
        )
