"""What can be asked of a warehouse, or of its published copy."""

from collections.abc import Iterable, Mapping
from datetime import date, datetime
from itertools import groupby
from typing import Any

from integrations.contracts import PAYROLL_ENDPOINTS, LineKind, Statement
from zebbra_pipeline.figures import (
    EmployeeSpell,
    Figure,
    MergedRow,
    ModelValue,
    RememberedRow,
    Series,
    WorkspaceFigures,
)
from zebbra_pipeline.warehouse.database import Database, from_utc
from zebbra_pipeline.warehouse.records import (
    PAYROLL_COSTS,
    BatchInfo,
    EndpointInfo,
    RestatementInfo,
    WorkspaceSummary,
)

_BATCH = """
    SELECT batch_id, workspace_id, integration, tenant_id, tenant_name, api_type, covers,
        sequence, from_month, to_month, fetched_at, run_id, currency, basis, lock_date,
        payload_sha256, api_calls
    FROM batches
"""
_PAYROLL_KIND = {"total_cost": LineKind.COMPUTED_TOTAL.value}
STATEMENT_ORDER = {statement.value: number for number, statement in enumerate(Statement)}


class ReadSession:
    """
    Answers from one open database. Not to be used after its `with` block.

    Every method that names a workspace answers about that workspace alone; an unknown one has
    nothing landed, which is not an error.
    """

    def __init__(self, database: Database) -> None:
        self._db = database

    def last_batch(
        self, workspace_id: str, integration: str, covering: str | None = None
    ) -> BatchInfo | None:
        """
        Return the newest batch, or None where nothing has landed.

        Args:
            workspace_id: The customer.
            integration: Registered name.
            covering: Only batches that cover this: a statement's name, `employees` or
                `payroll_costs`.
        """
        rows = self._db.rows(
            f"""
            {_BATCH}
            WHERE workspace_id = $1 AND integration = $2
                AND ($3::VARCHAR IS NULL OR list_contains(covers, $3::VARCHAR))
            ORDER BY sequence DESC LIMIT 1
            """,
            [workspace_id, integration, covering],
        )
        return _batch(rows[0]) if rows else None

    def batches(self, workspace_id: str) -> list[BatchInfo]:
        """Return all batches, the newest first."""
        rows = self._db.rows(
            f"{_BATCH} WHERE workspace_id = $1 ORDER BY fetched_at DESC, integration, sequence DESC",
            [workspace_id],
        )
        return [_batch(row) for row in rows]

    def last_fetched(self, integration: str, covering: str) -> dict[str, datetime]:
        """
        Return by workspace when its newest batch was fetched, in UTC.

        Args:
            integration: Registered name.
            covering: Only batches that cover this, as for `last_batch`.
        """
        rows = self._db.rows(
            """
            SELECT workspace_id, max(fetched_at) FROM batches
            WHERE integration = $1 AND list_contains(covers, $2) GROUP BY ALL ORDER BY ALL
            """,
            [integration, covering],
        )
        return {workspace_id: from_utc(fetched_at) for workspace_id, fetched_at in rows}

    def landed_integrations(self, workspace_id: str) -> frozenset[str]:
        """Return the registered names of the integrations that have ever landed."""
        rows = self._db.rows(
            "SELECT DISTINCT integration FROM batches WHERE workspace_id = $1", [workspace_id]
        )
        return frozenset(name for (name,) in rows)

    def landed_months(self, workspace_id: str, integration: str, covering: str) -> tuple[date, ...]:
        """Return the month ends landed of one statement, or of `payroll_costs`, ascending."""
        rows = self._db.rows(
            """
            SELECT month FROM landed_months
            WHERE workspace_id = $1 AND integration = $2 AND statement = $3 ORDER BY month
            """,
            [workspace_id, integration, covering],
        )
        return tuple(month for (month,) in rows)

    def workspaces(self) -> list[WorkspaceSummary]:
        """Return what is landed, by workspace and integration."""
        rows = self._db.rows(
            """
            WITH counted AS (
                SELECT workspace_id, integration, count(*) AS n FROM data_points GROUP BY ALL
                UNION ALL
                SELECT workspace_id, integration, count(*) FROM employees GROUP BY ALL
                UNION ALL
                SELECT workspace_id, integration, count(*) FROM payroll_costs GROUP BY ALL
            ),
            held AS (
                SELECT workspace_id, integration, sum(n)::BIGINT AS n FROM counted GROUP BY ALL
            ),
            landed AS (
                SELECT workspace_id, integration, min(month) AS first_month,
                    max(month) AS last_month, count(DISTINCT month) AS n
                FROM landed_months GROUP BY ALL
            ),
            newest AS (
                SELECT workspace_id, integration, arg_max(batch_id, sequence) AS batch_id,
                    count(*) AS n
                FROM batches GROUP BY ALL
            )
            SELECT batches.workspace_id, batches.integration, api_type, tenant_id, tenant_name,
                fetched_at, lock_date, first_month, last_month, coalesce(landed.n, 0),
                coalesce(held.n, 0), newest.n
            FROM newest
            JOIN batches USING (workspace_id, integration, batch_id)
            LEFT JOIN landed USING (workspace_id, integration)
            LEFT JOIN held USING (workspace_id, integration)
            ORDER BY 1, 2
            """
        )
        return [WorkspaceSummary(*(*row[:5], from_utc(row[5]), *row[6:])) for row in rows]

    def endpoints(self, workspace_id: str) -> list[EndpointInfo]:
        """Return every line that a model can refer to, in the provider's order."""
        rows = self._db.rows(
            """
            SELECT integration, endpoint, statement, kind, section_path, account_id, label,
                currency, first_month, last_month
            FROM data_endpoints WHERE workspace_id = $1
            ORDER BY integration, statement = 'balance_sheet', position
            """,
            [workspace_id],
        )
        return [EndpointInfo(*(*row[:4], tuple(row[4]), *row[5:])) for row in rows]

    def restatements(self, workspace_id: str) -> list[RestatementInfo]:
        """Return the figures that changed after they were first landed, the newest first."""
        rows = self._db.rows(
            """
            SELECT integration, statement, account_id, endpoint, month, old_value, new_value,
                currency, detected_at, after_lock_date, provisional, old_batch_id, new_batch_id
            FROM restatements WHERE workspace_id = $1
            ORDER BY detected_at DESC, integration, statement, endpoint, month
            """,
            [workspace_id],
        )
        return [RestatementInfo(*(*row[:8], from_utc(row[8]), *row[9:])) for row in rows]

    def figures(self, workspace_id: str) -> WorkspaceFigures:
        """Return everything landed for one workspace, and what its models remember."""
        return WorkspaceFigures(
            workspace_id=workspace_id,
            integrations=self.landed_integrations(workspace_id),
            series=(*self._statement_series(workspace_id), *self._payroll_series(workspace_id)),
            employees=self._employees(workspace_id),
            remembered=self._remembered(workspace_id),
        )

    def model_rows(self, workspace_id: str, model_id: str) -> list[MergedRow]:
        """Return the rows of a merged model as they were saved; none if it never was."""
        months: dict[tuple[str, str, str], list[ModelValue]] = {}
        for *place, month, value, status, batch_id in self._db.rows(
            """
            SELECT sheet, section, row_id, month, value, status, batch_id FROM model_values
            WHERE workspace_id = $1 AND model_id = $2 ORDER BY month
            """,
            [workspace_id, model_id],
        ):
            sheet, section, row_id = place
            entry = ModelValue(month, value, status, batch_id)
            months.setdefault((sheet, section, row_id), []).append(entry)
        rows = self._db.rows(
            """
            SELECT sheet, section, row_id, row_name, integration, endpoint, account_id, currency,
                status, note
            FROM model_rows WHERE workspace_id = $1 AND model_id = $2 ORDER BY position
            """,
            [workspace_id, model_id],
        )
        return [MergedRow(*(*row, tuple(months.get((row[0], row[1], row[2]), ())))) for row in rows]

    def _statement_series(self, workspace_id: str) -> Iterable[Series]:
        rows = self._db.rows(
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
            integration, statement, section, account_id, endpoint, label, kind, currency = line[-1][
                :8
            ]
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

    def _payroll_series(self, workspace_id: str) -> Iterable[Series]:
        fields = tuple(PAYROLL_ENDPOINTS.values())
        rows = self._db.rows(
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

    def _employees(self, workspace_id: str) -> tuple[EmployeeSpell, ...]:
        rows = self._db.rows(
            """
            SELECT integration, employee_id, name, title, department, start_date, end_date,
                monthly_salary, currency, batch_id
            FROM employees WHERE workspace_id = $1
            ORDER BY integration, employee_id, start_date
            """,
            [workspace_id],
        )
        return tuple(EmployeeSpell(*row) for row in rows)

    def _remembered(self, workspace_id: str) -> Mapping[tuple[str, str], RememberedRow]:
        rows = self._db.rows(
            """
            SELECT model_id, row_id, integration, endpoint, remembered_account_id
            FROM model_rows WHERE workspace_id = $1 AND remembered_account_id IS NOT NULL
            ORDER BY model_id, position
            """,
            [workspace_id],
        )
        return {(model_id, row_id): RememberedRow(*rest) for model_id, row_id, *rest in rows}


def _batch(row: tuple[Any, ...]) -> BatchInfo:
    return BatchInfo(*(*row[:6], tuple(row[6]), *row[7:10], from_utc(row[10]), *row[11:]))
