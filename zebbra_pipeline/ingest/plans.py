"""Plans a refresh from connections and what has landed, without a call to a provider."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

from integrations.contracts import (
    Connection,
    IntegrationError,
    IntegrationPlugin,
    RateLimits,
    months_back,
)
from integrations.runtime.settings import Settings
from integrations.runtime.token_service import OAuthService
from zebbra_pipeline.ingest.batches import ASSET_NAMES
from zebbra_pipeline.ingest.fetch import first_month
from zebbra_pipeline.ingest.quota import (
    CONCURRENT_WORKSPACES,
    BackfillPlan,
    PlannedPull,
    plan_backfill,
)
from zebbra_pipeline.warehouse import LandedInfo, Warehouse

DAY = timedelta(days=1)
SECONDS_PER_CALL = 1.0

UsedCalls = Mapping[tuple[str, str], int]
"""Calls of the last 24 hours, by integration and tenant id."""


def plan_connections(
    connected: Sequence[Connection],
    plugins: Iterable[IntegrationPlugin],
    warehouse: Warehouse,
    settings: Settings,
    *,
    full: bool,
    today: date,
    seconds_per_call: float = SECONDS_PER_CALL,
) -> BackfillPlan:
    """
    Plan the fetches of working connections. The published copy is read once.

    Args:
        connected: From the OAuth service's list.
        plugins: The integrations to fetch; connections of others are left out.
        warehouse: Has the landed months, and the calls of the last 24 hours.
        settings: Months of history, calls a day.
        full: Fetch the whole history.
        today: The day of the fetch.
        seconds_per_call: Assumed duration of a call.

    Raises:
        WarehouseError: If the published copy cannot be read.
    """
    plugins = list(plugins)
    with warehouse.read() as session:
        used_calls = session.calls_since(datetime.now(UTC) - DAY)
        landed = {
            plugin.slug: session.landed(plugin.name, ids)
            for plugin in plugins
            if not full
            and (ids := [row.workspace_id for row in connected if row.slug == plugin.slug])
        }
    return _plan(
        connected,
        plugins,
        landed,
        used_calls,
        settings,
        full=full,
        today=today,
        seconds_per_call=seconds_per_call,
    )


async def over_the_day(
    plugin: IntegrationPlugin,
    workspace_ids: Sequence[str],
    *,
    service: OAuthService,
    landed: Mapping[str, LandedInfo],
    used_calls: UsedCalls,
    settings: Settings,
    full: bool,
    today: date,
) -> tuple[str, ...]:
    """
    Return one sentence for each organisation with a day limit that is too small for a run.

    The OAuth service is asked only if the run could make that many calls. If it does not
    answer, the result is empty.
    """
    per_day = limits_of(plugin, settings).per_day
    months = max(settings.history_months, settings.refresh_months)
    most = plugin.adapter.planned_calls(months_back(today, months), today)
    if not per_day or most is None:
        return ()
    used = (calls for (name, _), calls in used_calls.items() if name == plugin.name)
    if most * len(workspace_ids) + max(used, default=0) <= per_day:
        return ()
    try:
        listed = await service.connections()
    except IntegrationError:
        return ()
    wanted = set(workspace_ids)
    live = [row for row in listed.connections if row.is_connected and row.workspace_id in wanted]
    return _plan(
        live,
        [plugin],
        {plugin.slug: landed},
        used_calls,
        settings,
        full=full,
        today=today,
        seconds_per_call=SECONDS_PER_CALL,
    ).over_the_day


def limits_of(plugin: IntegrationPlugin, settings: Settings) -> RateLimits:
    """Return the provider's limits, with the day limit that the operator has set, if any."""
    own = settings.integration(plugin.slug).calls_per_day
    return replace(plugin.api.limits, per_day=own) if own else plugin.api.limits


def _plan(
    connected: Sequence[Connection],
    plugins: Sequence[IntegrationPlugin],
    landed: Mapping[str, Mapping[str, LandedInfo]],
    used_calls: UsedCalls,
    settings: Settings,
    *,
    full: bool,
    today: date,
    seconds_per_call: float,
) -> BackfillPlan:
    pulls = [
        _pull(plugin, row, landed.get(plugin.slug, {}), settings, full=full, today=today)
        for plugin in plugins
        for row in connected
        if row.slug == plugin.slug
    ]
    return plan_backfill(
        pulls,
        {str(plugin.name): limits_of(plugin, settings) for plugin in plugins},
        seconds_per_call=seconds_per_call,
        workspaces_at_once=CONCURRENT_WORKSPACES,
        used=used_calls,
    )


def _pull(
    plugin: IntegrationPlugin,
    row: Connection,
    landed: Mapping[str, LandedInfo],
    settings: Settings,
    *,
    full: bool,
    today: date,
) -> PlannedPull:
    since = first_month(
        ASSET_NAMES[plugin.api_type],
        tenant_id=row.tenant_id,
        landed=landed.get(row.workspace_id),
        settings=settings,
        full=full,
        today=today,
    )
    return PlannedPull(
        workspace_id=row.workspace_id,
        integration=str(plugin.name),
        tenant=row.tenant_id,
        tenant_name=row.tenant_name,
        from_month=since,
        calls=plugin.adapter.planned_calls(since, today),
    )
