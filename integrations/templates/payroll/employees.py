"""
The JSON of DemoPay in, people and costs out. Pure: no client, no clock, no database.

Nearly all tests of a plugin are about this module: give it answers as the provider documents
them, and broken ones. Only what `Employee` and `PayrollCost` have fields for is read: birth
dates, addresses and the like end here.
"""

from collections.abc import Sequence
from datetime import date
from typing import Any

from integrations.contracts import Employee, PayloadError, PayrollCost


def parse_employees(people: Sequence[Any], *, from_date: date) -> list[Employee]:
    """
    Return all people who have not left before the month of *from_date*, with all job spells.

    Raises:
        PayloadError: If a person does not have the shape that the provider documents.
    """
    # FILL IN: make an `Employee` of each person, with a `JobSpell` for each time in which job
    # and pay did not change; their docstrings say what each field means. `monthly_salary` is the
    # pay of a full month: say in this module what you assume of weekly and hourly rates. Amounts
    # go through `parse_amount`, which never sees a float. An error names place and type, never
    # a value: "DemoPay: employees[3].jobs[0].pay: expected an amount as text, found list".
    found = f"{len(people)} people, from {from_date}"
    raise PayloadError(f"DemoPay: fill in employees.parse_employees ({found})")


def parse_payrolls(answers: Sequence[Any], months: Sequence[date]) -> list[PayrollCost]:
    """
    Return what the payrolls of each of *months* cost, zeros where there was none.

    Raises:
        PayloadError: If a payroll does not have the shape that the provider documents.
    """
    # FILL IN: add up gross pay, the employer's taxes and the company's benefits by month, with
    # reimbursements next to them; `PayrollCost` says what each field means. A payroll whose
    # period lies in two months belongs to both, by days; `integrations/gusto/payrolls.py` shows
    # how. See the example answer with totals.
    found = f"{len(answers)} answers, {len(months)} months"
    raise PayloadError(f"DemoPay: fill in employees.parse_payrolls ({found})")
