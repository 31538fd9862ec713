"""
Double-entry books of an invented company, from which emulators compute their reports.

Exact to the penny and the same in every run: tests compare what a pipeline landed with
`Books.movement` and `Books.balance`.
"""

from array import array
from bisect import bisect_right
from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal

from integrations.contracts import add_months, month_start
from integrations.sandbox_kit.books_chart import (
    COMPANIES,
    RETAINED_EARNINGS,
    Account,
    AccountKind,
    Company,
    chart_for,
    make_company,
)
from integrations.sandbox_kit.books_journals import FIRST_MONTH, Journal, month_journals

__all__ = [
    "COMPANIES",
    "RETAINED_EARNINGS",
    "Account",
    "AccountKind",
    "Books",
    "Company",
    "Journal",
    "make_company",
]

_COUNTERPART, _COUNTERPART_OF_BANK = "090", "429"
_PENNIES = 100


class _Ledger:
    """
    One account's days with a posting, and the total up to and including each.

    Kept in arrays, since a sandbox may have the books of thousands of companies.
    """

    __slots__ = ("_days", "_totals")

    def __init__(self) -> None:
        self._days = array("l")  # ordinals
        self._totals = array("q")  # pennies

    def post(self, day: date, pennies: int) -> None:
        """Post to a day that is not before the latest one."""
        number = day.toordinal()
        total = (self._totals[-1] if self._totals else 0) + pennies
        if self._days and self._days[-1] == number:
            self._totals[-1] = total
        else:
            self._days.append(number)
            self._totals.append(total)

    def until(self, day: date) -> int:
        index = bisect_right(self._days, day.toordinal())
        return self._totals[index - 1] if index else 0


