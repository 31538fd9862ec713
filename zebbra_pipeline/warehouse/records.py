"""What read and write sessions return: batches, landings, endpoints, summaries."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal

EMPLOYEES = "employees"
PAYROLL_COSTS = "payroll_costs"
"""The values of `covers` for payroll batches; accounting has the names of `Statement`."""


@dataclass(frozen=True, slots=True)
class LandedInfo:
    """
    How far one workspace and integration has landed.

    Attributes:
        tenant_id: The organisation that the figures belong to.
        to_month: The last landed month by statement or `payroll_costs`. Without an entry:
            employees, and statements with no landed month.
    """

    tenant_id: str
    to_month: dict[str, date]


@dataclass(frozen=True, slots=True)
class BatchInfo:
    """
    One landed fetch.

    Attributes:
        covers: Statement names, `employees` or `payroll_costs`.
        sequence: Its number within workspace and integration, from 1.
        from_month: First month covered.
        to_month: Last month covered.
        fetched_at: When it was fetched, in UTC.
        currency: Of all its amounts; None if there are several currencies or no amounts.
        basis: `accrual` or `cash`; None for payroll.
        lock_date: Last day that the provider had locked.
        payload_sha256: Equal for fetches that brought the same content.
        api_calls: Requests that the fetch made.
    """

    batch_id: str
    workspace_id: str
    integration: str
    tenant_id: str
    tenant_name: str
    api_type: str
    covers: tuple[str, ...]
    sequence: int
    from_month: date
    to_month: date
    fetched_at: datetime
    run_id: str
    currency: str | None
    basis: str | None
    lock_date: date | None
    payload_sha256: str
    api_calls: int


@dataclass(frozen=True, slots=True)
class Landing:
    """
    The result of one landing.

    Attributes:
        rows: Rows of the covered months after the landing (for employees, job spells).
        rows_by_statement: The same by statement; empty for payroll.
        months: Month ends covered.
        replaced: Rows of an earlier landing that were replaced.
        restated: Figures of accounts that differ from an earlier landing.
        restated_after_lock: Those of them in months that were locked in the previous batch.
        changed: Whether any stored figure, name or provisional mark has changed. False means
            that the fetch brought nothing new.
        reset: Whether figures of other books (tenant, currency or basis) were removed first.
    """

    batch_id: str
    rows: int
    months: tuple[date, ...]
    replaced: int
    restated: int
    restated_after_lock: int
    changed: bool
    reset: bool
    payload_sha256: str
    rows_by_statement: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class EndpointInfo:
    """One line that a model can refer to; see the view `data_endpoints`."""

    integration: str
    endpoint: str
    statement: str
    kind: str
    section: tuple[str, ...]
    account_id: str | None
    label: str
    currency: str
    first_month: date
    last_month: date


@dataclass(frozen=True, slots=True)
class WorkspaceSummary:
    """
    Summary of the landed figures of one workspace and integration.

    Attributes:
        fetched_at: When the newest batch was fetched, in UTC.
        first_month: First landed month; None if only employees have landed.
        months: Number of distinct landed months.
        rows: Rows of `data_points`, `employees` and `payroll_costs` together.
    """

    workspace_id: str
    integration: str
    api_type: str
    tenant_id: str
    tenant_name: str
    fetched_at: datetime
    lock_date: date | None
    first_month: date | None
    last_month: date | None
    months: int
    rows: int
    batches: int


@dataclass(frozen=True, slots=True)
class RestatementInfo:
    """
    One figure of an account that changed after it was first landed.

    Attributes:
        old_value: None if the provider gave no figure.
        detected_at: When the new figure was fetched, in UTC.
        after_lock_date: Whether its month was locked in the previous batch.
        provisional: Whether the old figure's month had not ended when it was fetched.
    """

    integration: str
    statement: str
    account_id: str | None
    endpoint: str
    month: date
    old_value: Decimal | None = field(repr=False)
    new_value: Decimal | None = field(repr=False)
    currency: str
    detected_at: datetime
    after_lock_date: bool
    provisional: bool
    old_batch_id: str
    new_batch_id: str
