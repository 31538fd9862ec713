"""
Query parameters of the report endpoints, read and refused as at Xero.

https://developer.xero.com/documentation/api/accounting/reports
"""

import calendar
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

from integrations.contracts import month_end, month_start

Window = tuple[date, date]
_MONTHS = {"MONTH": 1, "QUARTER": 3, "YEAR": 12}
_MOST_PERIODS = 11
_MOST_DAYS = 365


class BadParameterError(ValueError):
    """Xero answers 400 with this text as its validation message."""


@dataclass(frozen=True, slots=True)
class ReportParameters:
    """
    What a report is to show.

    Attributes:
        windows: First and last day of every column, newest first; for a balance sheet both
            are the day of the balance.
    """

    windows: tuple[Window, ...]

    @property
    def base(self) -> Window:
        """The window that the report's title names."""
        return self.windows[0]


def profit_and_loss_parameters(query: Mapping[str, str], today: date) -> ReportParameters:
    """
    Return the columns of a profit and loss: the base window, and the same moved back in time.

    Both ends are moved by whole months; the day is kept, and clipped in short months.

    Raises:
        BadParameterError: As Xero refuses.
    """
    first = _date(query, "fromDate", month_start(today))
    last = _date(query, "toDate", today)
    if first > last:
        raise BadParameterError("The fromDate must be before the toDate")
    if (last - first).days > _MOST_DAYS:
        raise BadParameterError(
            "The fromDate and toDate parameters must be with 365 days of each other"
        )
    _refuse_cash_basis(query)
    step = _step(query, default="MONTH")
    return ReportParameters(
        tuple(
            (moved_back(first, step * k), moved_back(last, step * k))
            for k in range(_periods(query, default=0) + 1)
        )
    )


def balance_sheet_parameters(query: Mapping[str, str], today: date) -> ReportParameters:
    """
    Return the days of a balance sheet: month ends, going back.

    Raises:
        BadParameterError: As Xero refuses.
    """
    _refuse_cash_basis(query)
    day = month_end(_date(query, "date", today))
    alone = "periods" not in query  # then Xero adds one column, of the year before
    step = _MONTHS["YEAR"] if alone else _step(query, default="MONTH")
    days = [month_end(moved_back(day, step * k)) for k in range(_periods(query, default=1) + 1)]
    return ReportParameters(tuple((day, day) for day in days))


def trial_balance_parameters(query: Mapping[str, str], today: date) -> ReportParameters:
    """
    Return the month of a trial balance.

    Raises:
        BadParameterError: As Xero refuses.
    """
    _refuse_cash_basis(query)
    day = _date(query, "date", today)
    return ReportParameters(((month_start(day), day),))


def moved_back(day: date, months: int) -> date:
    """Return the same day *months* months earlier, or that month's last if it is shorter."""
    index = day.year * 12 + day.month - 1 - months
    year, month = index // 12, index % 12 + 1
    return date(year, month, min(day.day, calendar.monthrange(year, month)[1]))


def _date(query: Mapping[str, str], name: str, default: date) -> date:
    if not query.get(name):
        return default
    try:
        return date.fromisoformat(query[name][:10])
    except ValueError:
        raise BadParameterError(f"The {name} parameter is not a valid date") from None


def _periods(query: Mapping[str, str], *, default: int) -> int:
    if "periods" not in query:
        return default
    text = query["periods"]
    if not text.isdecimal() or not 1 <= int(text) <= _MOST_PERIODS:
        raise BadParameterError("The periods parameter must be between 1 and 11")
    return int(text)


def _step(query: Mapping[str, str], *, default: str) -> int:
    name = query.get("timeframe", default).upper()
    if name not in _MONTHS:
        raise BadParameterError("The timeframe parameter must be MONTH, QUARTER or YEAR")
    return _MONTHS[name]


def _refuse_cash_basis(query: Mapping[str, str]) -> None:
    if query.get("paymentsOnly", "false").lower() == "true":
        raise BadParameterError("paymentsOnly: this sandbox keeps its books on accrual basis only")
