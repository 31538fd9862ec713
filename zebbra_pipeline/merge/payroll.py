"""Employees of the integrations as model employees, and the monthly cost of all employees."""

import uuid
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from integrations.contracts import month_start
from zebbra_pipeline.figures import EmployeeSpell
from zebbra_pipeline.merge.schema import ModelEmployee

_EMPLOYEE_IDS = uuid.UUID("6f2f6a0e-55b7-5b0c-9d5e-0f6f5f6f1c11")
_CENT = Decimal("0.01")


@dataclass(frozen=True, slots=True)
class Pay:
    """A period with one monthly salary; both dates are inclusive."""

    start_date: date
    end_date: date | None
    monthly_salary: Decimal = field(repr=False)


@dataclass(frozen=True, slots=True)
class People:
    """
    Job spells for one model.

    Attributes:
        spells: Job spells that the model includes, in order.
        notes: Sentences about job spells that it leaves out.
    """

    spells: tuple[EmployeeSpell, ...]
    notes: tuple[str, ...]


def countable_spells(
    spells: Iterable[EmployeeSpell], first_month: date, *, currency: str | None
) -> People:
    """
    Return the spells that the model's payroll includes; currencies are never mixed.

    Spells that ended before the model's first month are left out. So are spells in another
    currency than the model's, with a note.

    Args:
        spells: Landed spells.
        first_month: Any day of the model's first month.
        currency: The currency that the document declares, or that of its filled rows. If
            None, the currency of the first spell.
    """
    began = month_start(first_month)
    current = sorted(
        (each for each in spells if each.end_date is None or each.end_date >= began), key=_order
    )
    if not current:
        return People((), ())
    kept = currency or current[0].currency
    notes: list[str] = []
    for other in sorted({each.currency for each in current} - {kept}):
        out = {(e.integration, e.employee_id) for e in current if e.currency == other}
        notes.append(f"payroll: left out {len(out)} paid in {other}; this model is in {kept}")
    return People(tuple(each for each in current if each.currency == kept), tuple(notes))


def employee_entries(spells: Iterable[EmployeeSpell]) -> list[dict[str, Any]]:
    """
    Return one model employee for each spell, so that past months keep their salary.

    Ids are decimal text and stable across merges.
    """
    seen: Counter[str] = Counter()
    entries: list[dict[str, Any]] = []
    for spell in spells:
        key = f"{spell.integration}/{spell.employee_id}/{spell.start_date.isoformat()}"
        seen[key] += 1
        if seen[key] > 1:  # two jobs begun on one day
            key = f"{key}/{seen[key]}"
        entries.append(
            {
                "_id": str(uuid.uuid5(_EMPLOYEE_IDS, key).int),
                "name": spell.name,
                "start_date": spell.start_date.isoformat(),
                "end_date": spell.end_date.isoformat() if spell.end_date else None,
                "title": spell.title,
                "department": spell.department,
                "monthly_salary": _json_number(spell.monthly_salary),
                "from_integration": True,
            }
        )
    return entries


def pay_of(people: Iterable[EmployeeSpell | ModelEmployee]) -> list[Pay]:
    """Return the periods of pay, for the monthly cost."""
    return [Pay(each.start_date, each.end_date, each.monthly_salary) for each in people]


def payroll_values(pays: Sequence[Pay], months: Iterable[date]) -> list[dict[str, Any]]:
    """
    Return the cost of each month, as `{"date": month end, "value": text}`.

    The cost is the sum of the monthly salaries, each multiplied by the share of the month's days
    employed (both dates inclusive), rounded once to 2 decimals, halves away from zero.
    """
    values: list[dict[str, Any]] = []
    for month in months:
        total = sum((pay.monthly_salary * _days(pay, month) for pay in pays), Decimal(0))
        cost = (total / month.day).quantize(_CENT, ROUND_HALF_UP) + 0
        values.append({"date": month.isoformat(), "value": format(cost, "f")})
    return values


def _days(pay: Pay, month: date) -> int:
    first = max(pay.start_date, month_start(month))
    last = min(pay.end_date or month, month)
    return max((last - first).days + 1, 0)


def _order(spell: EmployeeSpell) -> tuple[Any, ...]:
    who = (spell.integration, spell.name.casefold(), spell.employee_id)
    return (*who, spell.start_date, spell.title, spell.monthly_salary)


def _json_number(amount: Decimal) -> int | float | str:
    """
    Return *amount* for JSON: a number, since the planner adds salaries up.

    Up to 15 digits, the shortest text of the float equals the amount. Larger amounts, which no
    salary reaches, stay exact as text.
    """
    if amount == amount.to_integral_value():
        return int(amount)
    number = float(amount)
    return number if Decimal(repr(number)) == amount else format(amount, "f")
