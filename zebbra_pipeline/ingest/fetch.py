"""Fetches one workspace from one integration: the months to fetch, and the adapter."""

import time
from collections.abc import Mapping
from contextlib import suppress
from datetime import UTC, date, datetime

from integrations.contracts import (
    AccountingFetchAdapter,
    ConfigurationError,
    FetchAdapter,
    IntegrationError,
    IntegrationPlugin,
    PayrollFetchAdapter,
    ProviderUnavailableError,
    ReconnectRequiredError,
    Statement,
    Tenant,
    add_months,
    months_back,
)
from integrations.runtime.http import BoundClient, HttpSession
from integrations.runtime.settings import Settings
from integrations.runtime.token_service import OAuthService, ServiceTokens
from zebbra_pipeline.ingest.amounts import check_batch, check_costs, check_people
from zebbra_pipeline.ingest.batches import FetchedBatch, FetchedPayroll, FetchedStatements
from zebbra_pipeline.outcomes import Origin
from zebbra_pipeline.warehouse import (
    EMPLOYEES,
    PAYROLL_COSTS,
    LandedInfo,
)


def day_of_fetch(as_of: str = "") -> date:
    """
    Return *as_of* (YYYY-MM-DD); if it is empty, today in the machine's time zone.

    Raises:
        ValueError: If *as_of* is not such a date.
    """
    return date.fromisoformat(as_of) if as_of else datetime.now().astimezone().date()


def first_month(
    assets: tuple[str, ...],
    *,
    tenant_id: str,
    landed: LandedInfo | None,
    settings: Settings,
    full: bool,
    today: date,
) -> date:
    """
    Return the month end from which a fetch of *assets* starts.

    A first fetch covers the history. A routine fetch covers the last months, unless that would
    leave a gap after the landed months.

    Args:
        assets: Names of the wanted assets.
        tenant_id: The connected organisation.
        landed: How far the workspace has landed; None if it has not.
        settings: Months of a first and of a routine fetch.
        full: Fetch the whole history even if it has landed before.
        today: The day of the fetch.
    """
    routine = months_back(today, settings.refresh_months)
    history = months_back(today, settings.history_months)
    if full:
        return history
    for name in assets:
        if name == EMPLOYEES:
            continue  # always fetched and landed with their whole history
        last = landed.to_month.get(name) if landed and landed.tenant_id == tenant_id else None
        if last is None or last < add_months(routine, -1):  # else a gap would never be filled
            return min(history, routine)
    return routine


async def open_adapter(
    plugin: IntegrationPlugin,
    workspace_id: str,
    *,
    http: HttpSession,
    service: OAuthService,
    settings: Settings,
    today: date,
) -> tuple[FetchAdapter, BoundClient]:
    """
    Return the plugin's adapter for a workspace, and its client.

    Raises:
        NotConnectedError: If the workspace has not connected the integration.
        IntegrationError: The leaf that says what to do; see `integrations.contracts.errors`.
    """
    breaker = http.breaker(plugin)
    tokens = ServiceTokens(service, workspace_id, plugin.slug)
    async with breaker.turn():
        try:
            access = await tokens.access()
        except ProviderUnavailableError as exc:  # the token endpoint or the OAuth service is down
            breaker.gave_up(workspace_id, exc)
            raise
    client = http.bind(
        plugin,
        tokens=tokens,
        access=access,
        base_url=settings.integration(plugin.slug).api_base_url,
    )
    return plugin.adapter(workspace_id, client, today=today), client


class WorkspaceFetcher:
    """
    Fetches workspaces of one integration.

    Args:
        plugin: The integration.
        assets: Names of the wanted assets, e.g. `profit_and_loss`; others make no calls.
        settings: Months of history, and the provider's base URL.
        landed: How far each workspace has landed; no entry if it has not.
        full: Fetch the whole history even if it has landed before.
        today: The day of the fetch.

    Raises:
        ConfigurationError: If a setting of the integration is malformed; names it.
    """

    def __init__(
        self,
        plugin: IntegrationPlugin,
        assets: tuple[str, ...],
        *,
        http: HttpSession,
        service: OAuthService,
        settings: Settings,
        landed: Mapping[str, LandedInfo],
        full: bool,
        today: date,
    ) -> None:
        settings.integration(plugin.slug)  # if malformed, fail once here, not for each workspace
        self._plugin = plugin
        self._assets = assets
        self._http = http
        self._service = service
        self._settings = settings
        self._landed = landed
        self._full = full
        self._today = today

    async def fetch(self, workspace_id: str) -> FetchedBatch:
        """
        Fetch one workspace. Waits a bounded time while the provider is down (see `Breaker`).

        Raises:
            IntegrationError: The leaf that says what to do; see `integrations.contracts.errors`.
        """
        try:
            async with self._http.breaker(self._plugin).turn():
                return await self._fetch(workspace_id)
        except ReconnectRequiredError as exc:
            if exc.connect_url is None:  # refused by the provider; the service does not know yet
                with suppress(IntegrationError):
                    exc.connect_url = (await self._service.connect_link(workspace_id))["url"]
            raise

    async def _fetch(self, workspace_id: str) -> FetchedBatch:
        started = time.monotonic()
        adapter, client = await open_adapter(
            self._plugin,
            workspace_id,
            http=self._http,
            service=self._service,
            settings=self._settings,
            today=self._today,
        )
        tenant = Tenant(client.tenant_id, client.tenant_name)
        from_month = first_month(
            self._assets,
            tenant_id=tenant.id,
            landed=self._landed.get(workspace_id),
            settings=self._settings,
            full=self._full,
            today=self._today,
        )
        if isinstance(adapter, AccountingFetchAdapter):
            statements = frozenset(Statement(name) for name in self._assets)
            batch = await adapter.get_data(from_month, statements=statements)
            check_batch(self._plugin.name, batch)
            if batch.tenant_id != tenant.id:
                raise ReconnectRequiredError(
                    f"{self._plugin.name}: the figures came from another organisation "
                    f"than the one that is connected, {tenant.name!r}"
                )
            return FetchedStatements(self._origin(workspace_id, tenant, client, started), batch)
        if not isinstance(adapter, PayrollFetchAdapter):
            raise ConfigurationError(f"{self._plugin.name}: unknown kind of adapter")
        history = min(from_month, months_back(self._today, self._settings.history_months))
        people = await adapter.get_data(history) if EMPLOYEES in self._assets else None
        costs = (
            await adapter.get_payroll_costs(from_month) if PAYROLL_COSTS in self._assets else None
        )
        check_people(self._plugin.name, people or ())
        check_costs(self._plugin.name, costs or ())
        origin = self._origin(workspace_id, tenant, client, started)
        return FetchedPayroll(origin, self._plugin.name, history, people, costs)

    def _origin(
        self, workspace_id: str, tenant: Tenant, client: BoundClient, started: float
    ) -> Origin:
        return Origin(
            workspace_id,
            self._plugin.slug,
            tenant,
            _fetch_time(self._today),
            client.calls,
            client.quota.minute_remaining,
            client.quota.day_remaining,
            round(time.monotonic() - started, 2),
        )


def _fetch_time(today: date) -> datetime:
    """Return the current time, or noon of *today* if the run fetches as of another day."""
    now = datetime.now(UTC)
    if abs((now.date() - today).days) <= 1:  # the machine's day may differ from UTC's
        return now
    return datetime(today.year, today.month, today.day, 12, tzinfo=UTC)
