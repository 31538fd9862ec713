"""Profit and loss, balance sheet and trial balance of some books, in Xero's JSON."""

from collections.abc import Callable, Iterable, Sequence
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from integrations.sandbox_kit.books import RETAINED_EARNINGS, Account, AccountKind, Books
from integrations.xero.sandbox.parameters import ReportParameters, Window

CURRENT_YEAR_EARNINGS_ID = "abababab-abab-abab-abab-abababababab"
"""What Xero gives the one account row that is no account."""

_Json = dict[str, Any]
_Figures = list[Decimal]
_FLOWS = (
    (AccountKind.INCOME, "Income", "Total Income"),
    (AccountKind.COST_OF_SALES, "Less Cost of Sales", "Total Cost of Sales"),
    (AccountKind.OTHER_INCOME, "Plus Other Income", "Total Other Income"),
    (AccountKind.EXPENSE, "Less Operating Expenses", "Total Operating Expenses"),
)
_ALWAYS_SHOWN = {AccountKind.INCOME, AccountKind.EXPENSE}
_ASSETS = (
    (AccountKind.BANK, "Bank"),
    (AccountKind.CURRENT_ASSET, "Current Assets"),
    (AccountKind.FIXED_ASSET, "Fixed Assets"),
)
_LIABILITIES = (
    (AccountKind.CURRENT_LIABILITY, "Current Liabilities"),
    (AccountKind.LONG_TERM_LIABILITY, "Non-Current Liabilities"),
)
_MONTHS = (
    *("January", "February", "March", "April", "May", "June"),
    *("July", "August", "September", "October", "November", "December"),
)


def profit_and_loss(books: Books, parameters: ReportParameters) -> _Json:
    """Return the report: each column has the postings of its window."""
    windows = parameters.windows
    rows = [
        _header(f"{last.day} {_MONTHS[last.month - 1][:3]} {last:%y}" for _first, last in windows)
    ]
    sums: dict[AccountKind, _Figures] = {}
    for kind, title, total in _FLOWS:
        section, sums[kind] = _section(
            title, total, _accounts(books, kind, windows, books.movement), len(windows)
        )
        if len(section["Rows"]) > 1 or kind in _ALWAYS_SHOWN:
            rows.append(section)
        if kind is AccountKind.COST_OF_SALES:
            gross = _less(sums[AccountKind.INCOME], sums[kind])
            rows.append(_untitled(_row("Row", "Gross Profit", gross)))
    gains = _plus(gross, sums[AccountKind.OTHER_INCOME])
    net = _less(gains, sums[AccountKind.EXPENSE])
    rows.append(_untitled(_row("Row", "Net Profit", net)))
    first, last = parameters.base
    return _report(
        "ProfitAndLoss", "Profit & Loss", books, f"{_long(first)} to {_long(last)}", rows
    )


def balance_sheet(books: Books, parameters: ReportParameters) -> _Json:
    """Return the report: each column has the balances at the end of its day."""
    windows = parameters.windows
    rows = [_header(f"{day.day} {_MONTHS[day.month - 1][:3]} {day.year}" for day, _same in windows)]
    totals: list[_Figures] = []
    for heading, kinds in (("Assets", _ASSETS), ("Liabilities", _LIABILITIES)):
        rows.append({"RowType": "Section", "Title": heading, "Rows": []})
        total = [Decimal("0.00")] * len(windows)
        for kind, title in kinds:
            section, figures = _section(
                title,
                f"Total {title}",
                _accounts(books, kind, windows, _balance_of(books)),
                len(windows),
            )
            if len(section["Rows"]) > 1:
                rows.append(section)
                total = _plus(total, figures)
        rows.append(_untitled(_row("SummaryRow", f"Total {heading}", total)))
        totals.append(total)
    rows.append(_untitled(_row("Row", "Net Assets", _less(*totals))))
    rows.append(_section("Equity", "Total Equity", _equity(books, windows), len(windows))[0])
    title = f"As at {_long(parameters.base[1])}"
    return _report("BalanceSheet", "Balance Sheet", books, title, rows)


def trial_balance(books: Books, parameters: ReportParameters) -> _Json:
    """Return the report: the month's and the year's debits and credits."""
    first, last = parameters.base
    start = books.year_start(last)
    rows = [_header(("Debit", "Credit", "YTD Debit", "YTD Credit"), corner="Account")]
    sums = [Decimal("0.00")] * 4
    for title, kinds in (
        ("Revenue", (AccountKind.INCOME, AccountKind.OTHER_INCOME)),
        ("Expenses", (AccountKind.COST_OF_SALES, AccountKind.EXPENSE)),
        ("Assets", tuple(kind for kind, _title in _ASSETS)),
        ("Liabilities", tuple(kind for kind, _title in _LIABILITIES)),
        ("Equity", (AccountKind.EQUITY,)),
    ):
        section: list[_Json] = []
        for account in sorted(books.accounts, key=lambda item: item.name.casefold()):
            flow = account.kind.in_profit_and_loss
            if account.kind not in kinds:
                continue
            month = books.movement(account.id, first, last) * account.kind.sign
            year = account.kind.sign * (
                books.movement(account.id, start, last) if flow else books.balance(account.id, last)
            )
            if month == year == 0:
                continue
            cells = [*_sides(month), *_sides(year)]
            sums = [total + (cell or 0) for total, cell in zip(sums, cells, strict=True)]
            section.append(
                _row("Row", f"{account.name} ({account.code})", cells, _attributes(account.id))
            )
        rows.append({"RowType": "Section", "Title": title, "Rows": section})
    rows.append(_untitled(_row("SummaryRow", "Total", sums)))
    return _report("TrialBalance", "Trial Balance", books, f"As at {_long(last)}", rows)


