"""
Query parameters of the report endpoints, read and refused as at QuickBooks.

https://developer.intuit.com/app/developer/qbo/docs/workflows/run-reports
"""

import calendar
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, timedelta

from integrations.contracts import add_months, month_end

_MONTHS_IN = {"Month": 1, "Quarter": 3, "Year": 12}
_DECEMBER = 12


class BadParameterError(ValueError):
    """QuickBooks answers 400 with this text as the fault's detail."""


@dataclass(frozen=True, slots=True)
class Column:
    """One period: its days and its title."""

    first: date
    last: date
    title: str


@dataclass(frozen=True, slots=True)
class ReportParameters:
    """
    What a report is to show.

    Attributes:
        by: `Total`, `Month`, `Quarter` or `Year`.
        columns: Periods, oldest first; just one for `Total`.
    """

    first: date
    last: date
    by: str
    columns: tuple[Column, ...]


def report_parameters(
    query: Mapping[str, str], *, today: date, year_start: Callable[[date], date]
) -> ReportParameters:
    """
    Return range and columns.

    Both dates must be given: a single one is silently ignored, and the financial year to date
    takes their place.

    Args:
        query: As it came.
        today: Last day of the books.
        year_start: Gives the first day of the financial year of a day.

    Raises:
        BadParameterError: As QuickBooks refuses.
    """
    first, last = year_start(today), today
    if query.get("start_date") and query.get("end_date"):
        first, last = _date(query, "start_date"), _date(query, "end_date")
    if first > last:
        raise BadParameterError("start_date: must not be after end_date")
    if query.get("accounting_method", "Accrual") != "Accrual":
        raise BadParameterError(
            "accounting_method: this sandbox keeps its books on accrual basis only"
        )
    by = query.get("summarize_column_by", "Total")
    if by == "Total":
        return ReportParameters(first, last, by, (Column(first, last, "Total"),))
    if by not in _MONTHS_IN:
        raise BadParameterError(
            "summarize_column_by: this sandbox knows Total, Month, Quarter, Year"
        )
    return ReportParameters(first, last, by, tuple(_periods(first, last, _MONTHS_IN[by])))


def _periods(first: date, last: date, months: int) -> Iterator[Column]:
    """Cut the range at calendar months, quarters or years; its ends may cut periods short."""
    begin = first
    while begin <= last:
        past = (begin.month - 1) % months
        end = min(add_months(begin, months - 1 - past), last)
        yield Column(begin, end, _title(begin, end, months))
        begin = end + timedelta(days=1)


def _title(first: date, last: date, months: int) -> str:
    """Return `Jan 2026`, `Nov 1-24, 2026`, `Jan - Mar, 2026`."""
    name, other = calendar.month_abbr[first.month], calendar.month_abbr[last.month]
    whole = first.day == 1 and last == month_end(last)
    if (first.year, first.month) != (last.year, last.month):
        if whole and months == _DECEMBER:
            return f"{name} - {other} {last.year}"
        inner = (name, other) if whole else (f"{name} {first.day}", f"{other} {last.day}")
        return f"{inner[0]} - {inner[1]}, {last.year}"
    if whole:
        return f"{name} {last.year}"
    return f"{name} {first.day}-{last.day}, {last.year}"


def _date(query: Mapping[str, str], name: str) -> date:
    try:
        return date.fromisoformat(query[name])
    except ValueError:
        raise BadParameterError(f"{name}: expected YYYY-MM-DD") from None
