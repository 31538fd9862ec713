"""
Turn Gusto's rates into the pay of a full month.

Gusto knows the rate and its unit, not the hours of a salaried month. What we assume:

* an hourly rate is paid for `HOURS_PER_WEEK` hours in each of `WEEKS_PER_YEAR` weeks. Gusto's
  employment status tells "20 hours or more" from "fewer" but gives no number, so part-time
  people come out as if they worked full time; the payroll costs have what was really paid;
* a year has 52 weeks and 12 equal months, so a weekly rate counts 52/12 times;
* a `Paycheck` rate is paid as often as the company's active pay schedule says;
* the result is rounded once, at the end, to cents, half of a cent upwards.

Units: https://docs.gusto.com/app-integrations/reference/get-v1-employees-employee_id-jobs
"""

from collections.abc import Mapping, Sequence
from decimal import ROUND_HALF_UP, Decimal
from types import MappingProxyType

from integrations.contracts import PayloadError
from integrations.gusto.fields import Record, expect_text

CURRENCY = "USD"
"""Gusto pays in the United States only; its API names no currency."""

HOURS_PER_WEEK = 40
WEEKS_PER_YEAR = 52
MONTHS_PER_YEAR = 12
CENT = Decimal("0.01")

PAYCHECK = "Paycheck"

PAYMENTS_PER_YEAR: Mapping[str, int] = MappingProxyType(
    {
        "Hour": HOURS_PER_WEEK * WEEKS_PER_YEAR,
        "Week": WEEKS_PER_YEAR,
        "Month": MONTHS_PER_YEAR,
        "Year": 1,
    }
)
"""How often a rate in this unit is paid in a year. `Paycheck` depends on the company."""

PAYCHECKS_PER_YEAR: Mapping[str, int] = MappingProxyType(
    {
        "Every week": 52,
        "Every other week": 26,
        "Twice per month": 24,
        "Monthly": 12,
        "Quarterly": 4,
        "Annually": 1,
    }
)
"""How often a pay schedule's `frequency` pays in a year."""


def monthly_pay(rate: Decimal, unit: str, *, paychecks_per_year: int | None, where: str) -> Decimal:
    """
    Return the pay of a full month, in the rate's currency, rounded to cents.

    Args:
        rate: Pay for one *unit*, in major units.
        unit: Gusto's `payment_unit`: `Hour`, `Week`, `Month`, `Year` or `Paycheck`.
        paychecks_per_year: From `paychecks_per_year`; only `Paycheck` needs it.
        where: Place of the rate's object in the payload, for the error.

    Raises:
        PayloadError: If the unit is another one, or is `Paycheck` without a pay schedule.
    """
    if unit == PAYCHECK:
        payments = paychecks_per_year
        if payments is None:
            raise PayloadError(f"{where}: paid by paycheck: expected a pay schedule, found none")
    else:
        payments = PAYMENTS_PER_YEAR.get(unit)
        if payments is None:
            raise PayloadError(
                f"{where}.payment_unit: expected one of "
                f"{', '.join((*PAYMENTS_PER_YEAR, PAYCHECK))}, found other text"
            )
    return (rate * payments / MONTHS_PER_YEAR).quantize(CENT, rounding=ROUND_HALF_UP)


def paychecks_per_year(pay_schedules: Sequence[Record]) -> int | None:
    """
    Return how many paychecks a year the company's pay schedules mean, or None without any.

    Active schedules count before inactive ones. A company with several of different frequency
    pays owners, whom `Paycheck` is for, by the first that Gusto lists.

    Args:
        pay_schedules: `GET /v1/companies/{uuid}/pay_schedules`.

    Raises:
        PayloadError: If that schedule's frequency is none that Gusto documents.
    """
    if not pay_schedules:
        return None
    active = [index for index, item in enumerate(pay_schedules) if item.get("active") is True]
    index = active[0] if active else 0
    where = f"Gusto: pay_schedules[{index}]"
    frequency = expect_text(pay_schedules[index], "frequency", where)
    if frequency not in PAYCHECKS_PER_YEAR:
        raise PayloadError(
            f"{where}.frequency: expected one of {', '.join(PAYCHECKS_PER_YEAR)}, found other text"
        )
    return PAYCHECKS_PER_YEAR[frequency]
