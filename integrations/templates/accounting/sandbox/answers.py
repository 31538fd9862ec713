"""
The emulator's answers, computed from the books.

A report:

    {"months": ["2024-01", "2024-02"],
     "rows": [{"type": "account", "section": "Income", "account_id": "5f0c...", "name": "Sales",
               "amounts": ["1200.00", "0.00"]},
              {"type": "subtotal", "section": "Income", "name": "Total Income", "amounts": [...]},
              {"type": "result", "name": "Net Profit", "amounts": [...]}]}

Amounts are decimal text, positive where they are normal for their section. An account without
a figure in any of the months is left out.
"""

from collections.abc import Callable, Iterable, Sequence
from datetime import date
from decimal import Decimal
from typing import Any

from integrations.contracts import month_end, month_ends, month_start
from integrations.sandbox_kit.books import AccountKind, Books

_Json = dict[str, Any]
_Figures = list[Decimal]
_Figure = Callable[[str, date], Decimal]

MOST_MONTHS = 120
CURRENT_EARNINGS_ID = "current-earnings"
"""Id of the one account row that is no account: the profit of the running financial year."""

_INCOME = ((AccountKind.INCOME, "Income"), (AccountKind.OTHER_INCOME, "Other Income"))
_COSTS = ((AccountKind.COST_OF_SALES, "Cost of Sales"), (AccountKind.EXPENSE, "Expenses"))
_ASSETS = (
    (AccountKind.BANK, "Bank"),
    (AccountKind.CURRENT_ASSET, "Current Assets"),
    (AccountKind.FIXED_ASSET, "Fixed Assets"),
)
_LIABILITIES = (
    (AccountKind.CURRENT_LIABILITY, "Current Liabilities"),
    (AccountKind.LONG_TERM_LIABILITY, "Long-term Liabilities"),
)


class BadRangeError(ValueError):
    """The months that a request names are none, or too many."""


# FILL IN: the provider's own answers, field by field. See the example answers in the API
# reference, or record some from the provider's test company and replace their figures.
def organisation_json(books: Books) -> _Json:
    """Return the answer about an organisation."""
    return {
        "id": books.company.id,
        "name": books.company.name,
        "currency": books.company.currency,
        "locked_until": None if books.lock_date is None else books.lock_date.isoformat(),
    }


def report_json(books: Books, report: str, first: str, last: str) -> _Json:
    """
    Return a report with one column for each month from *first* to *last*, such as `2024-01`.

    Raises:
        BadRangeError: If there is no such month, or there are more than `MOST_MONTHS`.
        LookupError: If there is no such report.
    """
    build = {"profit-and-loss": _profit_and_loss, "balance-sheet": _balance_sheet}[report]
    months = month_ends(_month(first, "from"), _month(last, "to"))
    if not 1 <= len(months) <= MOST_MONTHS:
        raise BadRangeError(f"expected 1 to {MOST_MONTHS} months, found {len(months)}")
    return {
        "months": [f"{month:%Y-%m}" for month in months],
        "rows": [
            {**row, "amounts": [f"{amount:.2f}" for amount in row["amounts"]]}
            for row in build(books, months)
        ],
    }


def _profit_and_loss(books: Books, months: Sequence[date]) -> Iterable[_Json]:
    def movement(account_id: str, month: date) -> Decimal:
        return books.movement(account_id, month_start(month), month)

    net = [Decimal("0.00")] * len(months)
    for sections, sign in ((_INCOME, 1), (_COSTS, -1)):
        for kind, title in sections:
            rows, total = _section(books, months, kind, title, movement)
            yield from rows
            net = [amount + sign * part for amount, part in zip(net, total, strict=True)]
    yield {"type": "result", "name": "Net Profit", "amounts": net}


def _balance_sheet(books: Books, months: Sequence[date]) -> Iterable[_Json]:
    def balance(account_id: str, month: date) -> Decimal:
        return books.balance(account_id, month)

    totals = []
    for name, sections in (("Total Assets", _ASSETS), ("Total Liabilities", _LIABILITIES)):
        sums = [Decimal("0.00")] * len(months)
        for kind, title in sections:
            rows, total = _section(books, months, kind, title, balance)
            yield from rows
            sums = [amount + part for amount, part in zip(sums, total, strict=True)]
        yield {"type": "result", "name": name, "amounts": sums}
        totals.append(sums)
    net = [assets - debts for assets, debts in zip(*totals, strict=True)]
    yield {"type": "result", "name": "Net Assets", "amounts": net}
    rows, total = _section(books, months, AccountKind.EQUITY, "Equity", balance)
    earnings = [books.current_year_earnings(month) for month in months]
    yield from rows[:-1]
    yield _account("Equity", CURRENT_EARNINGS_ID, "Current Year Earnings", earnings)
    equity = [amount + part for amount, part in zip(total, earnings, strict=True)]
    yield _subtotal("Equity", equity)


def _section(
    books: Books, months: Sequence[date], kind: AccountKind, title: str, figure: _Figure
) -> tuple[list[_Json], _Figures]:
    """Return the rows of one kind of accounts, the last of which is the total, and that total."""
    total = [Decimal("0.00")] * len(months)
    rows = []
    for account in (item for item in books.accounts if item.kind is kind):
        amounts = [figure(account.id, month) for month in months]
        if any(amounts):
            rows.append(_account(title, account.id, account.name, amounts))
            total = [amount + part for amount, part in zip(total, amounts, strict=True)]
    return [*rows, _subtotal(title, total)], total


def _account(section: str, account_id: str, name: str, amounts: _Figures) -> _Json:
    return {
        "type": "account",
        "section": section,
        "account_id": account_id,
        "name": name,
        "amounts": amounts,
    }


def _subtotal(section: str, amounts: _Figures) -> _Json:
    return {"type": "subtotal", "section": section, "name": f"Total {section}", "amounts": amounts}


def _month(text: str, name: str) -> date:
    try:
        return month_end(date.fromisoformat(f"{text}-01"))
    except ValueError:
        raise BadRangeError(f"{name}: expected a month such as 2024-01") from None
