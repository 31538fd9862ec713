"""Checks, before anything lands, that the warehouse can store what an adapter returned."""

from collections.abc import Iterable, Sequence

from integrations.contracts import PAYROLL_ENDPOINTS, DataBatch, Employee, PayrollCost
from integrations.contracts.money import check_fits


def check_batch(provider: str, batch: DataBatch) -> None:
    """
    Raise if an amount of *batch* has too many digits.

    Raises:
        PayloadError: Naming provider, statement, line and month, never the value.
    """
    for line in batch.lines:
        for month, value in line.values.items():
            check_fits(value, f"{provider}: {line.statement} line {line.label!r} {month}")


def check_people(provider: str, people: Iterable[Employee]) -> None:
    """
    Raise if a salary of *people* has too many digits.

    Raises:
        PayloadError: Naming provider, the employee's id and the spell, never the value.
    """
    for person in people:
        for spell in person.spells:
            where = f"{provider}: employee {person.employee_id!r} from {spell.start_date}"
            check_fits(spell.monthly_salary, f"{where}: monthly_salary")


def check_costs(provider: str, costs: Sequence[PayrollCost]) -> None:
    """
    Raise if a monthly cost has too many digits.

    Raises:
        PayloadError: Naming provider, month and kind, never the value.
    """
    for cost in costs:
        for name in PAYROLL_ENDPOINTS.values():  # the total is checked last, after its parts
            check_fits(getattr(cost, name), f"{provider}: payroll of {cost.month}: {name}")
