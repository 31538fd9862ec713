"""The tables `employees` and `payroll_costs`."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from integrations.contracts import Employee, PayrollCost
from zebbra_pipeline.warehouse.database import Database, as_json
from zebbra_pipeline.warehouse.snapshots import stored_amount


@dataclass(frozen=True, slots=True)
class Replacement:
    """
    Row counts of a replacement.

    Attributes:
        gone: Rows removed.
        come: Rows inserted.
        changed: Whether they differ in more than the batch id.
    """

    gone: int
    come: int
    changed: bool


def replace_employees(
    db: Database,
    workspace_id: str,
    integration: str,
    employees: Sequence[Employee],
    *,
    batch_id: str,
) -> Replacement:
    """
    Replace all job spells of the workspace and integration by those of *employees*.

    Raises:
        ValueError: If a salary has too many digits.
    """
    rows = [
        {
            "employee_id": employee.employee_id,
            "name": employee.name,
            "title": spell.title,
            "department": spell.department,
            "start_date": spell.start_date,
            "end_date": spell.end_date,
            "monthly_salary": stored_amount(
                spell.monthly_salary, f"employee {employee.employee_id!r}: monthly_salary"
            ),
            "currency": spell.currency,
        }
        for employee in employees
        for spell in employee.spells
    ]
    before = db.rows(
        """
        SELECT employee_id, name, title, department, start_date, end_date, monthly_salary, currency
        FROM employees WHERE workspace_id = $1 AND integration = $2
        """,
        [workspace_id, integration],
    )
    db.execute(
        "DELETE FROM employees WHERE workspace_id = $1 AND integration = $2",
        [workspace_id, integration],
    )
    db.execute(
        """
        INSERT INTO employees (
            workspace_id, integration, employee_id, name, title, department, start_date, end_date,
            monthly_salary, currency, batch_id
        )
        SELECT $1, $2, e.employee_id, e.name, e.title, e.department, e.start_date, e.end_date,
            e.monthly_salary::DECIMAL(18, 4), e.currency, $3
        FROM (
            SELECT unnest(from_json($4, '[{
                "employee_id": "VARCHAR", "name": "VARCHAR", "title": "VARCHAR",
                "department": "VARCHAR", "start_date": "DATE", "end_date": "DATE",
                "monthly_salary": "VARCHAR", "currency": "VARCHAR"
            }]')) AS e
        )
        """,
        [workspace_id, integration, batch_id, as_json(rows)],
    )
    return Replacement(len(before), len(rows), _differ(before, rows))


def replace_payroll_costs(
    db: Database,
    workspace_id: str,
    integration: str,
    costs: Sequence[PayrollCost],
    *,
    batch_id: str,
    day: date,
) -> Replacement:
    """
    Replace the rows of the same months by *costs*.

    A month that had not ended before *day*, the day of the fetch, is provisional.

    Raises:
        ValueError: If an amount has too many digits.
    """
    amounts = ("gross_pay", "employer_taxes", "benefits", "reimbursements", "total_cost")
    rows: list[dict[str, Any]] = [
        {
            "month": cost.month,
            **{
                name: stored_amount(getattr(cost, name), f"payroll of {cost.month}: {name}")
                for name in amounts
            },
            "currency": cost.currency,
            "provisional": cost.month >= day,
        }
        for cost in costs
    ]
    months = as_json(rows)
    covered = """
        workspace_id = $1 AND integration = $2 AND month IN (
            SELECT e.month FROM (SELECT unnest(from_json($3, '[{"month": "DATE"}]')) AS e)
        )
    """
    before = db.rows(
        f"""
        SELECT month, gross_pay, employer_taxes, benefits, reimbursements, total_cost, currency,
            provisional
        FROM payroll_costs WHERE {covered}
        """,  # noqa: S608 -- a constant
        [workspace_id, integration, months],
    )
    db.execute(
        f"DELETE FROM payroll_costs WHERE {covered}",  # noqa: S608 -- a constant
        [workspace_id, integration, months],
    )
    db.execute(
        """
        INSERT INTO payroll_costs (
            workspace_id, integration, month, gross_pay, employer_taxes, benefits, reimbursements,
            total_cost, currency, provisional, batch_id
        )
        SELECT $1, $2, e.month, e.gross_pay::DECIMAL(18, 4), e.employer_taxes::DECIMAL(18, 4),
            e.benefits::DECIMAL(18, 4), e.reimbursements::DECIMAL(18, 4),
            e.total_cost::DECIMAL(18, 4), e.currency, e.provisional, $3
        FROM (
            SELECT unnest(from_json($4, '[{
                "month": "DATE", "gross_pay": "VARCHAR", "employer_taxes": "VARCHAR",
                "benefits": "VARCHAR", "reimbursements": "VARCHAR", "total_cost": "VARCHAR",
                "currency": "VARCHAR", "provisional": "BOOLEAN"
            }]')) AS e
        )
        """,
        [workspace_id, integration, batch_id, months],
    )
    return Replacement(len(before), len(rows), _differ(before, rows))


def _differ(before: list[tuple[Any, ...]], rows: list[dict[str, Any]]) -> bool:
    def ordered(entries: list[tuple[Any, ...]]) -> list[tuple[Any, ...]]:
        return sorted(entries, key=repr)

    return ordered(before) != ordered([tuple(row.values()) for row in rows])
