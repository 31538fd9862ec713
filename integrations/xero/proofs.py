"""
Arithmetic that a report must satisfy before its figures are believed. Pure.

A parser that loses a row, or a provider that lists less than it adds up, shows here.
"""

from collections.abc import Iterable, Sequence
from decimal import Decimal

from integrations.contracts import LineKind, PayloadError
from integrations.xero.reports import Report, ReportRow

ROUNDING = Decimal("0.05")
"""
Xero rounds the year's earnings apart from the rest: in the balance sheet example of its own
API definition, equity is 0.01 below net assets.
"""
_ZERO = Decimal(0)


def prove(report: Report) -> None:
    """
    Check that every section total is the sum of its accounts, and that net assets are equity.

    Raises:
        PayloadError: Naming statement, section and month.
    """
    for row in report.rows:
        if row.kind is LineKind.SECTION_TOTAL:
            _prove_section(row, report)
    _prove_balance(report)


def _prove_section(total: ReportRow, report: Report) -> None:
    depth = len(total.place)
    accounts = [
        row
        for row in report.rows
        if row.kind is LineKind.ACCOUNT and row.place[:depth] == total.place
    ]
    if not accounts and not total.section:
        return  # "Total Assets" stands in an untitled section of its own, after the others
    where = f"section {' / '.join(total.section)!r}: {total.label!r}"
    _compare(
        report,
        found=total.values,
        expected=_sums(accounts, len(total.values)),
        what=f"{where}: expected the sum of its {len(accounts)} accounts",
    )


def _prove_balance(report: Report) -> None:
    net_assets = [
        row
        for row in report.rows
        if row.kind is LineKind.COMPUTED_TOTAL and row.label.casefold() == "net assets"
    ]
    equity = [
        row
        for row in report.rows
        if row.kind is LineKind.SECTION_TOTAL
        and [title.casefold() for title in row.section] == ["equity"]
    ]
    if len(net_assets) == 1 and len(equity) == 1:
        _compare(
            report,
            found=net_assets[0].values,
            expected=equity[0].values,
            what=f"{net_assets[0].label!r}: expected the total of section 'Equity'",
            tolerance=ROUNDING,
        )


def _sums(rows: Iterable[ReportRow], columns: int) -> list[Decimal]:
    sums = [_ZERO] * columns
    for row in rows:
        sums = [total + (value or _ZERO) for total, value in zip(sums, row.values, strict=True)]
    return sums


def _compare(
    report: Report,
    *,
    found: Sequence[Decimal | None],
    expected: Sequence[Decimal | None],
    what: str,
    tolerance: Decimal = _ZERO,
) -> None:
    for month, value, other in zip(report.query.columns, found, expected, strict=True):
        if value is not None and other is not None and abs(value - other) > tolerance:
            heading = report.query.statement.heading
            raise PayloadError(f"{heading}: {what} in {month:%Y-%m}, found another amount")
