"""`QuickBooksFetchAdapter`: which requests, in which order."""

from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import date
from decimal import Decimal
from types import MappingProxyType
from typing import ClassVar

from integrations.contracts import (
    ALL_STATEMENTS,
    AccessDeniedError,
    AccountingFetchAdapter,
    Answer,
    DataBatch,
    LineKind,
    PayloadError,
    ReconnectRequiredError,
    RequestRefusedError,
    Statement,
    StatementLine,
    TooSlowError,
    join_lines,
    month_ends,
)
from integrations.quickbooks.company import company_path, parse_closing_date
from integrations.quickbooks.proofs import prove
from integrations.quickbooks.reports import Report, ReportRow, TooMuchDataError, parse_report
from integrations.quickbooks.windows import MINOR_VERSION, MOST_MONTHS, ReportQuery, plan_query

_PAGE = "https://app.qbo.intuit.com/app/reportv2?token="

REPORT_URLS: Mapping[Statement, str] = MappingProxyType(
    {
        Statement.PROFIT_AND_LOSS: f"{_PAGE}PANDL",
        Statement.BALANCE_SHEET: f"{_PAGE}BAL_SHEET",
    }
)


_ZERO = Decimal(0)


def join_reports(reports: Sequence[Report], dates: Sequence[date]) -> tuple[StatementLine, ...]:
    """
    Return the lines of one statement over *dates*.

    A parent account whose sub-accounts have no figure in a report's range is listed there like
    any other account, without a total. The total that other ranges have is then what was
    posted to the account itself.

    Args:
        reports: Newest range first: its labels, sections and order win.
        dates: Month ends, ascending; every one is covered by exactly one report.
    """
    totals: dict[str, ReportRow] = {}
    for report in reports:
        for row in report.rows:
            if row.parent_id is not None:
                totals.setdefault(row.parent_id, row)
    ranges = [
        [row.line(report.query) for row in _with_totals(report.rows, totals)] for report in reports
    ]
    return tuple(_without_gaps(line) for line in join_lines(ranges, dates))


def _with_totals(rows: Sequence[ReportRow], totals: Mapping[str, ReportRow]) -> Iterator[ReportRow]:
    """Give parents that are listed alone the total that they have in another range."""
    listed = {row.parent_id for row in rows}
    for row in rows:
        # The newest total wins wholly: sections and labels tell totals apart.
        if row.parent_id is not None:
            yield replace(totals[row.parent_id], values=row.values)
            continue
        yield row
        total = totals.get(row.account_id or "")
        if total is not None and row.account_id not in listed:
            yield replace(total, values=row.values)


def _without_gaps(line: StatementLine) -> StatementLine:
    """Make the total of a parent account 0 where neither it nor a sub-account is listed."""
    if line.kind is not LineKind.COMPUTED_TOTAL or not line.section:
        return line
    values = {day: _ZERO if value is None else value for day, value in line.values.items()}
    return line.model_copy(update={"values": values})


_SLOW_TRIES = 2
"""A report that takes too long twice is asked for in halves: waiting longer helps nobody."""


class QuickBooksFetchAdapter(AccountingFetchAdapter):
    """
    Fetches the monthly profit and loss and the month-end balance sheets, on accrual basis.

    Each statement costs a call for every twelve months, fewer months where the company has
    too much data for that. One more call reads the closing date of the books.
    """

    name: ClassVar[str] = "QuickBooks"

    @classmethod
    def planned_calls(cls, from_date: date, today: date) -> int:
        """Return the calls of both statements in whole years, and one for the preferences."""
        queries = (plan_query(item, from_date, today) for item in Statement)
        return 1 + sum(len(query.parts(MOST_MONTHS)) for query in queries)

    async def get_data(
        self, from_date: date, *, statements: frozenset[Statement] = ALL_STATEMENTS
    ) -> DataBatch:
        """
        Return every month from the month of *from_date* to the running one, on accrual basis.

        Raises:
            IntegrationError: The leaf that says what to do; see `contracts.errors`.
            ValueError: If *from_date* lies in a month after the running one.
        """
        queries = [
            plan_query(statement, from_date, self.today)
            for statement in Statement
            if statement in statements
        ]
        lock_date = await self._closing_date()
        dates = month_ends(from_date, self.today)
        currencies: set[str] = set()
        lines: list[StatementLine] = []
        for query in queries:
            reports = await self._reports(query)
            currencies.update(report.currency for report in reports)
            lines.extend(join_reports(reports, dates))
        if len(currencies) != 1:
            raise PayloadError(
                "QuickBooks: Header.Currency: expected one currency in all reports, "
                f"found {len(currencies)}"
            )
        return DataBatch(
            integration=self.integration,
            tenant_id=self.client.tenant_id,
            tenant_name=self.client.tenant_name,
            currency=currencies.pop(),
            basis="accrual",
            dates=dates,
            statements=statements,
            lock_date=lock_date,
            lines=tuple(lines),
            report_urls=dict(REPORT_URLS),
        )

    async def _reports(self, query: ReportQuery) -> list[Report]:
        """Return proven reports that cover *query*, newest first, in as few calls as succeed."""
        most = MOST_MONTHS
        reports: list[Report] = []
        waiting = deque(query.parts(most))
        while waiting:
            part = waiting.popleft()
            if len(part.months) > most:
                waiting.extendleft(reversed(part.parts(most)))
                continue
            try:
                report = await self._report(part)
            except (TooSlowError, TooMuchDataError):
                if len(part.months) == 1:
                    raise
                most = (len(part.months) + 1) // 2
                waiting.appendleft(part)
                continue
            prove(report)
            reports.append(report)
        return reports

    async def _report(self, query: ReportQuery) -> Report:
        alone = len(query.months) == 1
        answer = await self._get(
            f"reports/{query.report}", query.params, slow_tries=None if alone else _SLOW_TRIES
        )
        return parse_report(answer.payload, query)

    async def _closing_date(self) -> date | None:
        """Return the last closed day; None too where the company's preferences are not shown."""
        try:
            answer = await self._get("preferences", {"minorversion": MINOR_VERSION})
        except RequestRefusedError:
            return None
        return parse_closing_date(answer.payload)

    async def _get(
        self, rest: str, params: Mapping[str, str | int], *, slow_tries: int | None = None
    ) -> Answer:
        realm = self.client.tenant_id
        try:
            return await self.client.get(company_path(realm, rest), params, slow_tries=slow_tries)
        except AccessDeniedError as exc:
            # A company that was disconnected and a report that is not shown are the same 403.
            shown = f"{self.client.tenant_name!r} ({realm})"
            try:
                await self.client.get(
                    company_path(realm, f"companyinfo/{realm}"), {"minorversion": MINOR_VERSION}
                )
            except AccessDeniedError:
                raise ReconnectRequiredError(
                    f"QuickBooks: company {shown} is closed to this app: it was disconnected, its "
                    "subscription has lapsed, or QUICKBOOKS_API_BASE_URL is not the host of its "
                    "kind of company; check the host, then connect again"
                ) from exc
            raise AccessDeniedError(
                f"{exc}; company {shown} is still connected, so the person who connected it may "
                "lack the permission to see its reports"
            ) from exc
