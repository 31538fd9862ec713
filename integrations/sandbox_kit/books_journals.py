"""
One month's journals of a company: invented, balanced, and the same in every run.

A month depends on the company, the year and the month alone, not on today, so that a later
day shows the same past. Some journals are on the last days of a month on purpose: a request
for a month that ends too early gets visibly wrong figures.
"""

import calendar
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from random import Random

from integrations.sandbox_kit.books_chart import Company

FIRST_MONTH = date(2022, 1, 1)
"""Where all books begin."""
_BANK, _SAVINGS, _DEBTORS, _PREPAID = "090", "091", "610", "620"
_EQUIPMENT, _DEPRECIATED = "710", "711"
_CREDITORS, _VAT, _PAYROLL_TAX, _LOAN, _CAPITAL = "800", "820", "825", "900", "970"
_VAT_PERCENT = 20
_CAFE_MONTHS = range(4, 10)
_OLD_CONSULTING_ENDS = date(2023, 10, 1)
_DECEMBER = 12


@dataclass(frozen=True, slots=True)
class Journal:
    """
    A balanced posting.

    Attributes:
        lines: Account code and pennies, debits positive; they add up to 0.
    """

    day: date
    lines: tuple[tuple[str, int], ...]

    def __post_init__(self) -> None:
        """Raise ValueError if debits and credits differ."""
        if sum(pennies for _code, pennies in self.lines) != 0:
            raise ValueError(f"journal of {self.day}: expected debits to equal credits")


def month_journals(company: Company, year: int, month: int) -> list[Journal]:
    """Return the journals of one month, in the order of their days."""
    random = Random(f"{company.id}:{year}:{month}")
    maker = _Month(company, random, year, month)
    journals = list(maker.journals())
    return sorted(journals, key=lambda journal: journal.day)


class _Month:
    def __init__(self, company: Company, random: Random, year: int, month: int) -> None:
        self.company, self.random = company, random
        self.first = date(year, month, 1)
        self.last = calendar.monthrange(year, month)[1]

    def journals(self) -> Iterator[Journal]:
        if self.first == FIRST_MONTH:
            yield from self._opening()
        yield from self._sales()
        yield from self._purchases()
        yield from self._people()
        yield from self._overheads()
        yield from self._seasonal()
        yield from self._month_end()

    def _amount(self, low: int, high: int) -> int:
        """Return pennies between two amounts in major units, by the company's size."""
        return self.random.randint(low * self.company.scale, high * self.company.scale)

    def _on(self, day: int, *lines: tuple[str, int]) -> Journal:
        """Post on a day of this month, on its last one if it is shorter."""
        return Journal(self.first.replace(day=min(day, self.last)), lines)

    def _pay(self, day: int, code: str, pennies: int, *, by: str = _BANK) -> Journal:
        return self._on(day, (code, pennies), (by, -pennies))

    def _opening(self) -> Iterator[Journal]:
        yield self._on(1, (_BANK, 2_500_000), (_CAPITAL, -2_500_000))
        yield self._on(1, (_BANK, 1_800_000), (_LOAN, -1_800_000))
        yield self._on(3, (_EQUIPMENT, 1_249_950), (_BANK, -1_249_950))

    def _sales(self) -> Iterator[Journal]:
        days = [*(self.random.randint(1, 27) for _ in range(7)), *range(28, self.last + 1)]
        billed = 0
        for number, day in enumerate(days):
            net = self._amount(900, 2600)
            vat = net * _VAT_PERCENT // 100
            billed += net + vat
            income = "201" if number % 4 == 1 else "200"
            yield self._on(day, (_DEBTORS, net + vat), (income, -net), (_VAT, -vat))
        refund = self._amount(15, 120)
        yield self._on(29, ("209", refund), (_DEBTORS, -refund))
        for day, percent in ((12, 35), (24, 30), (31, 28)):
            paid = billed * percent // 100
            yield self._on(day, (_BANK, paid), (_DEBTORS, -paid))

    def _purchases(self) -> Iterator[Journal]:
        for day in (5, 17, 30, 31):
            net = self._amount(500, 1300)
            vat = net * _VAT_PERCENT // 100
            yield self._on(day, ("310", net), (_VAT, vat), (_CREDITORS, -net - vat))
        yield self._on(26, (_CREDITORS, owed := self._amount(2000, 3400)), (_BANK, -owed))
        if self.random.random() < 1 / 3:
            yield self._pay(30, "325", self._amount(200, 900))

    def _people(self) -> Iterator[Journal]:
        for code, low, high in (("477", 3200, 3900), ("320", 1500, 1900)):
            gross = self._amount(low, high)
            tax = gross * 22 // 100
            yield self._on(28, (code, gross), (_PAYROLL_TAX, -tax), (_BANK, tax - gross))
        yield self._pay(19, _PAYROLL_TAX, self._amount(1000, 1250))

    def _overheads(self) -> Iterator[Journal]:
        yield self._pay(1, "469", 12 * 100 * self.company.scale)
        for code, days, low, high in (
            ("400", (8, 31), 60, 400),
            ("404", (30,), 4, 18),
            ("429", (4, 15, 29, 31), 5, 90),
            ("445", (21,), 90, 260),
            ("461", (11, 30), 4, 60),
            ("473", (9, 31), 20, 310),
            ("485", (2, 28), 15, 80),
            ("493", (7, 18, 31), 20, 240),
        ):
            for day in days:
                yield self._pay(day, code, self._amount(low, high))

    def _seasonal(self) -> Iterator[Journal]:
        month = self.first.month
        if month in _CAFE_MONTHS:
            for day in (10, 20, 31):
                yield self._on(day, (_BANK, takings := self._amount(50, 190)), ("205", -takings))
        if month % 3 == 0:
            yield self._on(31, (_BANK, scrap := self._amount(30, 160)), ("260", -scrap))
            yield self._pay(7, _VAT, self._amount(3000, 5200))
        if month == _DECEMBER:
            yield self._pay(20, "420", self._amount(150, 420))
        if month == 1:
            yield self._pay(31, _PREPAID, 12 * self.company.scale * 95)
        if self.first < _OLD_CONSULTING_ENDS and month % 2 == 0:
            yield self._pay(30, "412", self._amount(100, 500))

    def _month_end(self) -> Iterator[Journal]:
        yield self._on(self.last, ("433", part := self.company.scale * 95), (_PREPAID, -part))
        yield self._on(self.last, ("416", worn := 20_833), (_DEPRECIATED, -worn))
        yield self._on(self.last, (_SAVINGS, earned := self._amount(2, 9)), ("270", -earned))
        yield self._pay(30, "480", self._amount(6, 14))
        yield self._pay(30, _LOAN, 25_000)