class Books:
    """
    The books of one company, from January 2022 to *today*.

    Amounts are in major units with two decimals. Returned amounts have the account's natural
    sign: income and liabilities are positive when in credit, costs and assets when in debit.

    Args:
        today: Last day with postings; a later one shows the same past.
    """

    def __init__(self, company: Company, *, today: date) -> None:
        self.company = company
        self.today = today
        self._accounts = {account.id: account for account in chart_for(company.id)}
        self._added: list[Journal] = []
        self._ledgers: dict[str, _Ledger] | None = None

    @property
    def accounts(self) -> tuple[Account, ...]:
        """All accounts, archived ones too, in the order of the statements."""
        return tuple(self._accounts.values())

    @property
    def journals(self) -> tuple[Journal, ...]:
        """Every posting up to today, restatements last; computed on each access."""
        return (*self._generated(), *self._added)

    @property
    def lock_date(self) -> date | None:
        """The last day closed for postings; None if the books are open."""
        months = self.company.locked_months
        return None if months is None else add_months(self.today, -months)

    @property
    def year_lock_date(self) -> date | None:
        """The last day closed for users other than the adviser; None if there is none."""
        if not self.company.locks_years:
            return None
        last_finished = self.year_start(self.today) - timedelta(days=1)
        return self.year_start(last_finished) - timedelta(days=1)

    def account(self, name_or_id: str) -> Account:
        """
        Return the account with this id or code, or the only one with this name.

        Raises:
            LookupError: If there is none, or several of this name.
        """
        if name_or_id in self._accounts:
            return self._accounts[name_or_id]
        found = [item for item in self.accounts if name_or_id in {item.name, item.code}]
        if len(found) != 1:
            raise LookupError(
                f"{self.company.name}: expected one account {name_or_id!r}, found {len(found)}"
            )
        return found[0]

    def movement(self, account_id: str, first: date, last: date) -> Decimal:
        """Return an account's postings from *first* to *last*, both counted."""
        account = self._accounts[account_id]
        ledger = self._ledger(account.code)
        pennies = ledger.until(last) - ledger.until(first - timedelta(days=1))
        return _money(pennies * account.kind.sign)

    def balance(self, account_id: str, day: date) -> Decimal:
        """
        Return an account's balance at the end of *day*.

        Retained Earnings hold the profits of all financial years that ended before *day*'s.
        """
        account = self._accounts[account_id]
        own = _money(self._ledger(account.code).until(day) * account.kind.sign)
        if account.code == RETAINED_EARNINGS:
            own += self.net_profit(FIRST_MONTH, self.year_start(day) - timedelta(days=1))
        return own

    def net_profit(self, first: date, last: date) -> Decimal:
        """Return income less all costs from *first* to *last*, both counted."""
        flows = (account for account in self.accounts if account.kind.in_profit_and_loss)
        return sum(
            (self.movement(account.id, first, last) * -account.kind.sign for account in flows),
            Decimal("0.00"),
        )

    def year_start(self, day: date) -> date:
        """Return the first day of the financial year that *day* lies in."""
        month, _day = self.company.year_end
        after = add_months(date(day.year, month, 1), 1)
        start = month_start(after)
        return start if start <= day else start.replace(year=start.year - 1)

    def current_year_earnings(self, day: date) -> Decimal:
        """Return the profit from the start of *day*'s financial year to *day*."""
        return self.net_profit(self.year_start(day), day)

    def imbalance(self, day: date) -> Decimal:
        """Return assets less liabilities less equity at the end of *day*: always 0."""
        total = -self.current_year_earnings(day)
        for account in self.accounts:
            if not account.kind.in_profit_and_loss:
                total += self.balance(account.id, day) * account.kind.sign
        return total

    def monthly(self, months: Iterable[date]) -> Mapping[date, Mapping[str, Decimal]]:
        """
        Return the exact figures of months: by month end, then by account id.

        Movements of the month for income and costs, balances at its end for the others.
        """
        return {
            month: {
                account.id: self.movement(account.id, month_start(month), month)
                if account.kind.in_profit_and_loss
                else self.balance(account.id, month)
                for account in self.accounts
            }
            for month in months
        }

    def restate(self, account_id: str, day: date, amount: Decimal) -> Journal:
        """
        Post an *amount* more to an account on a past day, balanced by the bank account.

        Raises:
            LookupError: If there is no such account.
            ValueError: If the amount has fractions of a penny, or the day is outside the books.
        """
        account = self.account(account_id)
        pennies = amount * _PENNIES
        if pennies != int(pennies):
            raise ValueError("amount: expected at most two decimals")
        if not FIRST_MONTH <= day <= self.today:
            raise ValueError(f"day: expected {FIRST_MONTH} to {self.today}, found {day}")
        other = _COUNTERPART_OF_BANK if account.code == _COUNTERPART else _COUNTERPART
        debit = int(pennies) * account.kind.sign
        journal = Journal(day, ((account.code, debit), (other, -debit)))
        self._added.append(journal)
        self._ledgers = None
        return journal

    def rename(self, account_id: str, name: str) -> Account:
        """
        Give an account another name; its id and figures stay.

        Raises:
            LookupError: If there is no such account.
        """
        account = replace(self.account(account_id), name=name)
        self._accounts[account.id] = account
        return account

    def reset(self) -> None:
        """Forget restatements and renames."""
        self._accounts = {account.id: account for account in chart_for(self.company.id)}
        self._added.clear()
        self._ledgers = None

    def _generated(self) -> Iterable[Journal]:
        month = FIRST_MONTH
        while month <= self.today:
            for journal in month_journals(self.company, month.year, month.month):
                if journal.day <= self.today:
                    yield journal
            month = month_start(add_months(month, 1))

    def _ledger(self, code: str) -> _Ledger:
        if self._ledgers is None:
            self._ledgers = self._post()
        return self._ledgers[code]

    def _post(self) -> dict[str, _Ledger]:
        ledgers = {account.code: _Ledger() for account in self.accounts}
        for journal in sorted(self.journals, key=lambda item: item.day):
            for code, pennies in journal.lines:
                ledgers[code].post(journal.day, pennies)
        return ledgers


def _money(pennies: int) -> Decimal:
    return Decimal(pennies) / _PENNIES + Decimal("0.00")
