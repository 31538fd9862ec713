"""Checks of people and payroll cost against the sandbox's own data."""

from collections.abc import Sequence
from decimal import Decimal

from integrations.contracts import Employee, month_start
from integrations.sandbox_kit import SandboxTenant
from integrations.testing.expectations import expect
from integrations.testing.harness import Harness
from integrations.testing.truth import PayrollTruth, Spell, payroll_of

_MOST_TENANTS = 3
_PARTS = ("gross_pay", "employer_taxes", "benefits", "reimbursements")
_ZERO = Decimal(0)


def check_people_are_those_of_the_company_spell_by_spell(harness: Harness) -> None:
    """Every person with a spell that had not ended, with all spells, dates and pay."""
    harness.fresh()
    for tenant in harness.tenants()[:_MOST_TENANTS]:
        truth = _truth(harness, tenant)
        people = harness.reference(tenant).people
        found = {person.employee_id: person for person in people}
        wanted = _expected_people(harness, truth)
        missing = [truth.people[id_][0] for id_ in wanted if id_ not in found]
        more = [person.name for id_, person in found.items() if id_ not in wanted]
        expect(
            not missing and not more and len(found) == len(people),
            expected=f"{len(wanted)} people of {tenant.name}, each once, by the provider's id",
            found=f"{len(people)}; missing: {missing or 'none'}, too many: {more or 'none'}",
            why="a person who is missing costs nothing in the plan; one too many costs twice",
        )
        for id_ in wanted:
            name, spells = truth.people[id_]
            _expect_person(found[id_], name, spells)


def check_costs_of_every_month_equal_the_payrolls(harness: Harness) -> None:
    """Every part of the cost of every month is equal to the cent, for several companies."""
    harness.fresh()
    for tenant in harness.tenants()[:_MOST_TENANTS]:
        truth = _truth(harness, tenant)
        for cost in harness.reference(tenant).costs:
            true = truth.months[cost.month]
            for part in _PARTS:
                expect(
                    getattr(cost, part) == true[part],
                    expected=f"{part} of {tenant.name} in {cost.month}: {true[part]}",
                    found=f"{getattr(cost, part)}",
                    why="a wrong number is worse than no number",
                )
            expect(
                cost.currency == truth.currency,
                expected=f"amounts in {truth.currency}",
                found=cost.currency,
                why="amounts of another currency would be added to the plan's",
            )


def check_sums_prove_that_no_payroll_is_missing_or_twice(harness: Harness) -> None:
    """The months add up to the payrolls, and a month's parts to its total."""
    harness.fresh()
    tenant = harness.tenants()[0]
    truth, costs = _truth(harness, tenant), harness.reference(tenant).costs
    for cost in costs:
        total = truth.months[cost.month]["total_cost"]
        expect(
            cost.total_cost == total,
            expected=f"gross pay, employer taxes and benefits of {cost.month} to add up to {total}",
            found=f"{cost.total_cost}",
            why="what the employer pays must neither miss a part nor count one twice",
        )
    for part in _PARTS:
        whole = sum((months[part] for months in truth.months.values()), _ZERO)
        found = sum((getattr(cost, part) for cost in costs), _ZERO)
        expect(
            found == whole,
            expected=f"{part} of all months together: {whole}",
            found=f"{found}",
            why="a payroll across two months is easily lost, or counted in both",
        )


def check_absent_and_zero_are_told_apart(harness: Harness) -> None:
    """A month without a payroll is present with zero; a person without a job has no spell."""
    harness.fresh()
    tenant = harness.tenants()[0]
    truth = _truth(harness, tenant)
    fetched = harness.reference(tenant)
    found = {cost.month for cost in fetched.costs}
    expect(
        found == truth.months.keys(),
        expected=f"an entry for each of {len(truth.months)} months, with zeros where nothing was paid",
        found=f"{len(found)} months",
        why="a month that is left out looks like one that was never fetched",
    )
    for person in fetched.people:
        true = truth.people[person.employee_id][1] if person.employee_id in truth.people else ()
        unpaid = [spell for spell in person.spells if not spell.monthly_salary]
        truly = [spell for spell in true if not spell.monthly_salary]
        expect(
            len(unpaid) == len(truly) and bool(person.spells) == bool(true),
            expected=f"{len(true)} spells of {person.name}, {len(truly)} of them without pay",
            found=f"{len(person.spells)}, {len(unpaid)} of them without pay",
            why="an employee who has not started, or with pay that we may not see, does not work for "
            "nothing",
        )


def _truth(harness: Harness, tenant: SandboxTenant) -> PayrollTruth:
    return payroll_of(harness.control, tenant.id, harness.from_date, harness.today)


def _expected_people(harness: Harness, truth: PayrollTruth) -> list[str]:
    first = month_start(harness.from_date)
    return [
        id_
        for id_, (_name, spells) in truth.people.items()
        if not spells or any(spell.end is None or spell.end >= first for spell in spells)
    ]


def _expect_person(found: Employee, name: str, spells: tuple[Spell, ...]) -> None:
    true = [(item.title, item.start, item.end, item.monthly_salary) for item in spells]
    got = [
        (item.title, item.start_date, item.end_date, item.monthly_salary) for item in found.spells
    ]
    expect(
        found.name == name and got == true,
        expected=f"{name}: {_listed(true)}",
        found=f"{found.name}: {_listed(got)}",
        why="a wrong first or last day, or pay, moves the plan's cost by months",
    )


def _listed(spells: Sequence[tuple[str, object, object, Decimal]]) -> str:
    return (
        "; ".join(
            f"{title} {start} to {end or 'now'} at {pay:f} a month"
            for title, start, end, pay in spells
        )
        or "no spell"
    )


CHECKS = (
    check_people_are_those_of_the_company_spell_by_spell,
    check_costs_of_every_month_equal_the_payrolls,
    check_sums_prove_that_no_payroll_is_missing_or_twice,
    check_absent_and_zero_are_told_apart,
)
