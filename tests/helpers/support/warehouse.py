"""Small books for the warehouse's tests: pulls written as text, and what is stored, read back."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb

from integrations.contracts import (
    DataBatch,
    Employee,
    IntegrationProvider,
    JobSpell,
    LineKind,
    PayrollCost,
    Statement,
    StatementLine,
)
from zebbra_pipeline.warehouse import Landing, Warehouse, WriteSession

JAN, FEB, MAR, APR = date(2026, 1, 31), date(2026, 2, 28), date(2026, 3, 31), date(2026, 4, 30)
PNL, BALANCE = Statement.PROFIT_AND_LOSS, Statement.BALANCE_SHEET
TABLES = (
    "batches",
    "landed_months",
    "data_points",
    "restatements",
    "employees",
    "payroll_costs",
    "models",
    "model_rows",
    "model_values",
)


def warehouse_in(folder: Path, *, lock_timeout_s: float = 60) -> Warehouse:
    return Warehouse(
        folder / "warehouse.duckdb",
        published=folder / "published.duckdb",
        lock_timeout_s=lock_timeout_s,
    )


def money(*amounts: str | None) -> list[Decimal | None]:
    return [None if amount is None else Decimal(amount) for amount in amounts]


def account(
    account_id: str | None,
    label: str,
    *amounts: str | None,
    section: Sequence[str] = ("Income",),
    statement: Statement = PNL,
) -> dict[str, Any]:
    return {
        "account_id": account_id,
        "label": label,
        "amounts": amounts,
        "section": tuple(section),
        "statement": statement,
        "kind": LineKind.ACCOUNT,
    }


def total(
    label: str,
    *amounts: str | None,
    section: Sequence[str] = ("Income",),
    statement: Statement = PNL,
    kind: LineKind = LineKind.SECTION_TOTAL,
) -> dict[str, Any]:
    return {**account(None, label, *amounts, section=section, statement=statement), "kind": kind}


def pull(
    dates: Sequence[date],
    *lines: Mapping[str, Any],
    statements: frozenset[Statement] = frozenset({PNL}),
    tenant: str = "org-1",
    currency: str = "GBP",
    lock_date: date | None = None,
    integration: str = "Xero",
) -> DataBatch:
    return DataBatch(
        integration=IntegrationProvider(integration),
        tenant_id=tenant,
        tenant_name=f"Name of {tenant}",
        currency=currency,
        dates=tuple(dates),
        statements=statements,
        lock_date=lock_date,
        lines=tuple(
            StatementLine(
                **{key: value for key, value in line.items() if key != "amounts"},
                values=dict(zip(dates, money(*line["amounts"]), strict=True)),
            )
            for line in lines
        ),
    )


def at(day: date, hour: int = 6) -> datetime:
    return datetime(day.year, day.month, day.day, hour, tzinfo=UTC)


def land(
    session: WriteSession,
    batch: DataBatch,
    *,
    day: date = date(2026, 6, 15),
    workspace: str = "acme",
) -> Landing:
    return session.land_statements(
        workspace, batch, run_id="run-1", fetched_at=at(day), api_calls=2
    )


def cost(month: date, gross: str, currency: str = "USD") -> PayrollCost:
    return PayrollCost(
        month=month,
        gross_pay=Decimal(gross),
        employer_taxes=Decimal("10.5"),
        benefits=Decimal(5),
        reimbursements=Decimal("2.25"),
        currency=currency,
    )


def person(employee_id: str, name: str, *salaries: str) -> Employee:
    """Somebody with one job spell a year from 2020 on; the last one lasts."""
    last = len(salaries) - 1
    return Employee(
        employee_id=employee_id,
        name=name,
        spells=tuple(
            JobSpell(
                title=f"Grade {number}",
                department=None,
                start_date=date(2020 + number, 1, 1),
                end_date=None if number == last else date(2020 + number, 12, 31),
                monthly_salary=Decimal(salary),
                currency="USD",
            )
            for number, salary in enumerate(salaries)
        ),
    )


def stored(path: Path, sql: str, parameters: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
    """Ask a closed file, or the published copy, the way a stranger would."""
    connection = duckdb.connect(str(path), read_only=True)
    try:
        return connection.execute(sql, list(parameters)).fetchall()
    finally:
        connection.close()


def everything(path: Path) -> dict[str, list[tuple[Any, ...]]]:
    """All rows of all tables."""
    connection = duckdb.connect(str(path), read_only=True)
    try:
        return {
            table: connection.execute(f"SELECT * FROM {table} ORDER BY ALL").fetchall()  # noqa: S608 -- ours
            for table in TABLES
        }
    finally:
        connection.close()


def values_of(path: Path, endpoint: str, workspace: str = "acme") -> dict[date, Decimal | None]:
    return dict(
        stored(
            path,
            "SELECT month, value FROM data_points WHERE endpoint = $1 AND workspace_id = $2 "
            "ORDER BY month",
            [endpoint, workspace],
        )
    )


@contextmanager
def writing(folder: Path) -> Iterator[WriteSession]:
    with warehouse_in(folder).write("test") as session:
        yield session
