"""One workspace's pull from one integration: how far back, what it brought, how it lands."""

from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from integrations.contracts import (
    DataBatch,
    Employee,
    PayrollCost,
    Statement,
    Tenant,
    month_end,
    month_ends,
)
from zebbra_pipeline.orchestration.metadata import markdown
from zebbra_pipeline.orchestration.metadata.tables import (
    chart_by_month,
    chart_of_payroll,
    chart_of_people,
    payroll_by_month,
    people_by_month,
    totals_by_month,
)
from zebbra_pipeline.warehouse import (
    EMPLOYEES,
    PAYROLL_COSTS,
    WriteSession,
)


@dataclass(frozen=True, slots=True)
class Origin:
    """
    Where a pull came from and what it cost.

    Attributes:
        connection_url: The operator's page of the connection.
        notes: What it cost, for Dagster.
    """

    workspace_id: str
    tenant: Tenant
    connection_url: str
    fetched_at: datetime
    api_calls: int
    notes: dict[str, Any]

    @property
    def who(self) -> dict[str, Any]:
        """Whose figures landed, for Dagster."""
        return {
            "zebbra/status": "landed",
            "zebbra/tenant": self.tenant.name,
            "zebbra/connection_md": markdown.link("operator's page", self.connection_url),
        }

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
            statement.value: self._totals(statement)
            | self.origin.who
            | self._report(statement)
            | {
                "zebbra/currency": self.batch.currency,
                "zebbra/basis": self.batch.basis,
                "zebbra/from_month": str(self.batch.dates[0]),
                "zebbra/to_month": str(self.batch.dates[-1]),
                "zebbra/months": len(self.batch.dates),
                "zebbra/accounts": sum(
                    line.statement == statement and line.account_id is not None
                    for line in self.batch.lines
                ),
                "dagster/row_count": landing.rows_by_statement[statement],
                "zebbra/changed": landing.changed,
                "zebbra/restated_figures": landing.restated,
                "zebbra/lock_date": str(self.batch.lock_date or "none"),
            }
            | self.origin.notes
            | {"zebbra/batch_id": landing.batch_id}
            for statement in sorted(self.batch.statements)
        }

    def _report(self, statement: Statement) -> dict[str, Any]:
        url = self.batch.report_urls.get(statement)
        what = statement.value.replace("_", " ")
        if not url:
            return {}
        return {"zebbra/report_md": markdown.link(f"{what} at {self.batch.integration}", url)}

    def _totals(self, statement: Statement) -> dict[str, Any]:
        return _shown(
            chart=chart_by_month(self.batch, statement),
            totals_by_month=totals_by_month(self.batch, statement, self.origin.fetched_at.date()),
        )


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
                "zebbra/people": len(self.employees),
                "dagster/row_count": landing.rows,
                "zebbra/changed": landing.changed,
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
                **({"zebbra/currency": self.costs[-1].currency} if self.costs else {}),
                "zebbra/from_month": str(self.costs[0].month) if self.costs else "none",
                "zebbra/to_month": str(self.costs[-1].month) if self.costs else "none",
                "zebbra/months": len(self.costs),
                "dagster/row_count": landing.rows,
                "zebbra/changed": landing.changed,
                "zebbra/batch_id": landing.batch_id,
            }
        previews = {EMPLOYEES: self._people, PAYROLL_COSTS: self._cost}
        return {
            name: previews[name]() | self.origin.who | own | self.origin.notes
            for name, own in facts.items()
        }

    def _people(self) -> dict[str, Any]:
        """Head counts alone: what a person earns is never shown."""
        today, people = self.origin.fetched_at.date(), self.employees or ()
        months = month_ends(self.people_since, month_end(today))
        return _shown(
            chart=chart_of_people(people, today, months),
            people_by_month=people_by_month(people, today, months),
        )

    def _cost(self) -> dict[str, Any]:
        """Nothing where it is not known how many people share the cost."""
        costs, people = self.costs or (), self.employees or ()
        return _shown(
            chart=chart_of_payroll(costs, people), cost_by_month=payroll_by_month(costs, people)
        )


def _shown(**markdown: str) -> dict[str, Any]:
    return {f"zebbra/{name}_md": text for name, text in markdown.items() if text}
