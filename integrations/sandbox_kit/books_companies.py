"""The sandbox companies. None of them is real."""

from dataclasses import dataclass
from datetime import date
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
        lock_date: Nobody may post on or before this day, if set.
        year_lock_date: Nobody but the adviser may, if set.
        scale: Size of the business; 100 is the middle.
    """

    id: str
    name: str
    currency: str
    country: str
    year_end: tuple[int, int] = (12, 31)
    lock_date: date | None = None
    year_lock_date: date | None = None
    timezone: str = "UTC"
    scale: int = 100


def make_company(
    name: str,
    currency: str = "GBP",
    country: str = "GB",
    *,
    year_end: tuple[int, int] = (12, 31),
    lock_date: date | None = None,
    year_lock_date: date | None = None,
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
        lock_date=lock_date,
        year_lock_date=year_lock_date,
        timezone=timezone,
        scale=scale,
    )


COMPANIES: tuple[Company, ...] = (
    make_company(
        "Acme Trading Ltd",
        year_end=(3, 31),
        timezone="GMTSTANDARDTIME",
        lock_date=date(2024, 1, 31),
    ),
    make_company("Globex GmbH", "EUR", "DE", timezone="WEUROPESTANDARDTIME", scale=240),
    make_company("Initech Inc (sandbox)", "USD", "US", timezone="EASTERNSTANDARDTIME", scale=160),
    make_company(
        "Wattle & Co Pty Ltd (sandbox)",
        "AUD",
        "AU",
        year_end=(6, 30),
        year_lock_date=date(2023, 6, 30),
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
