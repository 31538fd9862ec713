"""
Invented people with jobs and pay: what the emulator answers, and what a parser has to find.

The monthly pay of each rate is written next to it by hand, so that tests compare the plugin's
conversion with independent figures.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, timedelta
from decimal import Decimal
from uuid import NAMESPACE_URL, uuid5

_A_DAY = timedelta(days=1)


def made_up_uuid(*parts: object) -> str:
    """Return a uuid that is always the same for *parts*."""
    return str(uuid5(NAMESPACE_URL, "gusto-sandbox/" + "/".join(map(str, parts))))


@dataclass(frozen=True, slots=True)
class Pay:
    """
    A compensation.

    Attributes:
        since: First day on which it applies.
        rate: As Gusto writes it, e.g. `"22.00"`.
        unit: Gusto's `payment_unit`.
        monthly: Pay of a full month.
    """

    since: date
    rate: str
    unit: str
    monthly: Decimal


@dataclass(frozen=True, slots=True)
class Stint:
    """A time of employment, both days counted; *end* is None while it lasts."""

    start: date
    end: date | None = None


@dataclass(frozen=True, slots=True)
class Job:
    """
    An employee's job, with the history of its pay.

    Attributes:
        since: First day in it.
        pay: Oldest first.
    """

    title: str
    since: date
    pay: tuple[Pay, ...]

    def pay_on(self, day: date) -> Pay:
        """Return the pay of *day*; days before the first one are paid by it."""
        held = [pay for pay in self.pay if pay.since <= day]
        return held[-1] if held else self.pay[0]


@dataclass(frozen=True, slots=True)
class TrueSpell:
    """A person's true job and pay between two days, both counted."""

    title: str
    start: date
    end: date | None
    monthly: Decimal


@dataclass(frozen=True, slots=True)
class Person:
    """
    An employee.

    Attributes:
        stints: Oldest first. More than one: left and hired again.
        jobs: The first is the primary one. Empty while being onboarded.
    """

    company: str
    first_name: str
    last_name: str
    department: str
    stints: tuple[Stint, ...]
    jobs: tuple[Job, ...]
    onboarded: bool = True
    uuid: str = field(init=False)

    def __post_init__(self) -> None:
        """Derive the uuid from the name."""
        uuid = made_up_uuid(self.company, "employee", self.first_name, self.last_name)
        object.__setattr__(self, "uuid", uuid)

    def employed_on(self, day: date) -> bool:
        """Return whether *day* lies in one of the stints."""
        return any(
            stint.start <= day and (stint.end is None or day <= stint.end) for stint in self.stints
        )

    def terminated_by(self, today: date) -> bool:
        """Return whether the person has left the company."""
        last = self.stints[-1]
        return last.end is not None and last.end < today

    def monthly_on(self, day: date) -> Decimal:
        """Return the pay of all jobs on *day*, as of a full month; 0 if not employed."""
        if not self.employed_on(day):
            return Decimal(0)
        return sum((job.pay_on(day).monthly for job in self.jobs if job.since <= day), Decimal(0))

    @property
    def spells(self) -> list[TrueSpell]:
        """What a parser has to find, oldest first."""
        spells = [spell for job in self.jobs for spell in self._spells_of(job)]
        return sorted(spells, key=lambda spell: spell.start)

    def _spells_of(self, job: Job) -> Iterator[TrueSpell]:
        for stint in self.stints:
            start = max(stint.start, job.since)
            if stint.end is not None and stint.end < start:
                continue
            cuts = [start] + [
                pay.since
                for pay in job.pay
                if pay.since > start
                and (stint.end is None or pay.since <= stint.end)
                and pay.monthly != job.pay_on(pay.since - _A_DAY).monthly
            ]
            ends = [cut - _A_DAY for cut in cuts[1:]]
            for first, last in zip(cuts, [*ends, stint.end], strict=True):
                yield TrueSpell(job.title, first, last, job.pay_on(first).monthly)
