"""Ask DemoPay for people and payrolls: which requests, in which order."""

from collections.abc import Sequence
from datetime import date
from typing import Any, ClassVar

from integrations.contracts import (
    Employee,
    PayloadError,
    PayrollCost,
    PayrollFetchAdapter,
    month_ends,
)
from integrations.templates.payroll.employees import parse_employees, parse_payrolls


class DemoPayFetchAdapter(PayrollFetchAdapter):
    """People with their job spells, and what the processed payrolls cost."""

    name: ClassVar[str] = "DemoPay"

    async def get_data(self, from_date: date) -> list[Employee]:
        """
        Return all people who have not left before *from_date*'s month, with all job spells.

        Raises:
            IntegrationError: The leaf that says what to do; see `contracts.errors`.
        """
        return parse_employees(await self._fetch_employees(), from_date=from_date)

    async def get_payroll_costs(self, from_date: date) -> list[PayrollCost]:
        """
        Return the cost of the payrolls of each month, from *from_date*'s to the running one.

        Raises:
            IntegrationError: The leaf that says what to do; see `contracts.errors`.
        """
        months = month_ends(from_date, self.today)
        return parse_payrolls(await self._fetch_payrolls(months), months)

    async def _fetch_employees(self) -> Sequence[Any]:
        """Return the people of all pages, those who have left included."""
        # FILL IN: ask `self.client.get("<path>", {<parameters>})` page by page, with a path
        # relative to the host, such as f"v1/companies/{self.client.tenant_id}/employees". See
        # "Employees", "People" or "Workers", and "Pagination". People who have left, and the
        # history of jobs and pay, often need a parameter or calls of their own. A customer who
        # has left, or has removed this app, should get `ReconnectRequiredError`.
        raise PayloadError("DemoPay: fill in adapter._fetch_employees")

    async def _fetch_payrolls(self, months: Sequence[date]) -> Sequence[Any]:
        """Return the answers with the payrolls of *months*, ascending month ends."""
        # FILL IN: ask for the processed payrolls of these months, in as many calls as the
        # provider's longest range and its pages need. See "Payrolls", "Pay runs" or "Payroll
        # reports". Off-cycle payrolls, corrections and reversals count too.
        wanted = f"{months[0]} to {months[-1]}"
        raise PayloadError(f"DemoPay: fill in adapter._fetch_payrolls ({wanted})")
