"""The sandbox companies as QuickBooks numbers them."""

from dataclasses import dataclass, field
from hashlib import sha256

from integrations.quickbooks.sandbox.chart import Chart
from integrations.sandbox_kit.books import Books, Company

_FIRST_REALM = 9_130_350_000_000_000


def realm_id(company: Company) -> str:
    """Return a company's id at QuickBooks: sixteen digits, the same in every run."""
    number = int.from_bytes(sha256(company.id.encode()).digest()[:5]) % 10**10
    return str(_FIRST_REALM + number)


@dataclass(slots=True)
class Realm:
    """
    A company with its books.

    Attributes:
        most_months: Longer reports fail, as those of companies with very many postings do;
            None: none fail.
        gateway_fails: Whether they fail by a 504, or by an answer that is cut off.
    """

    books: Books
    chart: Chart = field(init=False)
    most_months: int | None = None
    gateway_fails: bool = True

    def __post_init__(self) -> None:
        """Number the accounts."""
        self.chart = Chart(self.books)

    @property
    def id(self) -> str:
        """The id of the company in API calls."""
        return realm_id(self.books.company)

    def reset(self) -> None:
        """Undo all changes."""
        self.books.reset()
        self.most_months = None
