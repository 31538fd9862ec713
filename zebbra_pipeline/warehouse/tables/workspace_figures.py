"""What has landed of one workspace, as its models see it."""

from collections.abc import Iterable, Mapping
from itertools import groupby

from integrations.contracts import PAYROLL_ENDPOINTS, LineKind
from zebbra_pipeline.figures import EmployeeSpell, Figure, RememberedRow, Series
from zebbra_pipeline.warehouse.database import Database
from zebbra_pipeline.warehouse.records import PAYROLL_COSTS

_PAYROLL_KIND = {"total_cost": LineKind.COMPUTED_TOTAL.value}


def load_statement_series(db: Database, workspace_id: str) -> Iterable[Series]:
    rows = db.rows(
        """
        SELECT integration, statement, section_path, account_id, endpoint, label, kind,
            currency, position, month, value, provisional, batch_id
        FROM data_points WHERE workspace_id = $1
        ORDER BY integration, statement = 'balance_sheet', position, month
        """,
        [workspace_id],
    )
    for _, group in groupby(rows, key=lambda row: (row[0], row[1], row[8])):
        line = list(group)
        integration, statement, section, account_id, endpoint, label, kind, currency = line[-1][:8]
        yield Series(
            integration=integration,
            statement=statement,
            section=tuple(section),
            account_id=account_id,
            endpoint=endpoint,
            label=label,
            kind=kind,
            currency=currency,
            figures={row[9]: Figure(row[10], row[11], row[12]) for row in line},
        )


def load_payroll_series(db: Database, workspace_id: str) -> Iterable[Series]:
    fields = tuple(PAYROLL_ENDPOINTS.values())
    rows = db.rows(
        f"""
        SELECT integration, currency, month, provisional, batch_id, {", ".join(fields)}
        FROM payroll_costs WHERE workspace_id = $1 ORDER BY integration, month
        """,  # noqa: S608 -- column names of ours
        [workspace_id],
    )
    for integration, group in groupby(rows, key=lambda row: row[0]):
        months = list(group)
        for column, (endpoint, field) in enumerate(PAYROLL_ENDPOINTS.items(), start=5):
            yield Series(
                integration=integration,
                statement=PAYROLL_COSTS,
                section=(),
                account_id=None,
                endpoint=endpoint,
                label=endpoint,
                kind=_PAYROLL_KIND.get(field, LineKind.ACCOUNT.value),
                currency=months[-1][1],
                figures={row[2]: Figure(row[column], row[3], row[4]) for row in months},
            )


def load_employees(db: Database, workspace_id: str) -> tuple[EmployeeSpell, ...]:
    rows = db.rows(
        """
        SELECT integration, employee_id, name, title, department, start_date, end_date,
            monthly_salary, currency, batch_id
        FROM employees WHERE workspace_id = $1
        ORDER BY integration, employee_id, start_date
        """,
        [workspace_id],
    )
    return tuple(EmployeeSpell(*row) for row in rows)


def load_remembered(db: Database, workspace_id: str) -> Mapping[tuple[str, str], RememberedRow]:
    rows = db.rows(
        """
        SELECT model_id, row_id, integration, endpoint, remembered_account_id
        FROM model_rows WHERE workspace_id = $1 AND remembered_account_id IS NOT NULL
        ORDER BY model_id, position
        """,
        [workspace_id],
    )
    return {(model_id, row_id): RememberedRow(*rest) for model_id, row_id, *rest in rows}
