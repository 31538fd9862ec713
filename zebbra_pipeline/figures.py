"""Landed figures and merged models, the types that warehouse and merge share."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from typing import Any


@dataclass(frozen=True, slots=True)
class Figure:
    """
    One month's amount.

    Attributes:
        value: In major units; None if the provider gives no figure.
        provisional: Whether the month had not ended when it was fetched.
    """

    value: Decimal | None
    provisional: bool
    batch_id: str


@dataclass(frozen=True, slots=True)
class Series:
    """
    One line of a statement, or of the payroll cost, with all landed months.

    Attributes:
        integration: Registered name, e.g. `Xero`.
        statement: `profit_and_loss`, `balance_sheet` or `payroll_costs`.
        section: Section titles around it, outermost first.
        account_id: The provider's id; None for totals and payroll cost.
        endpoint: Its distinct name within the workspace and integration.
        label: The provider's name for it.
        kind: `account`, `section_total` or `computed_total`.
        figures: By month end.
    """

    integration: str
    statement: str
    section: tuple[str, ...]
    account_id: str | None
    endpoint: str
    label: str
    kind: str
    currency: str
    figures: Mapping[date, Figure]


@dataclass(frozen=True, slots=True)
class EmployeeSpell:
    """One row of `employees`: a person's job spell; both dates are inclusive."""

    integration: str
    employee_id: str
    name: str
    title: str
    department: str | None
    start_date: date
    end_date: date | None
    monthly_salary: Decimal = field(repr=False)
    currency: str
    batch_id: str


@dataclass(frozen=True, slots=True)
class RememberedRow:
    """The account that a model row's reference resolved to in an earlier merge."""

    integration: str
    endpoint: str
    account_id: str


@dataclass(frozen=True, slots=True)
class WorkspaceFigures:
    """
    All landed figures of one workspace.

    Attributes:
        integrations: Registered names of the integrations that have ever landed.
        remembered: By model id and row id.
    """

    workspace_id: str
    integrations: frozenset[str]
    series: tuple[Series, ...]
    employees: tuple[EmployeeSpell, ...]
    remembered: Mapping[tuple[str, str], RememberedRow] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ModelValue:
    """
    One month of one merged model row.

    Attributes:
        status: `actual`, `provisional`, `missing_month`, `not_connected`, `unknown_endpoint`,
            `ambiguous_endpoint`, `renamed` or `currency_mismatch`.
    """

    month: date
    value: Decimal | None
    status: str
    batch_id: str | None


@dataclass(frozen=True, slots=True)
class MergedRow:
    """
    A filled model row that refers to an endpoint.

    Attributes:
        endpoint: The endpoint as the model writes it, without the integration.
        status: The worst status of its months.
        note: Why it could not be filled or what to check, with candidates or nearest names.
    """

    sheet: str
    section: str
    row_id: str
    row_name: str
    integration: str
    endpoint: str
    account_id: str | None
    currency: str | None
    status: str
    note: str
    values: tuple[ModelValue, ...]


@dataclass(frozen=True, slots=True)
class MergedModel:
    """
    A merged model document with the result of every integration row.

    Attributes:
        document: Zebbra's JSON, ready to be stored; contains salaries.
        notes: Remarks that concern no single row, e.g. pay in another currency. No amounts.
    """

    model_id: str
    name: str
    document: dict[str, Any] = field(repr=False)
    rows: tuple[MergedRow, ...]
    notes: tuple[str, ...] = ()

    @property
    def rows_resolved(self) -> int:
        """Number of rows that refer to one known line, with or without actuals."""
        return sum(row.status in RESOLVED for row in self.rows)

    @property
    def rows_unresolved(self) -> int:
        """Number of rows that could not be filled."""
        return len(self.rows) - self.rows_resolved


RESOLVED = frozenset({"actual", "provisional", "missing_month", "renamed"})
