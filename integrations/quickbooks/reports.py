"""
Report JSON in, typed rows out. Pure: no client, no clock.

A report is a tree. A section has a `Header` (its title), `Rows`, and a `Summary` (its total);
a row of type `Data` is an account. An account with sub-accounts is a section whose `Header`
carries the account's id **and what was posted to the account itself**: no `Data` row repeats
it, and the section's total includes it. A section of a `Summary` alone is a figure that
QuickBooks computes, such as the gross profit.
https://developer.intuit.com/app/developer/qbo/docs/workflows/run-reports
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any

from integrations.contracts import LineKind, PayloadError, StatementLine, parse_amount
from integrations.quickbooks.headings import Columns, read_columns, read_heading
from integrations.quickbooks.shapes import expect_list, expect_object, text_of
from integrations.quickbooks.windows import ReportQuery

_ZERO = Decimal(0)
_CUT_OFF = "unable to display more data"


class TooMuchDataError(PayloadError):
    """A report ends in the middle, and says so: its range holds more than one answer may."""


@dataclass(frozen=True, slots=True)
class ReportRow:
    """
    One line of one report.

    Attributes:
        section: Titles around it, outermost first, blanks trimmed. A parent account stands
            where it would without sub-accounts; these, and the total of all of them, stand in
            a section of its name.
        account_id: None for totals, and for the rows that QuickBooks gives no id: the year's
            "Net Income" among the equity, and "Unrealized Gain or Loss". These are accounts
            all the same, for the total around them includes them.
        kind: The total of a parent account is a computed one. QuickBooks leaves it out while
            no sub-account has a figure, though the account itself may have some; so, unlike
            that of a section, it is not 0 where it is missing.
        values: One for each month of the query, ascending. Empty cells of accounts and of
            totals that close a section are 0, of all others None.
        place: Positions of the sections around it, outermost first. Unlike titles they are
            distinct. What was posted to a parent account itself is within its section.
        closes: Whether it is the sum of the accounts in its place.
        parent_id: Of a parent account's total, the account's id.
        group: QuickBooks' own name of a total's section, e.g. `Income`; None for accounts and
            for totals of parent accounts.
    """

    section: tuple[str, ...]
    account_id: str | None
    label: str
    kind: LineKind
    values: tuple[Decimal | None, ...]
    place: tuple[int, ...]
    closes: bool = False
    parent_id: str | None = None
    group: str | None = None

    def line(self, query: ReportQuery) -> StatementLine:
        """Return it as a line of the statement, with the months of the *query* it answers."""
        return StatementLine(
            statement=query.statement,
            section=self.section,
            account_id=self.account_id,
            label=self.label,
            kind=self.kind,
            values=dict(zip(query.months, self.values, strict=True)),
        )


@dataclass(frozen=True, slots=True)
class Report:
    """
    A report whose header and columns are those that were asked for.

    Attributes:
        currency: ISO 4217 code of all figures.
    """

    query: ReportQuery
    currency: str
    rows: tuple[ReportRow, ...]


def parse_report(payload: Any, query: ReportQuery) -> Report:
    """
    Return the rows of the answer to *query*; none if the company has no data in its range.

    Raises:
        TooMuchDataError: If QuickBooks cut the report off.
        PayloadError: If the answer has another shape, or is about another report, basis, range
            or other months than asked for.
    """
    name = query.report
    report = expect_object(payload, name)
    top = _children(report.get("Rows"), f"{name}: Rows")
    if _is_cut_off(top):
        raise TooMuchDataError(f"{name}: Rows: expected all rows, found a report cut off")
    heading = read_heading(report, query)
    if not top:
        if heading.has_data:
            raise PayloadError(f"{name}: Rows: expected rows, or NoReportData, found neither")
        return Report(query, heading.currency, ())
    reader = _Reader(read_columns(report, query))
    rows = tuple(reader.read(top, _Section(), f"{name}: Rows"))
    _refuse_doubles(rows, name)
    return Report(query, heading.currency, rows)


@dataclass(frozen=True, slots=True)
class _Section:
    """The sections around the rows being read."""

    titles: tuple[str, ...] = ()
    place: tuple[int, ...] = ()

    def inner(self, title: str, position: int) -> "_Section":
        named = (title,) if title else ()
        return _Section((*self.titles, *named), (*self.place, position))


@dataclass(frozen=True, slots=True)
class _Reader:
    columns: Columns

    def read(self, rows: list[Any], around: _Section, where: str) -> Iterator[ReportRow]:
        for index, item in enumerate(rows):
            here = f"{where}[{index}]"
            row = expect_object(item, here)
            if any(key in row for key in ("Header", "Rows", "Summary")):
                yield from self._section(row, around, index, here)
            elif "ColData" in row:
                yield self._row(_cells(row, here), around, LineKind.ACCOUNT, here)
            else:
                raise PayloadError(f"{here}: expected a section or cells, found neither")

    def _section(
        self, row: Mapping[str, Any], around: _Section, index: int, here: str
    ) -> Iterator[ReportRow]:
        header = _cells(row["Header"], f"{here}.Header") if row.get("Header") else []
        within = around.inner(text_of(header[0].get("value")) if header else "", index)
        inside = _children(row.get("Rows"), f"{here}.Rows")
        if _holds_figures(header):
            own = self._row(header, around, LineKind.ACCOUNT, f"{here}.Header")
            yield replace(own, place=within.place)
        yield from self.read(inside, within, f"{here}.Rows")
        if row.get("Summary"):
            cells = _cells(row["Summary"], f"{here}.Summary")
            parent_id = text_of(header[0].get("id")) if header else ""
            closes = bool(header or inside)
            kind = LineKind.SECTION_TOTAL if closes and not parent_id else LineKind.COMPUTED_TOTAL
            total = self._row(cells, within, kind, f"{here}.Summary", closes=closes)
            group = text_of(row.get("group"))
            yield replace(total, parent_id=parent_id or None, group=group or None)

    def _row(
        self,
        cells: list[Mapping[str, Any]],
        section: _Section,
        kind: LineKind,
        here: str,
        *,
        closes: bool = False,
    ) -> ReportRow:
        if len(cells) != self.columns.count:
            raise PayloadError(
                f"{here}.ColData: expected {self.columns.count} cells, found {len(cells)}"
            )
        is_account = kind is LineKind.ACCOUNT
        account_id = text_of(cells[0].get("id")) if is_account else ""
        empty = _ZERO if is_account or closes else None
        return ReportRow(
            section=section.titles,
            account_id=account_id or None,
            label=text_of(cells[0].get("value")) or account_id,
            kind=kind,
            values=tuple(
                _amount(cells[index], f"{here}.ColData[{index}]", empty)
                for index in self.columns.months
            ),
            place=section.place,
            closes=closes,
        )


def _children(value: Any, where: str) -> list[Any]:
    """Return the rows of `{"Row": [...]}`; an empty report has `{}` or nothing."""
    if value is None:
        return []
    return expect_list(expect_object(value, where).get("Row"), f"{where}.Row")


def _cells(value: Any, where: str) -> list[Mapping[str, Any]]:
    cells = expect_list(expect_object(value, where).get("ColData"), f"{where}.ColData")
    if not cells:
        raise PayloadError(f"{where}.ColData: expected at least one cell, found none")
    return [expect_object(cell, f"{where}.ColData") for cell in cells]


def _holds_figures(header: list[Mapping[str, Any]]) -> bool:
    return any(cell.get("value") not in {None, ""} for cell in header[1:])


def _amount(cell: Mapping[str, Any], where: str, empty: Decimal | None) -> Decimal | None:
    value = cell.get("value")
    if value is None or (isinstance(value, str) and not value.strip()):
        return empty
    return parse_amount(value, where)


def _is_cut_off(value: Any) -> bool:
    """Whether QuickBooks' notice stands in any cell; it comes with status 200."""
    if isinstance(value, str):
        return _CUT_OFF in value.lower()
    if isinstance(value, Mapping):
        return any(_is_cut_off(item) for item in value.values())
    return isinstance(value, list) and any(_is_cut_off(item) for item in value)


def _refuse_doubles(rows: tuple[ReportRow, ...], name: str) -> None:
    seen: set[str] = set()
    for row in rows:
        if row.account_id is not None and row.account_id in seen:
            raise PayloadError(
                f"{name}: section {' / '.join(row.section)!r}: expected every account once, "
                f"found account {row.account_id} again"
            )
        seen.add(row.account_id or "")