def _accounts(
    books: Books,
    kind: AccountKind,
    windows: Sequence[Window],
    figure: Callable[[str, date, date], Decimal],
) -> list[tuple[_Json, _Figures]]:
    """Return the rows of one kind; an account that is 0 in all columns is left out."""
    found = []
    for account in sorted(books.accounts, key=lambda item: item.name.casefold()):
        if account.kind is kind:
            figures = [figure(account.id, first, last) for first, last in windows]
            if any(figures):
                found.append((_account_row(account, figures), figures))
    return found


def _equity(books: Books, windows: Sequence[Window]) -> list[tuple[_Json, _Figures]]:
    days = [day for day, _same in windows]
    found = _accounts(books, AccountKind.EQUITY, windows, _balance_of(books))
    earnings = [books.current_year_earnings(day) for day in days]
    years = [(_us(books.year_start(day)), _us(day)) for day in days]
    row = _row("Row", "Current Year Earnings", earnings, _attributes(CURRENT_YEAR_EARNINGS_ID))
    _add_dates(row, years)
    found.append((row, earnings))
    retained = _attributes(books.account(RETAINED_EARNINGS).id)
    for other, _figures in found:
        if other["Cells"][0]["Attributes"] == retained:
            ends = [_us(books.year_start(day) - timedelta(days=1)) for day in days]
            _add_dates(other, [("", end) for end in ends])
    return sorted(found, key=lambda pair: pair[0]["Cells"][0]["Value"].casefold())


def _add_dates(row: _Json, dates: Sequence[tuple[str, str]]) -> None:
    for cell, (first, last) in zip(row["Cells"][1:], dates, strict=True):
        cell["Attributes"] = [
            *cell["Attributes"],
            {"Value": first, "Id": "fromDate"},
            {"Value": last, "Id": "toDate"},
        ]


def _section(
    title: str, total: str, accounts: list[tuple[_Json, _Figures]], width: int
) -> tuple[_Json, _Figures]:
    sums = [Decimal("0.00")] * width
    for _shown, figures in accounts:
        sums = _plus(sums, figures)
    rows = [row for row, _figures in accounts]
    rows.append(_row("SummaryRow", total, sums))
    return {"RowType": "Section", "Title": title, "Rows": rows}, sums


def _balance_of(books: Books) -> Callable[[str, date, date], Decimal]:
    return lambda account_id, _first, last: books.balance(account_id, last)


def _account_row(account: Account, figures: _Figures) -> _Json:
    return _row("Row", account.name, figures, _attributes(account.id))


def _attributes(account_id: str) -> list[_Json]:
    return [{"Value": account_id, "Id": "account"}]


def _row(
    row_type: str,
    label: str,
    figures: Sequence[Decimal | None],
    attributes: list[_Json] | None = None,
) -> _Json:
    texts = [label, *("" if figure is None else f"{figure:.2f}" for figure in figures)]
    if attributes is None:
        return {"RowType": row_type, "Cells": [{"Value": text} for text in texts]}
    return {
        "RowType": row_type,
        "Cells": [{"Value": text, "Attributes": attributes} for text in texts],
    }


def _untitled(row: _Json) -> _Json:
    return {"RowType": "Section", "Title": "", "Rows": [row]}


def _header(labels: Iterable[str], *, corner: str = "") -> _Json:
    return {"RowType": "Header", "Cells": [{"Value": text} for text in (corner, *labels)]}


def _report(kind: str, name: str, books: Books, dates: str, rows: list[_Json]) -> _Json:
    return {
        "ReportID": kind,
        "ReportName": name.replace("&", "and"),
        "ReportType": kind,
        "ReportTitles": [name, books.company.name, dates],
        "ReportDate": _long(books.today),
        "Fields": [],
        "Rows": rows,
    }


def _sides(debit: Decimal) -> tuple[Decimal | None, Decimal | None]:
    return (debit, None) if debit >= 0 else (None, -debit)


def _plus(one: _Figures, other: _Figures) -> _Figures:
    return [a + b for a, b in zip(one, other, strict=True)]


def _less(one: _Figures, other: _Figures) -> _Figures:
    return [a - b for a, b in zip(one, other, strict=True)]


def _long(day: date) -> str:
    return f"{day.day} {_MONTHS[day.month - 1]} {day.year}"


def _us(day: date) -> str:
    return f"{day.month}/{day.day}/{day.year}"
