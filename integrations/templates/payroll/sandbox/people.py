"""The invented companies: who works there, and what is true of their pay and cost."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import ROUND_HALF_UP, Decimal

from integrations.contracts import month_start

_TAX_RATE = Decimal("0.138")
_BENEFITS_A_HEAD = Decimal("120.00")
_MONTHS_A_YEAR = 12


@dataclass(frozen=True, slots=True)
class Job:
    """
    A time in which a person's job and pay did not change.

    Attributes:
        start, end: Both days counted; *end* is None while it lasts.
        annual_pay: Pay of a full year, a multiple of 12.
    """

    title: str
    department: str
    start: date
    end: date | None
    annual_pay: int
    currency: str

    @property
    def monthly_pay(self) -> Decimal:
        """Pay of a full month."""
        return Decimal(self.annual_pay // _MONTHS_A_YEAR).quantize(Decimal("0.01"))

    def share_of(self, month: date) -> Decimal:
        """Return the part of the month that ends on *month* in which it was held."""
        first = max(self.start, month_start(month))
        last = month if self.end is None else min(self.end, month)
        return Decimal(max(0, (last - first).days + 1)) / month.day


@dataclass(frozen=True, slots=True)
class Person:
    """
    Somebody invented.

    Attributes:
        born, phone: What no plan needs and no plugin may pass on.
        jobs: Oldest first; empty before the first one has begun to be.
    """

    id: str
    name: str
    born: str = field(repr=False)
    phone: str = field(repr=False)
    jobs: tuple[Job, ...] = field(repr=False)


@dataclass(frozen=True, slots=True)
class Company:
    """
    A company as of one day.

    Attributes:
        today: Payrolls of months that end later are not processed yet.
    """

    id: str
    name: str
    currency: str
    today: date
    people: Sequence[Person] = field(repr=False)

    def cost_of(self, month: date) -> dict[str, Decimal]:
        """Return what the payroll of the month that ends on *month* cost; zeros if none."""
        gross, heads = Decimal("0.00"), 0
        for person in self.people if month <= self.today else ():
            earned = sum((job.monthly_pay * job.share_of(month) for job in person.jobs), Decimal(0))
            gross += _cents(earned)
            heads += bool(earned)
        return {
            "gross_pay": gross,
            "employer_taxes": _cents(gross * _TAX_RATE),
            "benefits": _BENEFITS_A_HEAD * heads,
            "reimbursements": _cents(gross * Decimal("0.0021")),
        }


def build_companies(today: date) -> tuple[Company, ...]:
    """Return the companies as of *today*; the same day gives the same figures."""
    year = today.year
    acme = (
        _person(
            "Ada Byron",
            ("Engineer", "Product", date(year - 3, 2, 1), date(year - 1, 3, 31), 54_000),
            ("Lead Engineer", "Product", date(year - 1, 4, 1), None, 66_000),
        ),
        _person("Grace Murray", ("Analyst", "Finance", date(year - 2, 5, 16), None, 42_000)),
        _person(
            "Alan Mathison",
            ("Researcher", "Product", date(year - 3, 1, 1), date(year - 1, 9, 12), 60_000),
        ),
        _person(
            "Mary Fairfax",
            ("Writer", "Marketing", date(year - 2, 1, 1), date(year - 2, 12, 31), 36_000),
            ("Editor", "Marketing", date(year - 1, 7, 1), None, 39_000),
        ),
        _person("Émilie Châtelet"),
    )
    harbor = (
        _person("Katherine Coleman", ("Baker", "Kitchen", date(year - 2, 3, 1), None, 30_000)),
        _person("Dorothy Crowfoot", ("Clerk", "Shop", date(year - 1, 11, 4), None, 27_600)),
    )
    return (
        Company("company-1", "Acme Trading Inc (sandbox)", "USD", today, acme),
        Company("company-2", "Harbor Bakery LLC (sandbox)", "USD", today, harbor),
    )


def _person(name: str, *jobs: tuple[str, str, date, date | None, int]) -> Person:
    number = sum(map(ord, name))
    return Person(
        id=f"p-{number}",
        name=name,
        born=f"{1960 + number % 40}-{number % 12 + 1:02}-{number % 28 + 1:02}",
        phone=f"01632 96{number:04}",
        jobs=tuple(Job(*job, currency="USD") for job in jobs),
    )


def _cents(amount: Decimal) -> Decimal:
    return amount.quantize(Decimal("0.01"), rounding=ROUND_HALF_UP)
