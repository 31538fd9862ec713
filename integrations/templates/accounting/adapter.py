"""Ask DemoBooks for the monthly figures: which requests, in which order."""

from collections.abc import Sequence
from datetime import date
from typing import Any, ClassVar

from integrations.contracts import (
    ALL_STATEMENTS,
    AccountingFetchAdapter,
    DataBatch,
    PayloadError,
    Statement,
    StatementLine,
    month_ends,
)
from integrations.templates.accounting.reports import parse_organisation, parse_report


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
        # FILL IN: `return (await self.client.get("<path>")).payload`, with a path relative to the
        # host, such as "v1/organisations/<id>". See "Organisation", "Company" or "Settings" in
        # the API reference: it has to give the currency, and the lock date where there is one.
        # A customer who has left, or has removed this app, should get `ReconnectRequiredError`.
        raise PayloadError("DemoBooks: fill in adapter._fetch_organisation")

    async def _fetch_report(self, statement: Statement, months: Sequence[date]) -> Any:
        """Return the answer with one statement's figures of *months*, ascending month ends."""
        # FILL IN: `return (await self.client.get("<path>", {<parameters>})).payload`. See
        # "Reports", "Profit and Loss" (or "Income Statement") and "Balance Sheet". Ask for
        # calendar months on accrual basis, and check what the provider does with months of 31
        # days. If one call cannot return all months, ask several times and join the lines with
        # `join_lines` of the contracts.
        wanted = f"{statement.value}, {months[0]} to {months[-1]}"
        raise PayloadError(f"DemoBooks: fill in adapter._fetch_report ({wanted})")
