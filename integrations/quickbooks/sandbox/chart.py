"""
How QuickBooks orders the shared chart of accounts: ids, groups, and accounts below accounts.

Parents have postings of their own. "Consulting (old)" has none since October 2023, while its
sub-account continues.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from integrations.sandbox_kit.books import Account, AccountKind, Books

_PARENTS: Mapping[str, str] = {
    "201": "200",  # Sales, Net (UK) below Sales
    "209": "200",  # Refunds & Discounts below Sales
    "320": "310",  # Direct Wages below Cost of Goods Sold
    "420": "412",  # Entertainment - 50% below Consulting (old)
    "445": "469",  # Light, Power, Heating below Rent [HQ]
    "473": "469",  # Repairs & Maintenance below Rent [HQ]
    "461": "485",  # Printing & Stationery below Subscriptions
    "485": "429",  # Subscriptions below General Expenses
    "091": "090",  # savings below the bank account
    "711": "710",  # depreciation below Office Equipment
}
"""Code of the parent by code of the sub-account; both are in the same group."""
_OTHER_EXPENSES = frozenset({"416", "480"})
_RECEIVABLE, _PAYABLE = "610", "800"


@dataclass(frozen=True, slots=True)
class Group:
    """
    A section of a statement.

    Attributes:
        name: As in the report's JSON.
        parts: Sections within it.
    """

    name: str
    title: str
    total: str
    parts: tuple["Group", ...] = ()


def _group(name: str, title: str, *parts: Group) -> Group:
    return Group(name, title, f"Total {title}", parts)


INCOME = _group("Income", "Income")
COGS = _group("COGS", "Cost of Goods Sold")
EXPENSES = _group("Expenses", "Expenses")
OTHER_INCOME = _group("OtherIncome", "Other Income")
OTHER_EXPENSES = _group("OtherExpenses", "Other Expenses")
EQUITY = _group("Equity", "Equity")
BALANCE_SHEET: tuple[Group, ...] = (
    Group(
        "TotalAssets",
        "ASSETS",
        "TOTAL ASSETS",
        (
            _group(
                "CurrentAssets",
                "Current Assets",
                _group("BankAccounts", "Bank Accounts"),
                _group("AR", "Accounts Receivable"),
                _group("OtherCurrentAssets", "Other Current Assets"),
            ),
            _group("FixedAssets", "Fixed Assets"),
        ),
    ),
    Group(
        "TotalLiabilitiesAndEquity",
        "LIABILITIES AND EQUITY",
        "TOTAL LIABILITIES AND EQUITY",
        (
            _group(
                "Liabilities",
                "Liabilities",
                _group(
                    "CurrentLiabilities",
                    "Current Liabilities",
                    _group("AP", "Accounts Payable"),
                    _group("OtherCurrentLiabilities", "Other Current Liabilities"),
                ),
                _group("LongTermLiabilities", "Long-Term Liabilities"),
            ),
            EQUITY,
        ),
    ),
)

_GROUP_OF_KIND: Mapping[AccountKind, str] = {
    AccountKind.INCOME: "Income",
    AccountKind.COST_OF_SALES: "COGS",
    AccountKind.OTHER_INCOME: "OtherIncome",
    AccountKind.EXPENSE: "Expenses",
    AccountKind.BANK: "BankAccounts",
    AccountKind.CURRENT_ASSET: "OtherCurrentAssets",
    AccountKind.FIXED_ASSET: "FixedAssets",
    AccountKind.CURRENT_LIABILITY: "OtherCurrentLiabilities",
    AccountKind.LONG_TERM_LIABILITY: "LongTermLiabilities",
    AccountKind.EQUITY: "Equity",
}
_TYPES: Mapping[str, tuple[str, str]] = {
    "Income": ("Income", "Revenue"),
    "COGS": ("Cost of Goods Sold", "Expense"),
    "OtherIncome": ("Other Income", "Revenue"),
    "Expenses": ("Expense", "Expense"),
    "OtherExpenses": ("Other Expense", "Expense"),
    "BankAccounts": ("Bank", "Asset"),
    "AR": ("Accounts Receivable", "Asset"),
    "OtherCurrentAssets": ("Other Current Asset", "Asset"),
    "FixedAssets": ("Fixed Asset", "Asset"),
    "AP": ("Accounts Payable", "Liability"),
    "OtherCurrentLiabilities": ("Other Current Liability", "Liability"),
    "LongTermLiabilities": ("Long Term Liability", "Liability"),
    "Equity": ("Equity", "Equity"),
}


class Chart:
    """The accounts of one company's books as QuickBooks shows them."""

    def __init__(self, books: Books) -> None:
        self.books = books
        self._numbers = {
            account.code: str(number) for number, account in enumerate(books.accounts, start=1)
        }

    def id_of(self, account: Account) -> str:
        """Return the account's id: a small number as text, the same in every run."""
        return self._numbers[account.code]

    def account(self, name_or_id: str) -> Account:
        """
        Return the account of this id or code, or the only one with this name.

        Raises:
            LookupError: If there is none, or several of this name.
        """
        for account in self.books.accounts:
            if self.id_of(account) == name_or_id:
                return account
        return self.books.account(name_or_id)

    def parent_of(self, account: Account) -> Account | None:
        """Return the account that this one is below, if any."""
        code = _PARENTS.get(account.code)
        return None if code is None else self.books.account(code)

    def path_of(self, account: Account) -> Sequence[str]:
        """Return the names from the uppermost account to this one."""
        parent = self.parent_of(account)
        return (*(self.path_of(parent) if parent else ()), account.name)

    def below(self, parent: Account) -> list[Account]:
        """Return the sub-accounts, by name."""
        return _by_name(
            item for item in self.books.accounts if _PARENTS.get(item.code) == parent.code
        )

    def top_of(self, group: str) -> list[Account]:
        """Return the uppermost accounts of a group, by name."""
        return _by_name(
            item
            for item in self.books.accounts
            if item.code not in _PARENTS and group_of(item) == group
        )


def group_of(account: Account) -> str:
    """Return the name of the group that contains the account."""
    if account.code in _OTHER_EXPENSES:
        return "OtherExpenses"
    if account.code == _RECEIVABLE:
        return "AR"
    if account.code == _PAYABLE:
        return "AP"
    return _GROUP_OF_KIND[account.kind]


def type_of(account: Account) -> tuple[str, str]:
    """Return `AccountType` and `Classification`."""
    return _TYPES[group_of(account)]


def _by_name(accounts: Iterable[Account]) -> list[Account]:
    return sorted(accounts, key=lambda account: account.name.casefold())
