"""Fetched data of one workspace, and how it lands."""

from dataclasses import dataclass
from datetime import date
from typing import Protocol

from integrations.contracts import DataBatch, Employee, PayrollCost, Statement
from zebbra_pipeline.outcomes import (
    Landed,
    LandedAsset,
    LandedEmployees,
    LandedPayrollCosts,
    LandedStatement,
    Origin,
)
from zebbra_pipeline.warehouse import EMPLOYEES, PAYROLL_COSTS, WriteSession

ASSET_NAMES = {
    "accounting": tuple(statement.value for statement in Statement),
    "payroll": (EMPLOYEES, PAYROLL_COSTS),
}
"""Asset names of an integration by its `api_type`, in display order."""


class FetchedBatch(Protocol):
    """The fetched data of one workspace, ready to land."""

    @property
    def origin(self) -> Origin:
        """Where it came from."""
        ...

    def land(self, session: WriteSession, run_id: str) -> Landed:
        """
        Store it, one transaction an asset.

        Raises:
            WarehouseError: If the database refuses it.
            ValueError: If a figure cannot be stored.
        """
        ...


@dataclass(frozen=True, slots=True)
class FetchedStatements:
    """Fetched statements of one workspace, which land together."""

    origin: Origin
    batch: DataBatch

    def land(self, session: WriteSession, run_id: str) -> Landed:
        """Store the statements in one transaction."""
        landing = session.land_statements(
            self.origin.workspace_id,
            self.batch,
            run_id=run_id,
            fetched_at=self.origin.fetched_at,
            api_calls=self.origin.api_calls,
        )
        first, last = self.batch.dates[0], self.batch.dates[-1]
        return Landed(
            self.origin,
            {
                statement.value: LandedStatement(
                    statement,
                    self.batch,
                    rows=landing.rows_by_statement[statement],
                    restated=landing.restated,
                    changed=landing.changed,
                    batch_id=landing.batch_id,
                )
                for statement in sorted(self.batch.statements)
            },
            f"{self.origin.summary}, {first:%b %Y} to {last:%b %Y}",
        )


@dataclass(frozen=True, slots=True)
class FetchedPayroll:
    """
    Fetched employees and payroll costs of one workspace.

    Attributes:
        integration: Registered name.
        people_since: First month end of the employees' history.
        employees: None if not requested.
        costs: None if not requested.
    """

    origin: Origin
    integration: str
    people_since: date
    employees: list[Employee] | None
    costs: list[PayrollCost] | None

    def land(self, session: WriteSession, run_id: str) -> Landed:
        """Store the employees and the costs, each in its own transaction."""
        assets: dict[str, LandedAsset] = {}
        people = tuple(self.employees or ())
        if self.employees is not None:
            landing = session.land_employees(
                self.origin.workspace_id,
                self.integration,
                self.origin.tenant,
                self.employees,
                from_date=self.people_since,
                run_id=run_id,
                fetched_at=self.origin.fetched_at,
                api_calls=self.origin.api_calls,
            )
            assets[EMPLOYEES] = LandedEmployees(
                people,
                self.people_since,
                rows=landing.rows,
                changed=landing.changed,
                batch_id=landing.batch_id,
            )
        if self.costs is not None:
            landing = session.land_payroll_costs(
                self.origin.workspace_id,
                self.integration,
                self.origin.tenant,
                self.costs,
                run_id=run_id,
                fetched_at=self.origin.fetched_at,
                api_calls=self.origin.api_calls,
            )
            assets[PAYROLL_COSTS] = LandedPayrollCosts(
                tuple(self.costs),
                people,
                rows=landing.rows,
                changed=landing.changed,
                batch_id=landing.batch_id,
            )
        return Landed(self.origin, assets, self.origin.summary)
