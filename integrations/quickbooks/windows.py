"""
Which report queries give which months. Pure planning.

A report has a column for each month of its range (`summarize_column_by=Month`), so a query is
a run of whole calendar months.
https://developer.intuit.com/app/developer/qbo/docs/workflows/run-reports
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date

from integrations.contracts import Statement, month_end, month_ends, month_start

MOST_MONTHS = 12
"""
Months that one call asks for.

Intuit advises six and sets no limit but that of 400,000 cells; far longer ranges have worked.
A company for which twelve are too many is asked for fewer, see `ReportQuery.parts`.
"""
MINOR_VERSION = 75
"""What every request gets since August 2025, whatever it asks for; named to say so."""


@dataclass(frozen=True, slots=True)
class ReportQuery:
    """
    One report call.

    Attributes:
        months: Month ends, ascending and without a gap; a column of each must come back.
        running: End of the month that has not ended yet; its column may end earlier.
    """

    statement: Statement
    months: tuple[date, ...]
    running: date

    @property
    def report(self) -> str:
        """The report's name at QuickBooks."""
        return {
            Statement.PROFIT_AND_LOSS: "ProfitAndLoss",
            Statement.BALANCE_SHEET: "BalanceSheet",
        }[self.statement]

    @property
    def range(self) -> tuple[date, date]:
        """First and last day asked for."""
        return month_start(self.months[0]), self.months[-1]

    @property
    def params(self) -> dict[str, str | int]:
        """Query parameters. Without both dates QuickBooks answers for another range."""
        first, last = self.range
        return {
            "start_date": first.isoformat(),
            "end_date": last.isoformat(),
            "accounting_method": "Accrual",  # the default is the company's own preference
            "summarize_column_by": "Month",
            "minorversion": MINOR_VERSION,
        }

    def parts(self, most: int) -> tuple["ReportQuery", ...]:
        """Return queries of at most *most* months for the same range, newest first."""
        return tuple(
            ReportQuery(self.statement, months, self.running) for months in _runs(self.months, most)
        )


def plan_query(statement: Statement, first: date, today: date) -> ReportQuery:
    """
    Return the query for every month from that of *first* to the running one.

    It may be longer than one call; `ReportQuery.parts` cuts it. 24 months cost two calls.

    Raises:
        ValueError: If *first* lies in a month after that of *today*.
    """
    months = month_ends(first, today)
    if not months:
        raise ValueError(f"expected {first} to lie in a month that is not after {today}")
    return ReportQuery(statement, months, month_end(today))


def _runs(months: tuple[date, ...], most: int) -> Iterator[tuple[date, ...]]:
    while months:
        yield months[-most:]
        months = months[:-most]
