"""
Parse Gusto's payrolls into the employer's cost of each month. Pure: JSON in, figures out.

Cost is `gross_pay + employer_taxes + benefits` of a payroll's totals, `reimbursements` beside
it. `company_debit` is cash that moves through Gusto and `owners_draw` is no cost; neither is
read.

A payroll belongs to the months in which its pay period's days lie, each day for an equal part:
that is accrual, as in the profit and loss that a planner compares with. By check date a
biweekly payroll would give some months three paydays and others two. Parts are whole cents and
add up to the payroll's total exactly: what is left over goes to the largest remainders.

Reversals and corrections are payrolls of their own and count with the signs they come with.
Contractors are paid outside payrolls and are no part of this.
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from decimal import Decimal

from integrations.contracts import (
    PayloadError,
    PayrollCost,
    month_end,
    month_ends,
    month_start,
    parse_amount,
)
from integrations.gusto.fields import (
    Record,
    expect_day,
    expect_record,
    expect_text,
    optional_text,
)
from integrations.gusto.pay import CURRENCY

COST_FIELDS = ("gross_pay", "employer_taxes", "benefits", "reimbursements")

_A_DAY = timedelta(days=1)

RANGE = timedelta(days=364)
"""From the first to the last day of a query: Gusto refuses more than a year."""

OVERLAP = timedelta(days=93)
"""
How far a query reaches back into the one before it.

`date_filter_by=check_date` holds for regular payrolls only; the others are chosen by pay
period, and one that lies across two queries would be in neither. A quarter is the longest
period short of a year.
"""

PAID_EARLY = timedelta(days=366)
"""
How long before the first wanted month a payroll for it may have been paid.

The longest pay period is a year, and nobody is paid before it begins.
"""

_FINEST = -4
"""Exponent of the last decimal that an amount can have; see `parse_amount`."""

_LONGEST_PERIOD = timedelta(days=2 * 366)
"""Of a payroll, with room to spare: a longer one is a mistake, and is not split by months."""

AHEAD = timedelta(days=85)
"""How far past today to ask: just short of the three months that Gusto allows."""


@dataclass(frozen=True, slots=True)
class Payroll:
    """
    A processed payroll.

    Attributes:
        start, end: First and last day of its pay period.
        amounts: By name, each of `COST_FIELDS`.
    """

    uuid: str
    start: date
    end: date
    amounts: Mapping[str, Decimal] = field(repr=False)


def query_ranges(from_date: date, today: date) -> Iterator[tuple[date, date]]:
    """
    Yield `start_date` and `end_date` of the queries that together miss no payroll.

    They overlap; `parse_payrolls` counts a payroll once.

    Args:
        from_date: Any day of the first month wanted.
        today: Day of the fetch.
    """
    start = month_start(from_date) - PAID_EARLY
    last = today + AHEAD
    while start + RANGE < last:
        yield start, start + RANGE
        start += RANGE - OVERLAP
    yield start, last


def parse_payrolls(payrolls: Sequence[Record]) -> list[Payroll]:
    """
    Return the processed ones among *payrolls*, each once.

    Args:
        payrolls: `GET /v1/companies/{uuid}/payrolls` with `include=totals`, all pages.

    Raises:
        PayloadError: If a processed payroll lacks its pay period or one of its totals.
    """
    parsed: dict[str, Payroll] = {}
    for index, record in enumerate(payrolls):
        where = f"Gusto: payrolls[{index}]"
        if record.get("processed") is not True:
            continue
        uuid = optional_text(record, "payroll_uuid") or expect_text(record, "uuid", where)
        period = expect_record(record.get("pay_period"), f"{where}.pay_period")
        start = expect_day(period, "start_date", f"{where}.pay_period")
        end = expect_day(period, "end_date", f"{where}.pay_period")
        if abs(end - start) > _LONGEST_PERIOD:
            raise PayloadError(
                f"{where}.pay_period: expected at most {_LONGEST_PERIOD.days} days, found more"
            )
        totals = expect_record(record.get("totals"), f"{where}.totals")
        parsed[uuid] = Payroll(
            uuid=uuid,
            start=min(start, end),
            end=max(start, end),
            amounts={
                name: parse_amount(totals.get(name), f"{where}.totals.{name}")
                for name in COST_FIELDS
            },
        )
    return list(parsed.values())


def monthly_costs(
    payrolls: Sequence[Payroll], *, from_date: date, to_date: date
) -> list[PayrollCost]:
    """
    Return the cost of every month from *from_date*'s to *to_date*'s, ascending.

    Parts of a payroll that fall into other months are left out; they are in those months'
    figures when these are asked for.
    """
    sums: dict[date, dict[str, Decimal]] = defaultdict(
        lambda: dict.fromkeys(COST_FIELDS, Decimal("0.00"))
    )
    for payroll in payrolls:
        for name, amount in payroll.amounts.items():
            for month, part in split_by_days(amount, payroll.start, payroll.end).items():
                sums[month][name] += part
    return [
        PayrollCost(month=month, currency=CURRENCY, **sums[month])
        for month in month_ends(from_date, to_date)
    ]


def split_by_days(amount: Decimal, start: date, end: date) -> dict[date, Decimal]:
    """
    Return *amount* split over the months from *start* to *end*, by days, both counted.

    Parts are multiples of a cent, or of the amount's last decimal if it has more, and add up
    to *amount*. Equal remainders favour the earlier month.
    """
    days = _days_by_month(start, end)
    total_days = sum(days.values())
    # Zeros at its end, of which there may be hundreds, are no decimals.
    unit = Decimal(1).scaleb(max(_FINEST, min(-2, int(amount.as_tuple().exponent))))
    units = int(abs(amount) / unit)
    sign = -1 if amount < 0 else 1
    shares = {month: divmod(units * count, total_days) for month, count in days.items()}
    left = units - sum(whole for whole, _ in shares.values())
    by_remainder = sorted(shares, key=lambda month: (-shares[month][1], month))
    extra = set(by_remainder[:left])
    return {month: sign * (whole + (month in extra)) * unit for month, (whole, _) in shares.items()}


def _days_by_month(start: date, end: date) -> dict[date, int]:
    days: dict[date, int] = {}
    while start <= end:
        last = min(month_end(start), end)
        days[month_end(start)] = (last - start).days + 1
        start = last + _A_DAY
    return days
