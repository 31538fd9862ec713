"""
Which report queries give which months. Pure planning.

Xero fills column *k* of a report with the base window, both ends moved back *k* months, the
day of the month kept and clipped to short months. A base window that ends on a 30th hence
cuts the last day off every month of 31 days. Only "the 1st to the 31st of one month" makes
every column a calendar month.
Source: the note on "30-day base month" at
https://developer.xero.com/documentation/api/accounting/reports
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date

from integrations.contracts import Statement, add_months, month_ends, month_start

MOST_PERIODS = 11
"""Comparison columns that one call may ask for; the answer has one more."""
_LONG = 31


@dataclass(frozen=True, slots=True)
class ReportQuery:
    """
    One report call.

    Attributes:
        base: First and last day of the newest column; equal days for a balance sheet,
            which is a state on a day.
        columns: Month end of every column that must come back, newest first.
        wanted: Those of *columns* that were asked for; the others are by-products.
    """

    statement: Statement
    base: tuple[date, date]
    columns: tuple[date, ...]
    wanted: frozenset[date]

    @property
    def path(self) -> str:
        """Path below the host root."""
        name = {
            Statement.PROFIT_AND_LOSS: "ProfitAndLoss",
            Statement.BALANCE_SHEET: "BalanceSheet",
        }[self.statement]
        return f"api.xro/2.0/Reports/{name}"

    @property
    def params(self) -> dict[str, str | int]:
        """Query parameters. `standardLayout` leaves aside what people arranged for themselves."""
        first, last = self.base
        params: dict[str, str | int]
        if self.statement is Statement.PROFIT_AND_LOSS:
            params = {"fromDate": first.isoformat(), "toDate": last.isoformat()}
        else:
            params = {"date": last.isoformat()}
        if len(self.columns) > 1:
            params |= {"periods": len(self.columns) - 1, "timeframe": "MONTH"}
        return params | {"standardLayout": "true"}


def plan_queries(statement: Statement, first: date, last: date) -> tuple[ReportQuery, ...]:
    """
    Return the fewest calls that cover the months of *first* to *last*, newest first.

    24 months cost two calls, and three for a profit and loss whose last month is short;
    11 months always cost one.

    Raises:
        ValueError: If *first* lies in a month after that of *last*.
    """
    months = month_ends(first, last)
    if not months:
        raise ValueError(f"expected {first} to lie in a month that is not after {last}")
    plan = _profit_and_loss if statement is Statement.PROFIT_AND_LOSS else _balance_sheet
    return tuple(plan(months))


def _profit_and_loss(months: tuple[date, ...]) -> Iterator[ReportQuery]:
    """Use a month of 31 days as base: the last one wanted, or else the one after it."""
    left = months
    while left:
        newest = left[-1]
        alone = len(left) == 1
        if newest.day != _LONG and not alone:
            # A short month is always followed by one of 31 days. Its own column is dropped.
            newest = add_months(newest, 1)
        columns = _columns(newest, first=left[0])
        wanted = frozenset(columns) & frozenset(left)
        yield ReportQuery(Statement.PROFIT_AND_LOSS, (month_start(newest), newest), columns, wanted)
        left = tuple(month for month in left if month not in wanted)


def _balance_sheet(months: tuple[date, ...]) -> Iterator[ReportQuery]:
    """Ask for at least one comparison column: without, Xero adds the year before."""
    left = months
    while left:
        newest = left[-1]
        columns = _columns(newest, first=min(left[0], add_months(newest, -1)))
        wanted = frozenset(columns) & frozenset(left)
        yield ReportQuery(Statement.BALANCE_SHEET, (newest, newest), columns, wanted)
        left = tuple(month for month in left if month not in wanted)


def _columns(newest: date, *, first: date) -> tuple[date, ...]:
    oldest = max(first, add_months(newest, -MOST_PERIODS))
    return tuple(reversed(month_ends(oldest, newest)))
