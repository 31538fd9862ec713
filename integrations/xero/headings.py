"""
What a report says about itself: its title's window and its column labels.

Both are compared with the request, so that figures of other months are refused rather
than stored under the months we meant.
"""

import re
from collections.abc import Sequence
from datetime import date
from typing import Any

from integrations.contracts import PayloadError, Statement, month_start
from integrations.xero.windows import ReportQuery

_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_DAY = r"(\d{1,2}) ([A-Za-z]{3,9}) (\d{4}|\d{2})"
_DATE = re.compile(_DAY)
_RANGE = re.compile(rf"{_DAY} to {_DAY}", re.IGNORECASE)
_MONTH_ENDED = re.compile(rf"for the month ended {_DAY}", re.IGNORECASE)
_AS_AT = re.compile(rf"as (?:at|of) {_DAY}", re.IGNORECASE)
_TITLE_INDEX = 2
_CENTURY = 2000


def check_title(titles: Any, query: ReportQuery, *, where: str) -> None:
    """
    Compare the third title line with the base window of *query*.

    Raises:
        PayloadError: If it names another window (both are named), or none.
    """
    texts = titles if isinstance(titles, list) else []
    title = texts[_TITLE_INDEX] if len(texts) > _TITLE_INDEX else None
    if not isinstance(title, str):
        raise PayloadError(f"{where}[2]: expected the report's dates, found {_found(title)}")
    window = _window(" ".join(title.split()), query.statement)
    if window is None:
        raise PayloadError(f"{where}[2]: expected {_show(query.base)}, found no dates known to us")
    if window != query.base:
        raise PayloadError(f"{where}[2]: expected {_show(query.base)}, found {_show(window)}")


def check_columns(labels: Sequence[str], query: ReportQuery, *, where: str) -> None:
    """
    Compare the column labels, newest first, with the months that *query* must bring.

    Raises:
        PayloadError: If their number or one of them differs.
    """
    if len(labels) != len(query.columns):
        raise PayloadError(f"{where}: expected {len(query.columns)} columns, found {len(labels)}")
    for index, (label, month) in enumerate(zip(labels, query.columns, strict=True), start=1):
        match = _DATE.fullmatch(label)
        day = _day(*match.groups()) if match else None
        if day != month:
            found = day.isoformat() if day else "no date"
            raise PayloadError(
                f"{where}.Cells[{index}]: expected column {month.isoformat()}, found {found}"
            )


def _window(title: str, statement: Statement) -> tuple[date, date] | None:
    if statement is Statement.BALANCE_SHEET:
        match = _AS_AT.fullmatch(title)
        day = _day(*match.groups()) if match else None
        return (day, day) if day else None
    if match := _MONTH_ENDED.fullmatch(title):
        day = _day(*match.groups())
        return (month_start(day), day) if day else None
    if match := _RANGE.fullmatch(title):
        parts = match.groups()
        first, last = _day(*parts[:3]), _day(*parts[3:])
        return (first, last) if first and last else None
    return None


def _day(day: str, month: str, year: str) -> date | None:
    """Read `31 May 26` and `31 May 2026`; month names are English whatever the country."""
    try:
        number = _MONTHS.index(month[:3].lower()) + 1
        full_year = int(year) + (_CENTURY if len(year) == len("26") else 0)
        return date(full_year, number, int(day))
    except ValueError:
        return None


def _show(window: tuple[date, date]) -> str:
    first, last = window
    return last.isoformat() if first == last else f"{first.isoformat()} to {last.isoformat()}"


def _found(value: Any) -> str:
    return "none" if value is None else type(value).__name__
