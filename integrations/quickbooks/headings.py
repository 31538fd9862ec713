"""
What a report says about itself: name, range, basis, currency, and the month of each column.

All of it is compared with the request, so that figures of other months are refused rather
than stored under the months we meant. Column titles are not read: they are in the company's
language. Each column's `MetaData` has its first and last day.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from integrations.contracts import PayloadError, Statement, month_end, month_start
from integrations.quickbooks.shapes import expect_list, expect_object
from integrations.quickbooks.windows import ReportQuery

_CURRENCY = re.compile(r"[A-Z]{3}")


@dataclass(frozen=True, slots=True)
class Heading:
    """
    The facts of a report's header.

    Attributes:
        currency: ISO 4217 code of all its figures: the company's home currency.
        has_data: False if QuickBooks says that no account has a figure in the range
            (`NoReportData`). Columns and rows may then be missing.
    """

    currency: str
    has_data: bool


def read_heading(payload: Mapping[str, Any], query: ReportQuery) -> Heading:
    """
    Return the header's facts.

    Raises:
        PayloadError: If the report is another one than asked for, naming both.
    """
    where = f"{query.report}: Header"
    header = expect_object(payload.get("Header"), where)
    first, last = query.range
    expected = {"ReportName": query.report, "ReportBasis": "Accrual"}
    if "SummarizeColumnsBy" in header:
        expected["SummarizeColumnsBy"] = "Month"
    # What a balance sheet names as its start is not documented; its columns are checked.
    if query.statement is Statement.PROFIT_AND_LOSS:
        expected["StartPeriod"] = first.isoformat()
    expected["EndPeriod"] = last.isoformat()
    options = _named(header.get("Option"), f"{where}.Option")
    has_data = options.get("NoReportData", "").lower() != "true"
    for key, value in expected.items():
        found = header.get(key)
        if found != value and not (found is None and not has_data):
            raise PayloadError(f"{where}.{key}: expected {value!r}, found {_shown(found)}")
    currency = header.get("Currency")
    if not isinstance(currency, str) or not _CURRENCY.fullmatch(currency):
        raise PayloadError(
            f"{where}.Currency: expected a code such as 'USD', "
            f"found {'other text' if isinstance(currency, str) else type(currency).__name__}"
        )
    return Heading(currency=currency, has_data=has_data)


@dataclass(frozen=True, slots=True)
class Columns:
    """
    Where the figures stand in a row's cells.

    Attributes:
        count: Cells of a full row, that of the label and the total's included.
        months: Cell of each month of the query, in its order.
    """

    count: int
    months: tuple[int, ...]


def read_columns(payload: Mapping[str, Any], query: ReportQuery) -> Columns:
    """
    Return the cells that hold the query's months.

    Raises:
        PayloadError: If the columns are not exactly these months and, at most, a total.
    """
    where = f"{query.report}: Columns.Column"
    columns = expect_list(expect_object(payload.get("Columns"), where).get("Column"), where)
    found = list(_month_columns(columns, where))
    if len(found) != len(query.months):
        raise PayloadError(
            f"{where}: expected {len(query.months)} months, found {len(found)} columns"
        )
    for (index, window), month in zip(found, query.months, strict=True):
        if not _shows(window, month, query):
            first, last = window
            raise PayloadError(
                f"{where}[{index}]: expected {month_start(month)} to {month}, "
                f"found {first} to {last}"
            )
    return Columns(count=len(columns), months=tuple(index for index, _window in found))


def _month_columns(columns: list[Any], where: str) -> Iterator[tuple[int, tuple[date, date]]]:
    for index, column in enumerate(columns):
        here = f"{where}[{index}]"
        item = expect_object(column, here)
        if item.get("ColType") != "Money":
            if index > 0:
                raise PayloadError(f"{here}.ColType: expected 'Money', found another type")
            continue
        meta = _named(item.get("MetaData"), f"{here}.MetaData")
        if meta.get("ColKey", "").lower() == "total":
            continue
        yield index, (_day(meta, "StartDate", here), _day(meta, "EndDate", here))


def _shows(window: tuple[date, date], month: date, query: ReportQuery) -> bool:
    """Whether a column's figures are those of a whole month, as far as it has come."""
    first, last = window
    if query.statement is Statement.BALANCE_SHEET:
        starts = first <= last  # a balance is that of the last day, whenever it began
    else:
        starts = first == month_start(month)
    partial = month == query.running and month_end(last) == month
    return starts and (last == month or partial)


def _day(meta: Mapping[str, str], name: str, where: str) -> date:
    try:
        return date.fromisoformat(meta.get(name, ""))
    except ValueError:
        found = "other text" if name in meta else "none"
        raise PayloadError(f"{where}.MetaData: expected a date as {name}, found {found}") from None


def _named(value: Any, where: str) -> dict[str, str]:
    """Return a list of `{"Name", "Value"}` as a mapping."""
    items = [expect_object(item, where) for item in expect_list(value, where)]
    return {str(item.get("Name")): str(item.get("Value") or "") for item in items}


def _shown(value: Any) -> str:
    if isinstance(value, str) and re.fullmatch(r"[\w-]{1,40}", value, re.ASCII):
        return repr(value)
    return "none" if value is None else f"another {type(value).__name__}"
