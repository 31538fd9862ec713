"""Reports of several windows joined into one line for each account and total. Pure."""

from collections import Counter
from collections.abc import Hashable, Sequence
from datetime import date
from decimal import Decimal

from integrations.contracts import LineKind, StatementLine
from integrations.xero.reports import Report, ReportRow

_Values = dict[date, Decimal | None]


def join_reports(reports: Sequence[Report], dates: Sequence[date]) -> tuple[StatementLine, ...]:
    """
    Return the lines of one statement over *dates*.

    Accounts are joined by id, totals by section and label. Xero leaves out what has no
    figure in any column of a window, so an account or section total that is absent from a
    window is 0 there; an absent computed total is None.

    Args:
        reports: Newest window first: its labels, sections and order win.
        dates: Month ends, ascending; every one is wanted by exactly one report.
    """
    order: list[Hashable] = []
    newest: dict[Hashable, ReportRow] = {}
    values: dict[Hashable, _Values] = {}
    for report in reports:
        position = -1
        for key, row in _keyed(report.rows):
            if key in newest:
                position = order.index(key)
            else:
                position += 1
                order.insert(position, key)
                newest[key] = row
                values[key] = {}
            columns = zip(report.query.columns, row.values, strict=True)
            values[key].update({m: v for m, v in columns if m in report.query.wanted})
    statement = reports[0].query.statement
    return tuple(
        StatementLine(
            statement=statement,
            section=newest[key].section,
            account_id=newest[key].account_id,
            label=newest[key].label,
            kind=newest[key].kind,
            values={day: values[key].get(day, _absent(newest[key].kind)) for day in dates},
        )
        for key in order
    )


def _absent(kind: LineKind) -> Decimal | None:
    return None if kind is LineKind.COMPUTED_TOTAL else Decimal(0)


def _keyed(rows: Sequence[ReportRow]) -> list[tuple[Hashable, ReportRow]]:
    seen: Counter[Hashable] = Counter()
    keyed: list[tuple[Hashable, ReportRow]] = []
    for row in rows:
        key: Hashable
        if row.account_id is not None:
            key = row.account_id.lower()
        else:
            section = tuple(title.casefold() for title in row.section)
            name = (row.kind, section, row.label.casefold())
            key = (name, seen[name])
            seen[name] += 1
        keyed.append((key, row))
    return keyed
