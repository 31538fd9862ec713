"""What can be written into a warehouse. Each call is one transaction: everything or nothing."""

from datetime import datetime
from uuid import uuid4

from integrations.contracts import DataBatch, check_workspace_id
from zebbra_pipeline.figures import MergedModel
from zebbra_pipeline.warehouse.fingerprints import batch_sha256
from zebbra_pipeline.warehouse.records import BatchInfo, Landing
from zebbra_pipeline.warehouse.snapshots import (
    LandedMonth,
    count_rows,
    differ,
    find_restatements,
    rewritten_months,
    take_snapshot,
)
from zebbra_pipeline.warehouse.tables.batches import begin_batch, landing, next_sequence
from zebbra_pipeline.warehouse.tables.models import replace_model
from zebbra_pipeline.warehouse.tables.payroll_landing import PayrollWriting
from zebbra_pipeline.warehouse.tables.statements import (
    add_restatements,
    load_books,
    replace_months,
)


class WriteSession(PayrollWriting):
    """
    Lands pulls and saves merges. What it has written is what it reads.

    A landing whose tenant (or currency, or accounting basis) is another than that of the
    batch before first removes all figures of its integration: two sets of books are never
    mixed. Batches and restatements stay as history.

    All methods raise `ValueError` for input that could not be stored as it is, and
    `WarehouseWriteError` when DuckDB refuses; then nothing was changed, and the session can
    be used on.
    """

    def land_statements(
        self,
        workspace_id: str,
        batch: DataBatch,
        *,
        run_id: str,
        fetched_at: datetime,
        api_calls: int,
    ) -> Landing:
        """
        Land *batch*: its months and statements replace the same ones, others stay.

        Args:
            workspace_id: The customer.
            batch: A full snapshot of its months and statements.
            run_id: Who pulled it, e.g. a Dagster run.
            fetched_at: When, timezone-aware. Its date, in its own zone, is the day of the
                fetch: months that had not ended before it are provisional.
            api_calls: Requests that it cost.
        """
        if not batch.dates:
            raise ValueError(f"{batch.integration}: expected a batch of at least one month")
        name = str(batch.integration)
        with landing(self._db, workspace_id, name):
            previous = self.last_batch(workspace_id, name)
            info = BatchInfo(
                batch_id=str(uuid4()),
                workspace_id=workspace_id,
                integration=name,
                tenant_id=batch.tenant_id,
                tenant_name=batch.tenant_name,
                api_type="accounting",
                covers=tuple(sorted(batch.statements)),
                sequence=next_sequence(previous),
                from_month=batch.dates[0],
                to_month=batch.dates[-1],
                fetched_at=fetched_at,
                run_id=run_id,
                currency=batch.currency,
                basis=batch.basis,
                lock_date=batch.lock_date,
                payload_sha256=batch_sha256(batch),
                api_calls=api_calls,
            )
            reset = begin_batch(self._db, info, previous, previous)
            before = load_books(self._db, workspace_id, name)
            landed = LandedMonth(info.batch_id, batch.currency, provisional=False)
            after = take_snapshot(before, batch, landed, fetched_at.date())
            restatements = find_restatements(before, after, batch)
            replace_months(
                self._db, workspace_id, name, after, rewritten_months(before, after, batch)
            )
            after_lock = add_restatements(
                self._db,
                workspace_id,
                name,
                restatements,
                new_batch_id=info.batch_id,
                detected_at=fetched_at,
                lock_date=previous.lock_date if previous else None,
            )
        rows = count_rows(after, batch)
        return Landing(
            batch_id=info.batch_id,
            rows=sum(rows.values()),
            rows_by_statement=rows,
            months=batch.dates,
            replaced=sum(count_rows(before, batch).values()),
            restated=len(restatements),
            restated_after_lock=after_lock,
            changed=reset or differ(before, after),
            reset=reset,
            payload_sha256=info.payload_sha256,
        )

    def save_model(self, workspace_id: str, model: MergedModel, merged_at: datetime) -> None:
        """
        Save *model* in the place of its earlier merge; other models stay as they are.

        Args:
            workspace_id: The customer.
            model: A merged model document with its rows.
            merged_at: When, timezone-aware.
        """
        check_workspace_id(workspace_id)
        with self._db.transaction(f"save model {model.model_id!r} of {workspace_id}"):
            replace_model(self._db, workspace_id, model, merged_at=merged_at)
