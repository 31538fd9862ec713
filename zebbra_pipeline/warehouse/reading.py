"""`ReadSession`: the queries of a warehouse or of its published copy."""

from collections.abc import Sequence
from datetime import date, datetime
from typing import Any

from zebbra_pipeline.figures import MergedRow, ModelValue, WorkspaceFigures
from zebbra_pipeline.outcomes import Kept
from zebbra_pipeline.warehouse.database import Database, from_utc, to_utc
from zebbra_pipeline.warehouse.records import (
    BatchInfo,
    EndpointInfo,
    LandedInfo,
    RestatementInfo,
    WorkspaceSummary,
)
from zebbra_pipeline.warehouse.tables.integrity import Integrity, load_integrity
from zebbra_pipeline.warehouse.tables.workspace_figures import (
    load_employees,
    load_figures_sha256,
    load_kept,
    load_payroll_series,
    load_remembered,
    load_statement_series,
)

_BATCH = """
    SELECT batch_id, workspace_id, integration, tenant_id, tenant_name, api_type, covers,
        sequence, from_month, to_month, fetched_at, run_id, currency, basis, lock_date,
        payload_sha256, api_calls
    FROM batches
"""


class ReadSession:
    """
    Queries one open database. It cannot be used after its `with` block.

    A method that takes a workspace returns rows of that workspace only. An unknown workspace has
    no rows, which is not an error.
    """

    def __init__(self, database: Database) -> None:
        self._db = database

    def last_batch(
        self, workspace_id: str, integration: str, covering: str | None = None
    ) -> BatchInfo | None:
        """
        Return the newest batch, or None if nothing has landed.

        Args:
            workspace_id: The customer.
            integration: Registered name.
            covering: If set, consider only batches of this: the name of a statement,
                `employees` or `payroll_costs`.
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
        Return the time, in UTC, at which the newest batch was fetched, by workspace.

        Args:
            integration: Registered name.
            covering: Consider only batches of this, as for `last_batch`.
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

    def landed(self, integration: str, workspace_ids: Sequence[str]) -> dict[str, LandedInfo]:
        """
        Return how far an integration has landed by workspace, in one query for all of them.

        Args:
            integration: Registered name.
            workspace_ids: The customers. The result has no entry for a workspace that has never
                landed.
        """
        rows = self._db.rows(
            """
            WITH newest AS (
                SELECT workspace_id, arg_max(tenant_id, sequence) AS tenant_id FROM batches
                WHERE integration = $1 AND workspace_id IN (SELECT unnest($2::VARCHAR[]))
                GROUP BY workspace_id
            ),
            months AS (
                SELECT workspace_id, statement, max(month) AS last_month FROM landed_months
                WHERE integration = $1 AND workspace_id IN (SELECT unnest($2::VARCHAR[]))
                GROUP BY workspace_id, statement
            )
            SELECT workspace_id, tenant_id, statement, last_month
            FROM newest LEFT JOIN months USING (workspace_id)
            ORDER BY workspace_id, statement
            """,
            [integration, list(workspace_ids)],
        )
        found: dict[str, LandedInfo] = {}
        for workspace_id, tenant_id, statement, last_month in rows:
            info = found.setdefault(workspace_id, LandedInfo(tenant_id, {}))
            if statement is not None:
                info.to_month[statement] = last_month
        return found

    def kept(self, integration: str, workspace_ids: Sequence[str]) -> dict[str, dict[str, Kept]]:
        """
        Return the stored rows by workspace and asset, in one query for all workspaces.

        Args:
            integration: Registered name.
            workspace_ids: The customers. The result has no entry for assets that have never
                landed.
        """
        return load_kept(self._db, integration, workspace_ids)

    def figures_sha256(self, workspace_ids: Sequence[str]) -> dict[str, str]:
        """
        Return a fingerprint of the landed figures by workspace, in one query for all of them.

        A fetch that brings nothing new does not change it. Workspaces that have never landed have
        no entry.
        """
        return load_figures_sha256(self._db, workspace_ids)

    def calls_since(self, moment: datetime) -> dict[tuple[str, str], int]:
        """
        Return the number of API calls since *moment*, by integration and tenant id.

        Args:
            moment: Timezone-aware. Only fetches that have landed count.
        """
        rows = self._db.rows(
            """
            WITH pulls AS (  -- one may land in several batches, each with all of its calls
                SELECT integration, tenant_id, workspace_id, fetched_at, max(api_calls) AS calls
                FROM batches WHERE fetched_at >= $1 GROUP BY ALL
            )
            SELECT integration, tenant_id, sum(calls)::BIGINT FROM pulls GROUP BY ALL
            """,
            [to_utc(moment)],
        )
        return {(integration, tenant): calls for integration, tenant, calls in rows}

    def integrity(
        self, integration: str, workspace_ids: Sequence[str] | None = None
    ) -> list[Integrity]:
        """
        Check whether landed figures are complete and add up, by workspace and asset.

        Args:
            integration: Registered name.
            workspace_ids: The customers; None for all. Workspaces that have never landed are not
                in the result.
        """
        return load_integrity(self._db, integration, workspace_ids)

    def workspaces(self) -> list[WorkspaceSummary]:
        """Return a summary for each workspace and integration."""
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
            series=(
                *load_statement_series(self._db, workspace_id),
                *load_payroll_series(self._db, workspace_id),
            ),
            employees=load_employees(self._db, workspace_id),
            remembered=load_remembered(self._db, workspace_id),
        )

    def model_rows(self, workspace_id: str, model_id: str) -> list[MergedRow]:
        """Return the saved rows of a merged model; an empty list if it was never merged."""
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


def _batch(row: tuple[Any, ...]) -> BatchInfo:
    return BatchInfo(*(*row[:6], tuple(row[6]), *row[7:10], from_utc(row[10]), *row[11:]))
