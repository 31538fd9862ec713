"""Ask Gusto for a company's people and payrolls: which requests, in which order."""

from collections.abc import Iterable, Mapping
from datetime import date
from typing import ClassVar

from integrations.contracts import Answer, Employee, PayloadError, PayrollCost, PayrollFetchAdapter
from integrations.gusto.employees import needs_history, paid_by_paycheck, parse_employees
from integrations.gusto.fields import Record, expect_records, expect_text
from integrations.gusto.pay import paychecks_per_year
from integrations.gusto.payrolls import monthly_costs, parse_payrolls, query_ranges

PER_PAGE = 100
"""Objects per page: the most that Gusto gives."""
_MOST_PAGES = 10_000
"""A million people or payrolls; more pages are a mistake, and are not asked for."""


class GustoFetchAdapter(PayrollFetchAdapter):
    """
    People with their pay history, and what the processed payrolls cost.

    Calls: one per 100 people, one per person who was hired again, one if anybody is paid by
    paycheck; for the costs one per 100 payrolls and about nine months.
    """

    name: ClassVar[str] = "Gusto"

    @classmethod
    def planned_calls(cls, from_date: date, today: date) -> int:
        """Return one page of people, and one of payrolls for each range of them."""
        return 1 + sum(1 for _ in query_ranges(from_date, today))

    async def get_data(self, from_date: date) -> list[Employee]:
        """
        Return everybody who has not left before *from_date*'s month, with all job spells.

        Raises:
            AccessDeniedError: If jobs come without pay: the scope `compensations:read` is
                missing.
            IntegrationError: The leaf that says what to do; see `contracts.errors`.
        """
        people = await self._all_pages("employees", {"include": "all_compensations"})
        histories = {}
        for index, person in enumerate(people):
            if needs_history(person, from_date=from_date, today=self.today):
                uuid = expect_text(person, "uuid", f"Gusto: employees[{index}]")
                answer = await self.client.get(f"v1/employees/{uuid}/employment_history")
                histories[uuid] = expect_records(answer.payload, "Gusto: employment_history")
        paychecks = None
        if paid_by_paycheck(people):
            schedules = await self._all_pages("pay_schedules", {})
            paychecks = paychecks_per_year(schedules)
        return parse_employees(
            people, histories=histories, paychecks_per_year=paychecks, from_date=from_date
        )

    async def get_payroll_costs(self, from_date: date) -> list[PayrollCost]:
        """
        Return the cost of each month's processed payrolls, split by the days of their periods.

        Raises:
            IntegrationError: The leaf that says what to do; see `contracts.errors`.
        """
        found: list[Record] = []
        for start, end in query_ranges(from_date, self.today):
            query = {
                "processing_statuses": "processed",
                "payroll_types": "regular,off_cycle,external",
                "include": "totals",
                "date_filter_by": "check_date",
                "start_date": start.isoformat(),
                "end_date": end.isoformat(),
            }
            found += await self._all_pages("payrolls", query)
        return monthly_costs(parse_payrolls(found), from_date=from_date, to_date=self.today)

    async def _all_pages(self, what: str, query: Mapping[str, str]) -> list[Record]:
        """
        Return the objects of all pages of a company's list.

        Paging is always asked for: Gusto says how many pages there are only then. Where it
        does not say, a page that is not full, or that brings nothing new, is the last.
        """
        path = f"v1/companies/{self.client.tenant_id}/{what}"
        found: list[Record] = []
        seen: set[str] = set()
        page = 1
        while True:
            answer = await self.client.get(path, {**query, "page": page, "per": PER_PAGE})
            rows = expect_records(answer.payload, f"Gusto: {what}")
            new = _unseen(rows, seen)
            found += new
            total = _total_pages(answer, what)
            if page >= total if total is not None else len(rows) < PER_PAGE or not new:
                return found
            page += 1


def _unseen(rows: Iterable[Record], seen: set[str]) -> list[Record]:
    """Return the rows whose uuid is not in *seen*, and add theirs to it."""
    new = []
    for row in rows:
        uuid = row.get("uuid") or row.get("payroll_uuid")
        if isinstance(uuid, str):
            if uuid in seen:
                continue
            seen.add(uuid)
        new.append(row)
    return new


def _total_pages(answer: Answer, what: str) -> int | None:
    text = answer.headers.get("x-total-pages")
    if text is None:
        return None
    text = text.strip()
    if not (text.isascii() and text.isdigit()):
        raise PayloadError(
            f"Gusto: {what}: header X-Total-Pages: expected a number, found other text"
        )
    if len(text) > len(str(_MOST_PAGES)) or int(text) > _MOST_PAGES:
        raise PayloadError(
            f"Gusto: {what}: header X-Total-Pages: expected at most {_MOST_PAGES}, found more"
        )
    return int(text)
