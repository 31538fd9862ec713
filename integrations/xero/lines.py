"""Reports of several windows joined into one line for each account and total. Pure."""

from collections.abc import Sequence
from datetime import date

from integrations.contracts import StatementLine, join_lines
from integrations.xero.reports import Report, ReportRow


def join_reports(reports: Sequence[Report], dates: Sequence[date]) -> tuple[StatementLine, ...]:
    """
    Return the lines of one statement over *dates*; see `join_lines`.

    Args:
        reports: Newest window first: its labels, sections and order win.
        dates: Month ends, ascending; every one is wanted by exactly one report.
    """
    return join_lines([[_line(row, report) for row in report.rows] for report in reports], dates)


def _line(row: ReportRow, report: Report) -> StatementLine:
    """Return a row with the months that were asked for; by-products are dropped."""
    query = report.query
    columns = zip(query.columns, row.values, strict=True)
    return StatementLine(
        statement=query.statement,
        section=row.section,
        account_id=row.account_id,
        label=row.label,
        kind=row.kind,
        values={month: value for month, value in columns if month in query.wanted},
    )
