"""The chart of accounts of the sandbox companies, odd names included."""

from dataclasses import dataclass
from enum import StrEnum
from uuid import UUID, uuid5

_BOOKS_COMPANIES_NAMESPACE = UUID("0d7e8f0a-3a51-4c59-9c0c-8f6b6f0f5f0e")


@dataclass(frozen=True, slots=True)
class Company:
    """
    A tenant with books.

    Attributes:
        id: UUID text, the same in every run.
        currency: ISO 4217 code of all its figures.
        year_end: Month and day on which its financial year ends.
        locked_months: The books are locked up to the end of the month that is this many
            months before today's; None: they are open.
        locks_years: Whether all but the last finished financial year are locked.
        scale: Size of the business; 100 is the middle.
    """

    id: str
    name: str
    currency: str
    country: str
    year_end: tuple[int, int] = (12, 31)
    locked_months: int | None = None
    locks_years: bool = False
    timezone: str = "UTC"
    scale: int = 100


def make_company(
    name: str,
    currency: str = "GBP",
    country: str = "GB",
    *,
    year_end: tuple[int, int] = (12, 31),
    locked_months: int | None = None,
    locks_years: bool = False,
    timezone: str = "UTC",
    scale: int = 100,
) -> Company:
    """Return a company with an id, and so books, that follow from its name."""
    return Company(
        id=str(uuid5(_BOOKS_COMPANIES_NAMESPACE, name)),
        name=name,
        currency=currency,
        country=country,
        year_end=year_end,
        locked_months=locked_months,
        locks_years=locks_years,
        timezone=timezone,
        scale=scale,
    )


COMPANIES: tuple[Company, ...] = (
    make_company(
        "Acme Trading Ltd (sandbox)",
        year_end=(3, 31),
        timezone="GMTSTANDARDTIME",
        locked_months=2,
    ),
    make_company("Globex GmbH (sandbox)", "EUR", "DE", timezone="WEUROPESTANDARDTIME", scale=240),
    make_company(
        "Acme Trading Inc (sandbox)", "USD", "US", timezone="EASTERNSTANDARDTIME", scale=160
    ),
    make_company(
        "Wattle & Co Pty Ltd (sandbox)",
        "AUD",
        "AU",
        year_end=(6, 30),
        locks_years=True,
        timezone="AUSEASTERNSTANDARDTIME",
        scale=70,
    ),
    make_company(
        "Kōwhai Café Ltd (sandbox)",
        "NZD",
        "NZ",
        year_end=(3, 31),
        timezone="NEWZEALANDSTANDARDTIME",
        scale=35,
    ),
)


_NAMESPACE = UUID("5b6f3a52-9a0c-4c0e-8f57-5a0d6d1f0b11")


class AccountKind(StrEnum):
    """The section of an account in the statements; providers map their own types to these."""

    INCOME = "income"
    COST_OF_SALES = "cost_of_sales"
    OTHER_INCOME = "other_income"
    EXPENSE = "expense"
    BANK = "bank"
    CURRENT_ASSET = "current_asset"
    FIXED_ASSET = "fixed_asset"
    CURRENT_LIABILITY = "current_liability"
    LONG_TERM_LIABILITY = "long_term_liability"
    EQUITY = "equity"

    @property
    def in_profit_and_loss(self) -> bool:
        """Whether it is a flow; all others are balances."""
        return self in {self.INCOME, self.COST_OF_SALES, self.OTHER_INCOME, self.EXPENSE}

    @property
    def sign(self) -> int:
        """1 where a debit is the normal, positive figure; -1 where a credit is."""
        debit = {
            self.COST_OF_SALES,
            self.EXPENSE,
            self.BANK,
            self.CURRENT_ASSET,
            self.FIXED_ASSET,
        }
        return 1 if self in debit else -1


@dataclass(frozen=True, slots=True)
class Account:
    """
    One account of a company.

    Attributes:
        id: UUID text, the same in every run.
        code: Its name in postings; never changes.
        name: Display name; users may change it.
    """

    id: str
    code: str
    name: str
    kind: AccountKind
    archived: bool = False


RETAINED_EARNINGS = "960"
"""Code of the account that takes up the profits of years gone by."""

_CHART: tuple[tuple[str, str, AccountKind], ...] = (
    ("200", "Sales", AccountKind.INCOME),
    ("201", "Sales, Net (UK)", AccountKind.INCOME),
    ("205", "Café", AccountKind.INCOME),
    ("209", "Refunds & Discounts", AccountKind.INCOME),
    ("260", "Sales", AccountKind.OTHER_INCOME),
    ("270", "Interest", AccountKind.OTHER_INCOME),
    ("310", "Cost of Goods Sold", AccountKind.COST_OF_SALES),
    ("320", "Direct Wages", AccountKind.COST_OF_SALES),
    ("325", "Subcontractors", AccountKind.COST_OF_SALES),
    ("400", "Advertising", AccountKind.EXPENSE),
    ("404", "Bank Fees", AccountKind.EXPENSE),
    ("412", "Consulting (old)", AccountKind.EXPENSE),
    ("416", "Depreciation Expense", AccountKind.EXPENSE),
    ("420", "Entertainment - 50%", AccountKind.EXPENSE),
    ("429", "General Expenses", AccountKind.EXPENSE),
    ("433", "Insurance", AccountKind.EXPENSE),
    ("445", "Light, Power, Heating", AccountKind.EXPENSE),
    ("461", "Printing & Stationery", AccountKind.EXPENSE),
    ("469", "Rent [HQ]", AccountKind.EXPENSE),
    ("473", "Repairs & Maintenance", AccountKind.EXPENSE),
    ("477", "Wages and Salaries", AccountKind.EXPENSE),
    ("480", "Interest", AccountKind.EXPENSE),
    ("485", "Subscriptions", AccountKind.EXPENSE),
    ("493", "Travel – National", AccountKind.EXPENSE),  # noqa: RUF001 -- names hold such signs
    ("090", "Business Bank Account", AccountKind.BANK),
    ("091", "Business Savings Account", AccountKind.BANK),
    ("610", "Accounts Receivable", AccountKind.CURRENT_ASSET),
    ("620", "Prepayments", AccountKind.CURRENT_ASSET),
    ("710", "Office Equipment", AccountKind.FIXED_ASSET),
    ("711", "Less Accumulated Depreciation on Office Equipment", AccountKind.FIXED_ASSET),
    ("800", "Accounts Payable", AccountKind.CURRENT_LIABILITY),
    ("820", "VAT", AccountKind.CURRENT_LIABILITY),
    ("825", "Payroll Taxes Payable", AccountKind.CURRENT_LIABILITY),
    ("900", "Loan", AccountKind.LONG_TERM_LIABILITY),
    (RETAINED_EARNINGS, "Retained Earnings", AccountKind.EQUITY),
    ("970", "Owner A Share Capital", AccountKind.EQUITY),
)
_ARCHIVED = "412"


def chart_for(company_id: str) -> tuple[Account, ...]:
    """Return a company's accounts; ids differ from company to company."""
    return tuple(
        Account(
            id=str(uuid5(_NAMESPACE, f"{company_id}/{code}")),
            code=code,
            name=name,
            kind=kind,
            archived=code == _ARCHIVED,
        )
        for code, name, kind in _CHART
    )
