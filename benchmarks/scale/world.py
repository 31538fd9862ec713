"""
The workspaces: whose books they have, whom they share them with, what goes wrong with whom.

The same options make the same world in every process.
"""

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from enum import StrEnum
from functools import cached_property
from itertools import cycle
from random import Random

from benchmarks.scale.options import Options
from integrations.contracts import add_months, month_start
from integrations.sandbox_kit.books import Books, Company, make_company

RESTATED_ACCOUNT, RESTATED_AMOUNT = "400", Decimal("123.45")
_EVERY = 100
_ONE_TENANT, _ONE_USER = range(20, 32), range(50, 70)
"""Of each hundred: twelve workspaces of one organisation, more calls than one minute allows; and
twenty organisations that one accountant connected."""
_RESTATED_OF_EACH = 20
_COUNTRIES = (("GBP", "GB"), ("EUR", "DE"), ("USD", "US"), ("AUD", "AU"), ("NZD", "NZ"))
_YEAR_ENDS = ((3, 31), (12, 31), (6, 30))
_SEED = 20


class Phase(StrEnum):
    """What is done: everything is fetched, and a day later the latest months."""

    BACKFILL = "backfill"
    REFRESH = "refresh"


class Kind(StrEnum):
    """What goes wrong with a workspace."""

    DEAD_GRANT = "dead grant"
    VANISHED = "vanished tenant"
    PROVIDER_ERROR = "provider error"
    DAY_LIMIT = "day limit"


@dataclass(frozen=True, slots=True)
class Trouble:
    """
    What goes wrong with a workspace, and when.

    Attributes:
        since: The phase before which it begins.
        ends: Whether it is over before the refresh.
    """

    kind: Kind
    since: Phase
    ends: bool = False

    def hits(self, phase: Phase) -> bool:
        """Whether the workspace fails in *phase*."""
        if phase is Phase.BACKFILL:
            return self.since is Phase.BACKFILL
        return not self.ends


@dataclass(frozen=True, slots=True)
class Workspace:
    """
    One customer.

    Attributes:
        company: Whose books it has; some have the same.
        user: Who connects it; some were connected by the same person.
        restated: Whether a figure of its changes between the phases.
    """

    id: str
    company: Company
    user: str
    trouble: Trouble | None
    restated: bool

    def fails(self, phase: Phase) -> bool:
        """Whether it is to fail in *phase*."""
        return self.trouble is not None and self.trouble.hits(phase)

    def lands(self, phase: Phase) -> bool:
        """Whether its figures are to be there after *phase*, be they of the phase before."""
        return not (self.fails(Phase.BACKFILL) and self.fails(phase))

    def books(self, phase: Phase, today: date) -> Books:
        """Return the books as they were when its figures landed last, by the end of *phase*."""
        books = Books(self.company, today=today)
        if self.restated and phase is Phase.REFRESH and not self.fails(Phase.REFRESH):
            account = books.account(RESTATED_ACCOUNT)
            books.restate(account.id, restated_day(today), RESTATED_AMOUNT)
        return books


def restated_day(today: date) -> date:
    """Return the day of the month before the running one that is posted to between the phases."""
    return month_start(add_months(today, -1)) + timedelta(days=14)


@dataclass(frozen=True)
class World:
    """All workspaces, in the order of their ids."""

    workspaces: tuple[Workspace, ...]

    @cached_property
    def companies(self) -> tuple[Company, ...]:
        """Each once."""
        return tuple({item.company.id: item.company for item in self.workspaces}.values())

    @cached_property
    def sharing(self) -> Mapping[str, int]:
        """Workspaces by tenant id."""
        return Counter(item.company.id for item in self.workspaces)

    def failing(self, phase: Phase) -> frozenset[str]:
        """Return the ids of those that are to fail in *phase*."""
        return frozenset(item.id for item in self.workspaces if item.fails(phase))

    def landing(self, phase: Phase) -> frozenset[str]:
        """Return the ids of those whose figures are to be there after *phase*."""
        return frozenset(item.id for item in self.workspaces if item.lands(phase))

    def troubled(self) -> Iterator[tuple[Workspace, Trouble]]:
        """Yield those that something happens to."""
        for item in self.workspaces:
            if item.trouble is not None:
                yield item, item.trouble


def build_world(options: Options) -> World:
    """Return the world of these options."""
    alone = [number for number in range(options.workspaces) if _is_alone(number)]
    count = min(round(options.workspaces * options.failing / 100), len(alone))
    chosen = sorted(Random(_SEED).sample(alone, count))
    troubles = dict(zip(chosen, cycle(_troubles()), strict=False))
    return World(tuple(_workspace(at, troubles.get(at)) for at in range(options.workspaces)))


def _troubles() -> list[Trouble]:
    """Return each kind, there from the beginning or coming later; a provider mends its error."""
    return [
        Trouble(kind, since, ends=kind is Kind.PROVIDER_ERROR and since is Phase.BACKFILL)
        for since in Phase
        for kind in Kind
    ]


def _is_alone(number: int) -> bool:
    """Whether a workspace shares neither organisation nor person with others."""
    return number % _EVERY not in {*_ONE_TENANT, *_ONE_USER}


def _workspace(number: int, trouble: Trouble | None) -> Workspace:
    hundred, place = divmod(number, _EVERY)
    currency, country = _COUNTRIES[number % len(_COUNTRIES)]
    name = f"Company {number:05} (sandbox)"
    if place in _ONE_TENANT:
        name, (currency, country) = f"Shared company {hundred:03} (sandbox)", _COUNTRIES[0]
    late = trouble is not None and trouble.since is Phase.REFRESH
    return Workspace(
        id=f"w{number:05}",
        company=make_company(
            name,
            currency,
            country,
            year_end=_YEAR_ENDS[0 if place in _ONE_TENANT else number % len(_YEAR_ENDS)],
        ),
        user=f"accountant-{hundred:03}" if place in _ONE_USER else f"owner-{number:05}",
        trouble=trouble,
        restated=late or (_is_alone(number) and number % _RESTATED_OF_EACH == 0),
    )
