"""What the warehouse hands out about itself: batches, landings, endpoints, summaries."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal

EMPLOYEES = "employees"
PAYROLL_COSTS = "payroll_costs"
"""What a payroll batch covers, beside the names of `Statement`."""


@dataclass(frozen=True, slots=True)
class LandedInfo:
    """
    How far one workspace and integration has landed.

    Attributes:
        tenant_id: Whose figures they are.
        to_month: By statement, or `payroll_costs`: the last landed month. What has none (any
            more), and employees, are not in it.
    """

    tenant_id: str
    to_month: dict[str, date]


@dataclass(frozen=True, slots=True)
class BatchInfo:
    """
    One landed pull.

    Attributes:
        covers: Statement names, `employees` or `payroll_costs`.
        sequence: Its number within workspace and integration, from 1.
        from_month: First month covered.
        to_month: Last month covered.
        fetched_at: When it was fetched, in UTC.
        currency: Of all its amounts; None where they have several or there are none.
        basis: `accrual` or `cash`; None for payroll.
        lock_date: Last day that the provider had locked.
        payload_sha256: Equal for pulls that brought the same content.
        api_calls: Requests that the pull cost.
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
    What a landing did.

    Attributes:
        rows: Rows that the covered months hold now (people's job spells for employees).
        rows_by_statement: The same by statement; empty for payroll.
        months: Month ends covered.
        replaced: Rows of an earlier landing that these took the place of.
        restated: Figures of accounts that differ from what was landed before.
        restated_after_lock: Those of them in months that the previous batch called locked.
        changed: Whether any stored figure, name or provisional mark is different now. False
            means that the pull brought nothing new.
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
    What is landed of one workspace and integration.

    Attributes:
        fetched_at: When the newest batch was fetched, in UTC.
        first_month: First landed month; None where only employees are landed.
        months: Distinct months landed.
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
        old_value: None where the provider gave no figure.
        detected_at: When the new figure was fetched, in UTC.
        after_lock_date: Whether the previous batch called its month locked.
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
