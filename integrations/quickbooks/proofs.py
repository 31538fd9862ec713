"""
Arithmetic that a report must satisfy before its figures are believed. Pure.

A parser that loses a row, or a provider that lists less than it adds up, shows here. Sections
are told apart by QuickBooks' own group names, never by titles.
"""

from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal

from integrations.contracts import LineKind, PayloadError
from integrations.quickbooks.reports import Report, ReportRow

_ZERO = Decimal(0)
_FORMULAS: Mapping[str, Mapping[str, int]] = {
    "GrossProfit": {"Income": 1, "COGS": -1},
    "NetOperatingIncome": {"GrossProfit": 1, "Expenses": -1},
    "NetOtherIncome": {"OtherIncome": 1, "OtherExpenses": -1},
    "NetIncome": {"NetOperatingIncome": 1, "NetOtherIncome": 1},
}
"""What QuickBooks computes, from which groups; a group that is not there counts as 0."""
_KNOWN = frozenset(_FORMULAS) | {name for parts in _FORMULAS.values() for name in parts}
_ASSETS, _LIABILITIES_AND_EQUITY = "TotalAssets", "TotalLiabilitiesAndEquity"


def prove(report: Report) -> None:
    """
    Check all totals of a report.

    * The total of a section, or of a parent account, is the sum of all accounts in it, what
      was posted to parent accounts themselves included.
    * Gross profit, net operating income, net other income and net income follow from the
      sections. Not checked where a report has other sections beside those known to us.
    * Assets equal liabilities and equity.

    Raises:
        PayloadError: Naming statement, total and month.
    """
    totals = [row for row in report.rows if row.kind is not LineKind.ACCOUNT]
    for row in totals:
        if row.closes:
            _prove_sum(row, report)
    groups = {row.group: row for row in totals if row.group}
    if {row.group for row in totals if len(row.place) == 1} <= _KNOWN:
        for name, parts in _FORMULAS.items():
            _prove_formula(name, parts, groups, report)
    if _ASSETS in groups and _LIABILITIES_AND_EQUITY in groups:
        assets, others = groups[_ASSETS], groups[_LIABILITIES_AND_EQUITY]
        what = f"{assets.label!r}: expected {others.label!r}"
        _compare(report, found=assets.values, expected=others.values, what=what)


def _prove_sum(total: ReportRow, report: Report) -> None:
    depth = len(total.place)
    accounts = [
        row
        for row in report.rows
        if row.kind is LineKind.ACCOUNT and row.place[:depth] == total.place
    ]
    _compare(
        report,
        found=total.values,
        expected=_sums((row, 1) for row in accounts),
        what=f"section {' / '.join(total.section)!r}: {total.label!r}: expected the sum of its "
        f"{len(accounts)} accounts",
    )


def _prove_formula(
    name: str, parts: Mapping[str, int], groups: Mapping[str, ReportRow], report: Report
) -> None:
    if name not in groups:
        return
    terms = [(groups[part], sign) for part, sign in parts.items() if part in groups]
    _compare(
        report,
        found=groups[name].values,
        expected=_sums(terms),
        what=f"{groups[name].label!r}: expected what follows from "
        f"{' and '.join(repr(row.label) for row, _sign in terms)}",
    )


def _sums(terms: Iterable[tuple[ReportRow, int]]) -> Sequence[Decimal] | None:
    """Return the sums by month; None where there is nothing to add up."""
    sums: list[Decimal] | None = None
    for row, sign in terms:
        sums = sums or [_ZERO] * len(row.values)
        sums = [
            total + sign * (value or _ZERO) for total, value in zip(sums, row.values, strict=True)
        ]
    return sums


def _compare(
    report: Report,
    *,
    found: Sequence[Decimal | None],
    expected: Sequence[Decimal | None] | None,
    what: str,
) -> None:
    wanted = expected or [_ZERO] * len(found)
    for month, value, other in zip(report.query.months, found, wanted, strict=True):
        if value is not None and other is not None and value != other:
            heading = report.query.statement.heading
            raise PayloadError(f"{heading}: {what} in {month:%Y-%m}, found another amount")
