"""How payroll lands: people, and what they cost by month."""

from collections.abc import Sequence
from datetime import date, datetime
from uuid import uuid4

from integrations.contracts import Employee, PayrollCost, Tenant, month_end
from zebbra_pipeline.warehouse.fingerprints import employees_sha256, payroll_costs_sha256
from zebbra_pipeline.warehouse.reading import ReadSession
from zebbra_pipeline.warehouse.records import EMPLOYEES, PAYROLL_COSTS, BatchInfo, Landing
from zebbra_pipeline.warehouse.snapshots import LandedMonth
from zebbra_pipeline.warehouse.tables.batches import (
    begin_batch,
    landing,
    next_sequence,
    replace_landed_months,
)
from zebbra_pipeline.warehouse.tables.payroll import (
    Replacement,
    replace_employees,
    replace_payroll_costs,
)


class PayrollWriting(ReadSession):
    """The part of a `WriteSession` that lands payroll; what is promised there holds here."""

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
        Land everybody's job spells in the place of all that this integration landed before.

        Args:
            workspace_id: The customer.
            integration: Registered name.
            tenant: Whose people they are.
            employees: All of them; who is not listed is gone.
            from_date: What the adapter was asked for; its month is recorded with the batch.
            run_id: Who pulled it.
            fetched_at: When, timezone-aware.
            api_calls: Requests that it cost.
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
        Land *costs*: one entry for each month covered. Other months stay.

        Args:
            workspace_id: The customer.
            integration: Registered name.
            tenant: Whose payroll it is.
            costs: At least one; one for each month, all in one currency.
            run_id: Who pulled it.
            fetched_at: When, timezone-aware; see `land_statements`.
            api_calls: Requests that it cost.
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
        # People may be paid in several currencies: only the monthly cost is kept to one.
        same_kind = (
            self.last_batch(workspace_id, integration, PAYROLL_COSTS)
            if covers == PAYROLL_COSTS
            else None
        )
        return info, begin_batch(self._db, info, previous, same_kind)


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
