"""Ask DemoPay for people and payrolls: which requests, in which order."""

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any, ClassVar

from integrations.contracts import (
    AccessDeniedError,
    Employee,
    PayloadError,
    PayrollCost,
    PayrollFetchAdapter,
    ReconnectRequiredError,
    month_ends,
)
from integrations.templates.payroll.employees import parse_employees, parse_payrolls

MOST_MONTHS = 12


class DemoPayFetchAdapter(PayrollFetchAdapter):
    """People with their job spells, and what the processed payrolls cost."""

    name: ClassVar[str] = "DemoPay"

    async def get_data(self, from_date: date) -> list[Employee]:
        """
        Return everybody who has not left before *from_date*'s month, with all job spells.

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
        people: list[Any] = []
        page, pages = 1, 1
        while page <= pages:
            answer = await self._get("employees", {"page": page})
            try:
                people += answer["employees"]
                pages = int(answer["pages"])
            except (KeyError, TypeError, ValueError) as exc:
                raise PayloadError("DemoPay: employees: expected people and pages") from exc
            page += 1
        return people

    async def _fetch_payrolls(self, months: Sequence[date]) -> Sequence[Any]:
        """Return the answers with the payrolls of *months*, ascending month ends."""
        answers = []
        for start in range(0, len(months), MOST_MONTHS):
            part = months[start : start + MOST_MONTHS]
            wanted = {"from": f"{part[0]:%Y-%m}", "to": f"{part[-1]:%Y-%m}"}
            answers.append(await self._get("payrolls", wanted))
        return answers

    async def _get(self, what: str, params: Mapping[str, str | int]) -> Any:
        try:
            path = f"v1/companies/{self.client.tenant_id}/{what}"
            return (await self.client.get(path, params)).payload
        except AccessDeniedError as exc:
            listed = (await self.client.get("v1/companies")).payload["companies"]
            if any(item["id"] == self.client.tenant_id for item in listed):
                raise
            raise ReconnectRequiredError(
                "DemoPay: the company is no longer connected; connect it again"
            ) from exc
