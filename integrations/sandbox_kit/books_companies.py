"""The sandbox companies. None of them is real."""

from dataclasses import dataclass
from uuid import UUID, uuid5

_NAMESPACE = UUID("0d7e8f0a-3a51-4c59-9c0c-8f6b6f0f5f0e")


@dataclass(frozen=True, slots=True)
class Company:
    """
    A tenant with books.

    Attributes:
        id: UUID text, the same in every run.
        currency: ISO 4217 code of all its figures.
        year_end: Month and day on which its financial year ends.
        locked_months: So many months before today's the books are locked up to a month's
            end; None: they are not.
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
    """Return a company whose id, and hence whose books, follow from its name."""
    return Company(
        id=str(uuid5(_NAMESPACE, name)),
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
