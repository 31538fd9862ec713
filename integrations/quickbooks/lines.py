"""Reports of several ranges joined into one line for each account and total. Pure."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import date
from decimal import Decimal

from integrations.contracts import LineKind, StatementLine, join_lines
from integrations.quickbooks.reports import Report, ReportRow

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
