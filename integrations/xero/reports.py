"""
Report JSON in, typed rows out. Pure: no client, no clock.

The shapes are those of `GET /Reports/ProfitAndLoss` and `/Reports/BalanceSheet`:
https://developer.xero.com/documentation/api/accounting/reports
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

from integrations.contracts import LineKind, PayloadError, Statement, month_start, parse_amount
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


_ZERO = Decimal(0)


@dataclass(frozen=True, slots=True)
class ReportRow:
    """
    One line of one report.

    Attributes:
        section: Titles around it, outermost first, blanks trimmed; untitled ones left out.
        account_id: None for totals.
        values: One for each column, newest first. Empty cells of accounts and section
            totals are 0 (Xero leaves out what did not move), of computed totals None.
        place: Positions of the sections around it, outermost first. Unlike titles they are
            distinct.
    """

    section: tuple[str, ...]
    account_id: str | None
    label: str
    kind: LineKind
    values: tuple[Decimal | None, ...]
    place: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Report:
    """A report whose title and column labels are those that were asked for."""

    query: ReportQuery
    rows: tuple[ReportRow, ...]


def parse_report(payload: Any, query: ReportQuery) -> Report:
    """
    Return the rows of the answer to *query*.

    Raises:
        PayloadError: If the answer has another shape, or is about another window or other
            months than asked for.
    """
    name = query.path.rsplit("/", 1)[-1]
    reports = _list(_mapping(payload, name).get("Reports"), f"{name}: Reports")
    if len(reports) != 1:
        raise PayloadError(f"{name}: Reports: expected 1 report, found {len(reports)}")
    report = _mapping(reports[0], f"{name}: Reports[0]")
    check_title(report.get("ReportTitles"), query, where=f"{name}: ReportTitles")
    top = _list(report.get("Rows"), f"{name}: Rows")
    header = next((row for row in top if _type(row) == "Header"), None)
    if header is None:
        raise PayloadError(f"{name}: Rows: expected a row of type Header, found none")
    check_columns(_texts(header, f"{name}: Header")[1:], query, where=f"{name}: Header")
    rows = tuple(_read(top, _Section(), len(query.columns), f"{name}: Rows"))
    _refuse_doubles(rows, name)
    return Report(query=query, rows=rows)


@dataclass(frozen=True, slots=True)
class _Section:
    """The sections around the rows being read."""

    titles: tuple[str, ...] = ()
    place: tuple[int, ...] = ()

    def inner(self, title: Any, position: int) -> "_Section":
        named = (title.strip(),) if isinstance(title, str) and title.strip() else ()
        return _Section((*self.titles, *named), (*self.place, position))


def _read(rows: list[Any], section: _Section, columns: int, where: str) -> Iterator[ReportRow]:
    for index, row in enumerate(rows):
        here = f"{where}[{index}]"
        kind = _type(row)
        if kind == "Section":
            inner = section.inner(row.get("Title"), index)
            yield from _read(_list(row.get("Rows"), f"{here}.Rows"), inner, columns, f"{here}.Rows")
        elif kind in {"Row", "SummaryRow"}:
            yield _row(row, section, columns, here)
        elif kind != "Header":
            raise PayloadError(
                f"{here}.RowType: expected Header, Section, Row or SummaryRow, "
                f"found {'other text' if kind else 'none'}"
            )


def _row(row: Mapping[str, Any], section: _Section, columns: int, here: str) -> ReportRow:
    cells = _list(row.get("Cells"), f"{here}.Cells")
    if len(cells) != columns + 1:
        raise PayloadError(f"{here}.Cells: expected {columns + 1} cells, found {len(cells)}")
    kind, account_id = LineKind.SECTION_TOTAL, None
    if _type(row) == "Row":
        kind, account_id = _identity(cells, here)
    empty = None if kind is LineKind.COMPUTED_TOTAL else _ZERO
    return ReportRow(
        section=section.titles,
        account_id=account_id,
        label=_texts(row, here)[0] or account_id or "",
        kind=kind,
        values=tuple(
            _amount(cell, f"{here}.Cells[{index}]", empty)
            for index, cell in enumerate(cells[1:], start=1)
        ),
        place=section.place,
    )


def _identity(cells: list[Any], place: str) -> tuple[LineKind, str | None]:
    """Tell accounts, which carry attributes, from totals that Xero computes, which do not."""
    found: dict[str, set[str]] = {}
    for index, cell in enumerate(cells):
        where = f"{place}.Cells[{index}]"
        for attribute in _list(_mapping(cell, where).get("Attributes"), f"{where}.Attributes"):
            item = _mapping(attribute, f"{where}.Attributes")
            found.setdefault(str(item.get("Id")), set()).add(str(item.get("Value") or ""))
    for name in ("account", "groupID"):  # groupID: all currency gains, as one line
        ids = found.get(name, set()) - {""}
        if len(ids) > 1:
            raise PayloadError(f"{place}: expected one {name} in all cells, found {len(ids)}")
        if ids:
            return LineKind.ACCOUNT, ids.pop()
    return (LineKind.ACCOUNT if found else LineKind.COMPUTED_TOTAL), None


def _refuse_doubles(rows: tuple[ReportRow, ...], name: str) -> None:
    seen: set[str] = set()
    for row in rows:
        if row.account_id is not None and row.account_id in seen:
            raise PayloadError(
                f"{name}: section {' / '.join(row.section)!r}: expected every account once, "
                f"found account {row.account_id} again"
            )
        seen.add(row.account_id or "")


def _amount(cell: Any, where: str, empty: Decimal | None) -> Decimal | None:
    value = _mapping(cell, where).get("Value")
    if value is None or (isinstance(value, str) and not value.strip()):
        return empty
    return parse_amount(value, where)


def _texts(row: Mapping[str, Any], where: str) -> list[str]:
    cells = _list(row.get("Cells"), f"{where}.Cells")
    texts = [_mapping(cell, where).get("Value") for cell in cells]
    if not texts:
        raise PayloadError(f"{where}.Cells: expected at least one cell, found none")
    return [text.strip() if isinstance(text, str) else "" for text in texts]


def _type(row: Any) -> str:
    kind = row.get("RowType") if isinstance(row, Mapping) else None
    return kind if isinstance(kind, str) else ""


def _mapping(value: Any, where: str) -> Mapping[str, Any]:
    if not isinstance(value, Mapping):
        raise PayloadError(f"{where}: expected an object, found {type(value).__name__}")
    return value


def _list(value: Any, where: str) -> list[Any]:
    """Return a list; Xero leaves out the key of an empty one."""
    if value is None:
        return []
    if not isinstance(value, list):
        raise PayloadError(f"{where}: expected a list, found {type(value).__name__}")
    return value
