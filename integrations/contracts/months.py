"""Month arithmetic. A month is represented by its last day."""

import calendar
from collections.abc import Iterator
from datetime import date


def month_end(day: date) -> date:
    """Return the last day of the month of *day*."""
    return day.replace(day=calendar.monthrange(day.year, day.month)[1])


def month_start(day: date) -> date:
    """Return the first day of the month of *day*."""
    return day.replace(day=1)


def add_months(day: date, months: int) -> date:
    """Return the last day of the month *months* after that of *day*; negative counts go back."""
    index = day.year * 12 + (day.month - 1) + months
    return month_end(date(index // 12, index % 12 + 1, 1))


def month_ends(first: date, last: date) -> tuple[date, ...]:
    """Return the month ends from the month of *first* to that of *last*, ascending."""
    return tuple(_iter_month_ends(first, last))


def months_back(today: date, count: int) -> date:
    """Return the month end that starts a range of *count* months ending with that of *today*."""
    return add_months(today, 1 - count)


def _iter_month_ends(first: date, last: date) -> Iterator[date]:
    current = month_end(first)
    while current <= month_end(last):
        yield current
        current = add_months(current, 1)
