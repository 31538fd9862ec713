"""Ask DemoBooks for the monthly figures: which requests, in which order."""

from collections.abc import Sequence
from datetime import date
from typing import Any, ClassVar

from integrations.contracts import (
    ALL_STATEMENTS,
    AccessDeniedError,
    AccountingFetchAdapter,
    DataBatch,
    ReconnectRequiredError,
    Statement,
    StatementLine,
    month_ends,
)
from integrations.templates.accounting.reports import parse_organisation, parse_report

_REPORTS = {
    Statement.PROFIT_AND_LOSS: "profit-and-loss",
    Statement.BALANCE_SHEET: "balance-sheet",
}


class DemoBooksFetchAdapter(AccountingFetchAdapter):
    """Fetches the organisation, then each statement in one call for all months."""

    name: ClassVar[str] = "DemoBooks"

    async def get_data(
        self, from_date: date, *, statements: frozenset[Statement] = ALL_STATEMENTS
    ) -> DataBatch:
        """
        Return every month from the month of *from_date* to the running one, on accrual basis.

        Raises:
            IntegrationError: The leaf that says what to do; see `contracts.errors`.
        """
        months = month_ends(from_date, self.today)
        organisation = parse_organisation(await self._fetch_organisation())
        lines: list[StatementLine] = []
        for statement in Statement:
            if statement in statements:
                payload = await self._fetch_report(statement, months)
                lines.extend(parse_report(payload, statement, months))
        return DataBatch(
            integration=self.integration,
            tenant_id=self.client.tenant_id,
            tenant_name=organisation.name or self.client.tenant_name,
            currency=organisation.currency,
            basis="accrual",
            dates=months,
            statements=statements,
            lock_date=organisation.lock_date,
            lines=tuple(lines),
        )

    async def _fetch_organisation(self) -> Any:
        """Return the answer about the organisation `self.client.tenant_id`."""
        path = f"v1/organisations/{self.client.tenant_id}"
        try:
            return (await self.client.get(path)).payload
        except AccessDeniedError as exc:
            listed = (await self.client.get("v1/organisations")).payload["organisations"]
            if any(item["id"] == self.client.tenant_id for item in listed):
                raise
            raise ReconnectRequiredError(
                "DemoBooks: the organisation is no longer connected; connect it again"
            ) from exc

    async def _fetch_report(self, statement: Statement, months: Sequence[date]) -> Any:
        """Return the answer with one statement's figures of *months*, ascending month ends."""
        path = f"v1/organisations/{self.client.tenant_id}/reports/{_REPORTS[statement]}"
        wanted = {"from": f"{months[0]:%Y-%m}", "to": f"{months[-1]:%Y-%m}"}
        return (await self.client.get(path, wanted)).payload
