"""One workspace's pull from one integration: how far back, what it brought, how it lands."""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any

from integrations.contracts import (
    AccountingFetchAdapter,
    ConfigurationError,
    DataBatch,
    Employee,
    IntegrationPlugin,
    PayrollCost,
    PayrollFetchAdapter,
    ReconnectRequiredError,
    Statement,
    Tenant,
    add_months,
    months_back,
)
from integrations.runtime.http import BoundClient, HttpSession
from integrations.runtime.settings import Settings
from zebbra_pipeline.fetching import Pull
from zebbra_pipeline.oauth_api import OAuthService, ServiceTokens
from zebbra_pipeline.previews import totals_by_month
from zebbra_pipeline.warehouse import (
    EMPLOYEES,
    PAYROLL_COSTS,
    Warehouse,
    WriteSession,
)

ASSET_NAMES = {
    "accounting": tuple(statement.value for statement in Statement),
    "payroll": (EMPLOYEES, PAYROLL_COSTS),
}
"""Asset names of each family, in the order in which they are shown."""


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a pull came from and what it cost."""

    workspace_id: str
    tenant: Tenant
    fetched_at: datetime
    api_calls: int
    notes: dict[str, Any]

    @property
    def summary(self) -> str:
        """One line for a person, without figures."""
        return f"{self.tenant.name}, {self.api_calls} calls, {self.notes['zebbra/seconds']} s"


@dataclass(frozen=True, slots=True)
class AccountingPull:
    """Statements of one workspace; they land together."""

    origin: Origin
    batch: DataBatch

    @property
    def workspace_id(self) -> str:
        return self.origin.workspace_id

    @property
    def summary(self) -> str:
        first, last = self.batch.dates[0], self.batch.dates[-1]
        return f"{self.origin.summary}, {first:%b %Y} to {last:%b %Y}"

    def land(self, session: WriteSession, run_id: str) -> dict[str, dict[str, Any]]:
        landing = session.land_statements(
            self.workspace_id,
            self.batch,
            run_id=run_id,
            fetched_at=self.origin.fetched_at,
            api_calls=self.origin.api_calls,
        )
        return {
            statement.value: self.origin.notes
            | {
                "zebbra/status": "landed",
                "zebbra/batch_id": landing.batch_id,
                "zebbra/restated_figures": landing.restated,
                "zebbra/changed": landing.changed,
                "zebbra/currency": self.batch.currency,
                "zebbra/basis": self.batch.basis,
                "zebbra/from_month": str(self.batch.dates[0]),
                "zebbra/to_month": str(self.batch.dates[-1]),
                "zebbra/lock_date": str(self.batch.lock_date or "none"),
            }
            | {
                "dagster/row_count": landing.rows_by_statement[statement],
                "zebbra/accounts": sum(
                    line.statement == statement and line.account_id is not None
                    for line in self.batch.lines
                ),
            }
            | self._totals(statement)
            for statement in sorted(self.batch.statements)
        }

    def _totals(self, statement: Statement) -> dict[str, Any]:
        table = totals_by_month(self.batch, statement)
        return {"zebbra/totals_by_month_md": table} if table else {}


@dataclass(frozen=True, slots=True)
class PayrollPull:
    """People and payroll cost of one workspace; None for what was not asked for."""

    origin: Origin
    name: str
    people_since: date
    employees: list[Employee] | None
    costs: list[PayrollCost] | None

    @property
    def workspace_id(self) -> str:
        return self.origin.workspace_id

    @property
    def summary(self) -> str:
        return self.origin.summary

    def land(self, session: WriteSession, run_id: str) -> dict[str, dict[str, Any]]:
        facts: dict[str, dict[str, Any]] = {}
        if self.employees is not None:
            landing = session.land_employees(
                self.workspace_id,
                self.name,
                self.origin.tenant,
                self.employees,
                from_date=self.people_since,
                run_id=run_id,
                fetched_at=self.origin.fetched_at,
                api_calls=self.origin.api_calls,
            )
            facts[EMPLOYEES] = {
                "dagster/row_count": landing.rows,
                "zebbra/people": len(self.employees),
                "zebbra/batch_id": landing.batch_id,
            }
        if self.costs is not None:
            landing = session.land_payroll_costs(
                self.workspace_id,
                self.name,
                self.origin.tenant,
                self.costs,
                run_id=run_id,
                fetched_at=self.origin.fetched_at,
                api_calls=self.origin.api_calls,
            )
            facts[PAYROLL_COSTS] = {
                "dagster/row_count": landing.rows,
                "zebbra/batch_id": landing.batch_id,
                "zebbra/from_month": str(self.costs[0].month) if self.costs else "none",
                "zebbra/to_month": str(self.costs[-1].month) if self.costs else "none",
            }
        return {
            name: self.origin.notes | {"zebbra/status": "landed"} | own
            for name, own in facts.items()
        }


@dataclass(frozen=True, slots=True)
class Landed:
    """
    What the warehouse holds of one workspace and asset.

    Attributes:
        tenant_id: Whose figures they are.
        to_month: The last month; None where none is landed (any more).
    """

    tenant_id: str
    to_month: date | None


LandedAssets = dict[tuple[str, str], Landed]
"""By workspace id and asset name."""


def what_has_landed(
    warehouse: Warehouse, integration: str, workspace_ids: Sequence[str], assets: tuple[str, ...]
) -> LandedAssets:
    """Return what the published copy holds."""
    found: LandedAssets = {}
    with warehouse.read() as session:
        for workspace_id in workspace_ids:
            batch = session.last_batch(workspace_id, integration)
            if batch is None:
                continue
            for name in assets:
                months = session.landed_months(workspace_id, integration, name)
                found[workspace_id, name] = Landed(batch.tenant_id, max(months, default=None))
    return found


def first_month(
    workspace_id: str,
    assets: tuple[str, ...],
    *,
    tenant_id: str,
    landed: LandedAssets,
    settings: Settings,
    full: bool,
    today: date,
) -> date:
    """
    Return the month from which a pull of *assets* starts.

    A first pull takes the history; a routine one the last months, without a gap.
    """
    routine = months_back(today, settings.refresh_months)
    history = months_back(today, settings.history_months)
    if full:
        return history
    for name in assets:
        if name == EMPLOYEES:
            continue  # always pulled with their whole history, as they land whole
        last = landed.get((workspace_id, name))
        if last is None or last.to_month is None or last.tenant_id != tenant_id:
            return min(history, routine)
        if last.to_month < add_months(routine, -1):  # a gap would stay for ever
            return min(history, routine)
    return routine


class Puller:
    """
    Fetches workspaces of one integration.

    Args:
        plugin: The integration.
        assets: Asset names wanted, e.g. `profit_and_loss`; others cost no call.
        settings: Months of history, and the provider's base URL.
        landed: What has already landed of each workspace; see `what_has_landed`.
        full: Fetch the whole history even where it has landed before.
        today: The day of the fetch.
    """

    def __init__(
        self,
        plugin: IntegrationPlugin,
        assets: tuple[str, ...],
        *,
        http: HttpSession,
        service: OAuthService,
        settings: Settings,
        landed: LandedAssets,
        full: bool,
        today: date,
    ) -> None:
        self._plugin = plugin
        self._assets = assets
        self._http = http
        self._service = service
        self._settings = settings
        self._landed = landed
        self._full = full
        self._today = today

    async def pull(self, workspace_id: str) -> Pull:
        """
        Fetch one workspace.

        Raises:
            IntegrationError: The leaf that says what to do; see `integrations.contracts.errors`.
        """
        started = time.monotonic()
        tokens = ServiceTokens(self._service, workspace_id, self._plugin.slug)
        access = await tokens.access()
        tenant = Tenant(access.tenant_id, access.tenant_name)
        client = self._http.bind(
            self._plugin,
            tokens=tokens,
            access=access,
            base_url=self._settings.integration(self._plugin.slug).api_base_url,
        )
        adapter = self._plugin.adapter(workspace_id, client, today=self._today)
        from_month = first_month(
            workspace_id,
            self._assets,
            tenant_id=tenant.id,
            landed=self._landed,
            settings=self._settings,
            full=self._full,
            today=self._today,
        )
        if isinstance(adapter, AccountingFetchAdapter):
            statements = frozenset(Statement(name) for name in self._assets)
            batch = await adapter.get_data(from_month, statements=statements)
            if batch.tenant_id != tenant.id:
                raise ReconnectRequiredError(
                    f"{self._plugin.name}: the figures came from another organisation "
                    f"than the one that is connected, {tenant.name!r}"
                )
            return AccountingPull(self._origin(workspace_id, tenant, client, started), batch)
        if not isinstance(adapter, PayrollFetchAdapter):
            raise ConfigurationError(f"{self._plugin.name}: unknown kind of adapter")
        history = min(from_month, months_back(self._today, self._settings.history_months))
        people = await adapter.get_data(history) if EMPLOYEES in self._assets else None
        costs = (
            await adapter.get_payroll_costs(from_month) if PAYROLL_COSTS in self._assets else None
        )
        origin = self._origin(workspace_id, tenant, client, started)
        return PayrollPull(origin, self._plugin.name, history, people, costs)

    def _origin(
        self, workspace_id: str, tenant: Tenant, client: BoundClient, started: float
    ) -> Origin:
        notes: dict[str, Any] = {
            "zebbra/tenant": tenant.name,
            "zebbra/api_calls": client.calls,
            "zebbra/seconds": round(time.monotonic() - started, 2),
        }
        for name, left in (
            ("minute", client.quota.minute_remaining),
            ("day", client.quota.day_remaining),
        ):
            if left is not None:
                notes[f"zebbra/api_calls_left_this_{name}"] = left
        return Origin(workspace_id, tenant, _fetch_time(self._today), client.calls, notes)


def _fetch_time(today: date) -> datetime:
    """Now; or noon of *today* where a run was told to fetch as of another day."""
    now = datetime.now(UTC)
    if abs((now.date() - today).days) <= 1:  # the machine's day may differ from UTC's
        return now
    return datetime(today.year, today.month, today.day, 12, tzinfo=UTC)
