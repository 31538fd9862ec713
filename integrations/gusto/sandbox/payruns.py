"""
Invented payrolls, computed from the people, and their true cost by month.

The totals of an emulated payroll follow Gusto: cost is gross pay, employer taxes and
benefits, while `company_debit` is only the cash that Gusto moves.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from decimal import ROUND_HALF_UP, Decimal
from random import Random
from typing import Literal

from integrations.contracts import add_months, month_end, month_start
from integrations.gusto.sandbox.people import Person, made_up_uuid

Kind = Literal["regular", "off_cycle", "external"]

COST = ("gross_pay", "employer_taxes", "benefits", "reimbursements")
_EMPLOYER_TAX_RATE = Decimal("0.0765")
_EMPLOYEE_TAX_RATE = Decimal("0.2210")
_BENEFITS_A_HEAD = Decimal("187.35")
_DAYS_A_YEAR = 365
_A_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class PayRun:
    """
    A payroll.

    Attributes:
        start, end: Its pay period, both days counted.
        run_on: Day on which it is processed.
        costs: By name, each of `COST`.
        reason: Why it is off-cycle, as Gusto words it.
        reverses: The payroll that it takes back.
        reversed_by: The payroll that takes this one back.
    """

    uuid: str
    kind: Kind
    start: date
    end: date
    check_date: date
    run_on: date
    costs: Mapping[str, Decimal] = field(repr=False)
    reason: str | None = None
    reverses: str | None = None
    reversed_by: str | None = None

    def processed_by(self, today: date) -> bool:
        """Return whether it has been run."""
        return self.run_on <= today

    def part_in(self, month: date, name: str) -> Decimal:
        """
        Return the part of *name* that belongs to *month*, by days of the pay period.

        No period here touches more than two months: the earlier one is rounded, the later has
        the rest.
        """
        amount = self.costs[name]
        first, last = month_end(self.start), month_end(self.end)
        if month not in {first, last}:
            return Decimal("0.00")
        if first == last:
            return amount
        early_days, days = (first - self.start).days + 1, (self.end - self.start).days + 1
        early = _cents(amount * early_days / days)
        return early if month == first else amount - early


Period = tuple[date, date, date, date]
"""First day, last day, check date, day of processing."""


def every_other_week(first_monday: date, until: date) -> Iterator[Period]:
    """Yield fortnights from *first_monday*, paid on the Friday after."""
    start = first_monday
    while start <= until:
        end = start + timedelta(days=13)
        yield start, end, end + timedelta(days=5), end + timedelta(days=2)
        start = end + _A_DAY


def twice_per_month(first: date, until: date) -> Iterator[Period]:
    """Yield half months from *first*, paid on their last day and processed two days before."""
    start = month_start(first)
    while start <= until:
        middle, last = start.replace(day=15), month_end(start)
        for begin, end in ((start, middle), (middle + _A_DAY, last)):
            yield begin, end, end, end - timedelta(days=2)
        start = month_start(add_months(start, 1))


def regular_runs(company: str, people: Sequence[Person], periods: Iterator[Period]) -> list[PayRun]:
    """Return the payroll of each period, oldest first."""
    return [
        PayRun(
            uuid=made_up_uuid(company, "payroll", start),
            kind="regular",
            start=start,
            end=end,
            check_date=check_date,
            run_on=run_on,
            costs=_costs(company, people, start, end),
        )
        for start, end, check_date, run_on in periods
    ]


def bonus(company: str, start: date, end: date, paid: date, amount: str) -> PayRun:
    """Return an off-cycle bonus payroll."""
    gross = Decimal(amount)
    return PayRun(
        uuid=made_up_uuid(company, "bonus", paid),
        kind="off_cycle",
        start=start,
        end=end,
        check_date=paid,
        run_on=paid - timedelta(days=3),
        costs=_with_taxes(gross, Decimal("0.00"), Decimal("0.00")),
        reason="Bonus",
    )


def external(company: str, start: date, end: date, amount: str) -> PayRun:
    """Return a payroll that was run elsewhere before the company came to Gusto."""
    return PayRun(
        uuid=made_up_uuid(company, "external", start),
        kind="external",
        start=start,
        end=end,
        check_date=end,
        run_on=end,
        costs=_with_taxes(Decimal(amount), Decimal("940.25"), Decimal("0.00")),
    )


def take_back(runs: Sequence[PayRun], day: date) -> list[PayRun]:
    """
    Return *runs* with the regular payroll of *day* reversed, and run again with 500.00 more.

    Both follow a month later, as payrolls of their own; the reversal's totals are negative.
    """
    wrong = next(run for run in runs if run.kind == "regular" and run.start <= day <= run.end)
    later = wrong.check_date + timedelta(days=30)
    reversal = replace(
        wrong,
        uuid=made_up_uuid(wrong.uuid, "reversal"),
        kind="off_cycle",
        check_date=later,
        run_on=later - timedelta(days=3),
        costs={name: -amount for name, amount in wrong.costs.items()},
        reason="Reversal",
        reverses=wrong.uuid,
    )
    right = replace(
        reversal,
        uuid=made_up_uuid(wrong.uuid, "correction"),
        costs={**wrong.costs, "gross_pay": wrong.costs["gross_pay"] + 500},
        reason="Correction",
        reverses=None,
    )
    marked = replace(wrong, reversed_by=reversal.uuid)
    return [marked if run is wrong else run for run in runs] + [reversal, right]


def true_cost(runs: Sequence[PayRun], month: date, today: date) -> dict[str, Decimal]:
    """Return what the payrolls processed by *today* cost in the month that ends on *month*."""
    done = [run for run in runs if run.processed_by(today)]
    return {name: sum((run.part_in(month, name) for run in done), Decimal("0.00")) for name in COST}


def totals(costs: Mapping[str, Decimal]) -> dict[str, str]:
    """Return the `totals` object of a payroll with these costs."""
    gross, employer, repaid = costs["gross_pay"], costs["employer_taxes"], costs["reimbursements"]
    employee_taxes = _cents(gross * _EMPLOYEE_TAX_RATE)
    deductions = _cents(gross * Decimal("0.0312"))
    net = gross - employee_taxes - deductions + repaid
    checks = _cents(net * Decimal("0.02"))
    figures = {
        "company_debit": net - checks + employer + employee_taxes,
        "net_pay_debit": net - checks,
        "tax_debit": employer + employee_taxes,
        "reimbursement_debit": repaid,
        "reimbursements": repaid,
        "net_pay": net,
        "gross_pay": gross,
        "check_amount": checks,
        "employer_taxes": employer,
        "employee_taxes": employee_taxes,
        "benefits": costs["benefits"],
        "employee_benefits_deductions": deductions,
    }
    none = dict.fromkeys(
        (
            "child_support_debit",
            "employee_bonuses",
            "employee_commissions",
            "employee_cash_tips",
            "employee_paycheck_tips",
            "additional_earnings",
            "owners_draw",
            "imputed_pay",
            "deferred_payroll_taxes",
            "other_deductions",
        ),
        "0.00",
    )
    return {name: f"{amount:.2f}" for name, amount in figures.items()} | none


def _costs(company: str, people: Sequence[Person], start: date, end: date) -> dict[str, Decimal]:
    gross, heads = Decimal("0.00"), 0
    for person in people:
        earned = _earned(person, start, end)
        if earned:
            chance = Random(f"{company}/{person.uuid}/{start}")
            hourly = any(pay.unit == "Hour" for job in person.jobs for pay in job.pay)
            worked = Decimal(chance.randint(880, 1090)) / 1000 if hourly else Decimal(1)
            gross += _cents(earned * worked)
            heads += 1
    chance = Random(f"{company}/{start}")
    repaid = Decimal(chance.randint(0, 60_000)) / 100
    return _with_taxes(gross, _BENEFITS_A_HEAD * heads, repaid)


def _with_taxes(gross: Decimal, benefits: Decimal, repaid: Decimal) -> dict[str, Decimal]:
    return {
        "gross_pay": gross,
        "employer_taxes": _cents(gross * _EMPLOYER_TAX_RATE),
        "benefits": benefits,
        "reimbursements": repaid.quantize(Decimal("0.01")),
    }


def _earned(person: Person, start: date, end: date) -> Decimal:
    days = (start + timedelta(days=index) for index in range((end - start).days + 1))
    return sum((person.monthly_on(day) * 12 for day in days), Decimal(0)) / _DAYS_A_YEAR


def _cents(amount: Decimal) -> Decimal:
    return amount.quantize(Decimal("0.01"), rounding=ROUND_HALF_UP)
