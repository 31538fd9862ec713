"""The JSON of DemoPay in, people and costs out. Pure: no client, no clock, no database."""

from collections.abc import Mapping, Sequence
from datetime import date
from decimal import Decimal
from typing import Any

from integrations.contracts import (
    Employee,
    JobSpell,
    PayloadError,
    PayrollCost,
    month_start,
    parse_amount,
)

MONTHS_A_YEAR = 12
_PARTS = ("gross_pay", "employer_taxes", "benefits", "reimbursements")


def parse_employees(people: Sequence[Any], *, from_date: date) -> list[Employee]:
    """
    Return everybody who has not left before the month of *from_date*, with all job spells.

    Raises:
        PayloadError: If a person does not have the shape that the provider documents.
    """
    first_day = month_start(from_date)
    found = []
    for index, person in enumerate(people):
        where = f"DemoPay: employees[{index}]"
        try:
            spells = tuple(
                _spell(job, f"{where}.jobs[{number}]") for number, job in enumerate(person["jobs"])
            )
            if not spells or any((spell.end_date or first_day) >= first_day for spell in spells):
                found.append(Employee(employee_id=person["id"], name=person["name"], spells=spells))
        except (KeyError, TypeError, ValueError) as exc:
            problem = f"{where}: expected id, name and jobs, found {type(exc).__name__}"
            raise PayloadError(problem) from None
    return found


def parse_payrolls(answers: Sequence[Any], months: Sequence[date]) -> list[PayrollCost]:
    """
    Return what the payrolls of each of *months* cost, zeros where there was none.

    Raises:
        PayloadError: If a payroll does not have the shape that the provider documents.
    """
    try:
        (currency,) = {answer["currency"] for answer in answers}
        by_month = {item["month"]: item for answer in answers for item in answer["payrolls"]}
    except (KeyError, TypeError, ValueError) as exc:
        problem = f"DemoPay: payrolls: expected currency and payrolls, found {type(exc).__name__}"
        raise PayloadError(problem) from None
    return [
        PayrollCost(month=month, currency=currency, **_cost(by_month.get(f"{month:%Y-%m}")))
        for month in months
    ]


def _spell(job: Mapping[str, Any], where: str) -> JobSpell:
    annual = parse_amount(job["annual_pay"], f"{where}.annual_pay")
    return JobSpell(
        title=job["title"],
        department=job["department"],
        start_date=date.fromisoformat(job["from"]),
        end_date=None if job["to"] is None else date.fromisoformat(job["to"]),
        monthly_salary=(annual / MONTHS_A_YEAR).quantize(Decimal("0.01")),
        currency=job["currency"],
    )


def _cost(payroll: Mapping[str, Any] | None) -> dict[str, Decimal]:
    if payroll is None:
        return dict.fromkeys(_PARTS, Decimal("0.00"))
    return {name: parse_amount(payroll.get(name), f"DemoPay: payrolls.{name}") for name in _PARTS}
