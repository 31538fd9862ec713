"""The tables `batches` and `landed_months`: fetches, and the months that they filled."""

from collections.abc import Iterable, Mapping
from contextlib import AbstractContextManager
from dataclasses import astuple
from datetime import date

from integrations.contracts import IntegrationProvider, check_workspace_id
from zebbra_pipeline.warehouse.database import Database, as_json, to_utc
from zebbra_pipeline.warehouse.records import BatchInfo
from zebbra_pipeline.warehouse.snapshots import LandedMonth

_FIGURES = ("data_points", "employees", "payroll_costs", "landed_months")


def landing(db: Database, workspace_id: str, integration: str) -> AbstractContextManager[None]:
    """
    Return the transaction in which a fetch lands.

    Raises:
        ValueError: If one of the names is malformed.
    """
    check_workspace_id(workspace_id)
    IntegrationProvider(integration)
    return db.transaction(f"land {integration} for {workspace_id}")


def next_sequence(previous: BatchInfo | None) -> int:
    """Return the sequence number of the batch after *previous*, from 1."""
    return 1 if previous is None else previous.sequence + 1


def begin_batch(
    db: Database, info: BatchInfo, previous: BatchInfo | None, same_kind: BatchInfo | None
) -> bool:
    """
    Record a batch. Remove figures of other books first, and return whether this was needed.

    Args:
        db: In the transaction of the landing.
        info: The batch.
        previous: The previous batch of the workspace and integration.
        same_kind: The last batch that must have the same currency and basis, if any.
    """
    reset = (previous is not None and previous.tenant_id != info.tenant_id) or (
        same_kind is not None
        and (same_kind.currency, same_kind.basis) != (info.currency, info.basis)
    )
    if reset:
        forget_figures(db, info.workspace_id, info.integration)
    add_batch(db, info)
    return reset


def add_batch(db: Database, batch: BatchInfo) -> None:
    """Insert *batch* into `batches`."""
    *before, fetched_at, run_id, currency, basis, lock_date, digest, calls = astuple(batch)
    values = [*before, to_utc(fetched_at), run_id, currency, basis, lock_date, digest, calls]
    db.execute(
        """
        INSERT INTO batches (
            batch_id, workspace_id, integration, tenant_id, tenant_name, api_type, covers,
            sequence, from_month, to_month, fetched_at, run_id, currency, basis, lock_date,
            payload_sha256, api_calls
        ) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17)
        """,
        [list(value) if isinstance(value, tuple) else value for value in values],
    )


def forget_figures(db: Database, workspace_id: str, integration: str) -> None:
    """Remove all figures of one integration; its batches and restatements stay as history."""
    for table in _FIGURES:
        db.execute(
            f"DELETE FROM {table} WHERE workspace_id = $1 AND integration = $2",  # noqa: S608 -- names of ours
            [workspace_id, integration],
        )


def load_months(
    db: Database, workspace_id: str, integration: str
) -> dict[str, dict[date, LandedMonth]]:
    """Return the landed months by statement."""
    result: dict[str, dict[date, LandedMonth]] = {}
    for statement, month, *facts in db.rows(
        """
        SELECT statement, month, batch_id, coalesce(currency, ''), provisional
        FROM landed_months WHERE workspace_id = $1 AND integration = $2
        """,
        [workspace_id, integration],
    ):
        result.setdefault(statement, {})[month] = LandedMonth(*facts)
    return result


def replace_landed_months(
    db: Database,
    workspace_id: str,
    integration: str,
    months: Mapping[str, Iterable[tuple[date, LandedMonth]]],
) -> None:
    """Replace the same months of earlier batches by *months*, given by statement."""
    rows = as_json(
        [
            {
                "statement": statement,
                "month": month,
                "currency": landed.currency,
                "provisional": landed.provisional,
                "batch_id": landed.batch_id,
            }
            for statement, entries in months.items()
            for month, landed in entries
        ]
    )
    db.execute(
        """
        DELETE FROM landed_months
        WHERE workspace_id = $1 AND integration = $2 AND (statement, month) IN (
            SELECT (e.statement, e.month) FROM (
                SELECT unnest(from_json($3, '[{"statement": "VARCHAR", "month": "DATE"}]')) AS e
            )
        )
        """,
        [workspace_id, integration, rows],
    )
    db.execute(
        """
        INSERT INTO landed_months (
            workspace_id, integration, statement, month, currency, provisional, batch_id
        )
        SELECT $1, $2, e.statement, e.month, e.currency, e.provisional, e.batch_id FROM (
            SELECT unnest(from_json($3, '[{
                "statement": "VARCHAR", "month": "DATE", "currency": "VARCHAR",
                "provisional": "BOOLEAN", "batch_id": "VARCHAR"
            }]')) AS e
        )
        """,
        [workspace_id, integration, rows],
    )
