"""Landed figures of workspaces, as the merge and the assets read them."""

from collections.abc import Iterable, Mapping, Sequence
from itertools import groupby

from integrations.contracts import PAYROLL_ENDPOINTS, LineKind
from zebbra_pipeline.figures import EmployeeSpell, Figure, RememberedRow, Series
from zebbra_pipeline.outcomes import Kept
from zebbra_pipeline.warehouse.database import Database
from zebbra_pipeline.warehouse.records import EMPLOYEES, PAYROLL_COSTS

_OF_THEM = "integration = $1 AND workspace_id IN (SELECT unnest($2::VARCHAR[]))"
_KEPT = f"""
    WITH newest AS (
        SELECT workspace_id, asset, arg_max(batch_id, sequence) AS batch_id
        FROM (SELECT *, unnest(covers) AS asset FROM batches WHERE {_OF_THEM}) GROUP BY ALL
    ),
    held AS (
        SELECT workspace_id, statement AS asset, count(*) AS n FROM data_points
        WHERE {_OF_THEM} GROUP BY ALL
        UNION ALL
        SELECT workspace_id, '{EMPLOYEES}', count(*) FROM employees WHERE {_OF_THEM} GROUP BY ALL
        UNION ALL
        SELECT workspace_id, '{PAYROLL_COSTS}', count(*) FROM payroll_costs
        WHERE {_OF_THEM} GROUP BY ALL
    )
    SELECT workspace_id, asset, batch_id, coalesce(n, 0)
    FROM newest LEFT JOIN held USING (workspace_id, asset) ORDER BY ALL
"""  # noqa: S608 -- a condition and names of ours

_AMONG = "workspace_id IN (SELECT unnest($1::VARCHAR[]))"
_FIGURES = f"""
    WITH content AS (
        SELECT DISTINCT workspace_id, md5(json_array('landed', integration)::VARCHAR) AS line
        FROM batches WHERE {_AMONG}
        UNION ALL
        SELECT workspace_id, md5(json_array(
            integration, statement, position, section_path, account_id, endpoint, label, kind,
            month, value::VARCHAR, currency, provisional
        )::VARCHAR)
        FROM data_points WHERE {_AMONG}
        UNION ALL
        SELECT workspace_id, md5(json_array(
            integration, employee_id, name, title, department, start_date, end_date,
            monthly_salary::VARCHAR, currency
        )::VARCHAR)
        FROM employees WHERE {_AMONG}
        UNION ALL
        SELECT workspace_id, md5(json_array(
            integration, month, gross_pay::VARCHAR, employer_taxes::VARCHAR, benefits::VARCHAR,
            reimbursements::VARCHAR, total_cost::VARCHAR, currency, provisional
        )::VARCHAR)
        FROM payroll_costs WHERE {_AMONG}
    )
    SELECT workspace_id, sha256(string_agg(line, '' ORDER BY line)) FROM content GROUP BY ALL
"""  # noqa: S608 -- a condition of ours
"""All that the merge reads of landed figures, except batch ids."""


def load_kept(
    db: Database, integration: str, workspace_ids: Sequence[str]
) -> dict[str, dict[str, Kept]]:
    """Return the stored rows by workspace and asset; see `ReadSession.kept`."""
    found: dict[str, dict[str, Kept]] = {}
    for workspace_id, asset, *facts in db.rows(_KEPT, [integration, list(workspace_ids)]):
        found.setdefault(workspace_id, {})[asset] = Kept(*facts)
    return found


def load_figures_sha256(db: Database, workspace_ids: Sequence[str]) -> dict[str, str]:
    """Return a fingerprint by workspace; see `ReadSession.figures_sha256`."""
    return dict(db.rows(_FIGURES, [list(workspace_ids)]))


_PAYROLL_KIND = {"total_cost": LineKind.COMPUTED_TOTAL.value}


def load_statement_series(db: Database, workspace_id: str) -> Iterable[Series]:
    """Yield the statement lines of a workspace, in the provider's order."""
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
    """Yield one series for each kind of payroll cost, by integration."""
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
    """Return the job spells of a workspace's employees."""
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
    """Return what earlier merges resolved, by model id and row id."""
    rows = db.rows(
        """
        SELECT model_id, row_id, integration, endpoint, remembered_account_id
        FROM model_rows WHERE workspace_id = $1 AND remembered_account_id IS NOT NULL
        ORDER BY model_id, position
        """,
        [workspace_id],
    )
    return {(model_id, row_id): RememberedRow(*rest) for model_id, row_id, *rest in rows}
