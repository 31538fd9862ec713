"""`WriteSession`: lands figures and saves merged models, one transaction a call."""

from collections.abc import Sequence
from datetime import date, datetime
from uuid import uuid4

from integrations.contracts import (
    DataBatch,
    Employee,
    PayrollCost,
    Tenant,
    check_workspace_id,
    month_end,
)
from zebbra_pipeline.figures import MergedModel
from zebbra_pipeline.warehouse.fingerprints import (
    batch_sha256,
    employees_sha256,
    payroll_costs_sha256,
)
from zebbra_pipeline.warehouse.reading import ReadSession
from zebbra_pipeline.warehouse.records import EMPLOYEES, PAYROLL_COSTS, BatchInfo, Landing
from zebbra_pipeline.warehouse.snapshots import (
    LandedMonth,
    count_rows,
    differ,
    find_restatements,
    rewritten_months,
    take_snapshot,
)
from zebbra_pipeline.warehouse.tables.batches import (
    begin_batch,
    landing,
    next_sequence,
    replace_landed_months,
)
from zebbra_pipeline.warehouse.tables.models import replace_model
from zebbra_pipeline.warehouse.tables.payroll import (
    Replacement,
    replace_employees,
    replace_payroll_costs,
)
from zebbra_pipeline.warehouse.tables.statements import (
    add_restatements,
    load_books,
    replace_months,
)


class WriteSession(ReadSession):
    """
    Lands fetched data and saves merged models. It reads its own writes.

    If the tenant, currency or accounting basis differs from the previous batch, a landing first
    removes all figures of its integration: two sets of books are never mixed. Batches and
    restatements stay as history.

    All methods raise `ValueError` for input that cannot be stored unchanged, and
    `WarehouseWriteError` if DuckDB refuses. In both cases nothing was changed, and the session
    remains usable.
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
        Land *batch*: its months and statements replace earlier ones, others stay.

        Args:
            workspace_id: The customer.
            batch: A full snapshot of its months and statements.
            run_id: The run that fetched it, e.g. a Dagster run.
            fetched_at: Timezone-aware. Its date, in its own time zone, is the day of the
                fetch: months that had not ended before it are provisional.
            api_calls: Requests that the fetch made.
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

    def land_employees(
        self,
        workspace_id: str,
        integration: str,
        tenant: Tenant,
        employees: Sequence[Employee],
        *,
        from_date: date,
        run_id: str,
        fetched_at: datetime,
        api_calls: int,
    ) -> Landing:
        """
        Land the job spells of all employees; they replace all earlier ones of this integration.

        Args:
            workspace_id: The customer.
            integration: Registered name.
            tenant: The employer.
            employees: All employees; those not listed are removed.
            from_date: Start of the fetched history; its month is recorded with the batch.
            run_id: The run that fetched it.
            fetched_at: Timezone-aware.
            api_calls: Requests that the fetch made.
        """
        currencies = {spell.currency for employee in employees for spell in employee.spells}
        with landing(self._db, workspace_id, integration):
            info, reset = self._begin_payroll(
                workspace_id,
                integration,
                tenant,
                covers=EMPLOYEES,
                months=(month_end(from_date), month_end(fetched_at.date())),
                run_id=run_id,
                fetched_at=fetched_at,
                api_calls=api_calls,
                currency=currencies.pop() if len(currencies) == 1 else None,
                payload_sha256=employees_sha256(tenant, employees),
            )
            done = replace_employees(
                self._db, workspace_id, integration, employees, batch_id=info.batch_id
            )
        return _payroll_landing(info, done, months=(), reset=reset)

    def land_payroll_costs(
        self,
        workspace_id: str,
        integration: str,
        tenant: Tenant,
        costs: Sequence[PayrollCost],
        *,
        run_id: str,
        fetched_at: datetime,
        api_calls: int,
    ) -> Landing:
        """
        Land *costs*, one entry for each covered month. Other months stay.

        Args:
            workspace_id: The customer.
            integration: Registered name.
            tenant: The employer.
            costs: At least one; one for each month, all in one currency.
            run_id: The run that fetched it.
            fetched_at: Timezone-aware; see `land_statements`.
            api_calls: Requests that the fetch made.
        """
        months = tuple(sorted(cost.month for cost in costs))
        currencies = {cost.currency for cost in costs}
        if not months or len(set(months)) != len(months):
            raise ValueError(f"{integration}: costs: expected one entry for each month")
        if any(month != month_end(month) for month in months):
            raise ValueError(f"{integration}: costs: expected month ends")
        if len(currencies) > 1:
            raise ValueError(f"{integration}: costs: expected one currency, found several")
        day = fetched_at.date()
        with landing(self._db, workspace_id, integration):
            info, reset = self._begin_payroll(
                workspace_id,
                integration,
                tenant,
                covers=PAYROLL_COSTS,
                months=(months[0], months[-1]),
                run_id=run_id,
                fetched_at=fetched_at,
                api_calls=api_calls,
                currency=currencies.pop(),
                payload_sha256=payroll_costs_sha256(tenant, costs),
            )
            done = replace_payroll_costs(
                self._db, workspace_id, integration, costs, batch_id=info.batch_id, day=day
            )
            landed = [
                (month, LandedMonth(info.batch_id, info.currency or "", month >= day))
                for month in months
            ]
            replace_landed_months(self._db, workspace_id, integration, {PAYROLL_COSTS: landed})
        return _payroll_landing(info, done, months=months, reset=reset)

    def _begin_payroll(
        self,
        workspace_id: str,
        integration: str,
        tenant: Tenant,
        *,
        covers: str,
        months: tuple[date, date],
        run_id: str,
        fetched_at: datetime,
        api_calls: int,
        currency: str | None,
        payload_sha256: str,
    ) -> tuple[BatchInfo, bool]:
        previous = self.last_batch(workspace_id, integration)
        info = BatchInfo(
            batch_id=str(uuid4()),
            workspace_id=workspace_id,
            integration=integration,
            tenant_id=tenant.id,
            tenant_name=tenant.name,
            api_type="payroll",
            covers=(covers,),
            sequence=next_sequence(previous),
            from_month=months[0],
            to_month=months[1],
            fetched_at=fetched_at,
            run_id=run_id,
            currency=currency,
            basis=None,
            lock_date=None,
            payload_sha256=payload_sha256,
            api_calls=api_calls,
        )
        # People may be paid in several currencies: only the monthly cost must have one.
        same_kind = (
            self.last_batch(workspace_id, integration, PAYROLL_COSTS)
            if covers == PAYROLL_COSTS
            else None
        )
        return info, begin_batch(self._db, info, previous, same_kind)

    def save_model(self, workspace_id: str, model: MergedModel, merged_at: datetime) -> None:
        """
        Save *model*, replacing its earlier merge. Other models are not changed.

        Args:
            workspace_id: The customer.
            model: A merged model document with its rows.
            merged_at: Timezone-aware.
        """
        check_workspace_id(workspace_id)
        with self._db.transaction(f"save model {model.model_id!r} of {workspace_id}"):
            replace_model(self._db, workspace_id, model, merged_at=merged_at)


def _payroll_landing(
    info: BatchInfo, done: Replacement, *, months: tuple[date, ...], reset: bool
) -> Landing:
    return Landing(
        batch_id=info.batch_id,
        rows=done.come,
        months=months,
        replaced=done.gone,
        restated=0,
        restated_after_lock=0,
        changed=reset or done.changed,
        reset=reset,
        payload_sha256=info.payload_sha256,
    )
