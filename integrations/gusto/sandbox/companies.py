"""The invented companies: people, payrolls, and the true figures that tests expect."""

from dataclasses import dataclass, field
from datetime import date, timedelta
from decimal import Decimal

from integrations.gusto.sandbox.payruns import (
    PayRun,
    bonus,
    every_other_week,
    external,
    regular_runs,
    take_back,
    true_cost,
    twice_per_month,
)
from integrations.gusto.sandbox.people import Person, made_up_uuid
from integrations.gusto.sandbox.rosters import ACME, HARBOR, acme, harbor

_WEEK = timedelta(days=7)


@dataclass(frozen=True, slots=True)
class Company:
    """
    A company as of one day.

    Attributes:
        today: The books end here: later payrolls are not processed.
        frequency: Of its active pay schedule, as Gusto words it.
        runs: Payrolls of all kinds, those that are still to be processed included.
    """

    uuid: str
    name: str
    today: date
    frequency: str
    people: tuple[Person, ...] = field(repr=False)
    runs: tuple[PayRun, ...] = field(repr=False)

    def true_cost(self, month: date) -> dict[str, Decimal]:
        """
        Return what the month that ends on *month* cost the employer.

        Keys: `gross_pay`, `employer_taxes`, `benefits`, `reimbursements`.
        """
        return true_cost(self.runs, month, self.today)

    @property
    def departments(self) -> dict[str, list[Person]]:
        """People by department, in the order in which they came."""
        grouped: dict[str, list[Person]] = {}
        for person in self.people:
            grouped.setdefault(person.department, []).append(person)
        return grouped

    def department_uuid(self, title: str) -> str:
        """Return the invented id of a department."""
        return made_up_uuid(self.name, "department", title)

    @property
    def schedule_uuid(self) -> str:
        """Return the invented id of the active pay schedule."""
        return made_up_uuid(self.name, "schedule")


def company_uuid(name: str) -> str:
    """Return the invented id of the company called *name*."""
    return made_up_uuid(name)


def build_companies(today: date) -> tuple[Company, ...]:
    """Return all companies as of *today*; the same day gives the same figures."""
    return (_acme(today), _harbor(today))


def _acme(today: date) -> Company:
    people = acme(today)
    founded = date(today.year - 3, 1, 1)
    monday = founded + timedelta(days=-founded.weekday() % 7)
    runs = regular_runs(ACME, people, every_other_week(monday, today + 6 * _WEEK))
    runs = take_back(runs, date(today.year - 1, 8, 31))
    runs += [
        bonus(ACME, date(year, 12, 1), date(year, 12, 31), date(year, 12, 18), amount)
        for year, amount in ((today.year - 2, "41250.00"), (today.year - 1, "52500.00"))
    ]
    # Commissions of two months, in one payroll with a period across both.
    runs.append(
        bonus(
            ACME,
            date(today.year - 1, 4, 16),
            date(today.year - 1, 5, 15),
            date(today.year - 1, 5, 22),
            "9871.43",
        )
    )
    return _company(ACME, today, "Every other week", people, runs)


def _harbor(today: date) -> Company:
    people = harbor(today)
    opened = date(today.year - 2, 6, 1)
    runs = regular_runs(HARBOR, people, twice_per_month(opened, today + 6 * _WEEK))
    runs.append(
        external(HARBOR, date(today.year - 2, 5, 1), date(today.year - 2, 5, 31), "12290.88")
    )
    return _company(HARBOR, today, "Twice per month", people, runs)


def _company(
    name: str, today: date, frequency: str, people: list[Person], runs: list[PayRun]
) -> Company:
    return Company(
        uuid=company_uuid(name),
        name=name,
        today=today,
        frequency=frequency,
        people=tuple(people),
        runs=tuple(sorted(runs, key=lambda run: (run.check_date, run.uuid))),
    )
