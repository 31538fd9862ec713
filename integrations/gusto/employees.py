"""
Parse Gusto's employees into job spells. Pure: JSON in, `Employee` out; the input stays as it is.

Of a person only the id, the name, the department, and the jobs with their pay are read. Social
security number, birth date, addresses, phone and email come along in Gusto's answer and end
here.

How spells come about:

* *periods* are the times in which a person was employed: from a job's hire date to the last
  day of work, or, for somebody who came back, what the employment history lists;
* a job runs through every period from its hire date on. A period that ended before any job's
  hire date belongs to the primary job: Gusto overwrites a job's hire date on a rehire;
* a job's compensations cut it where the pay changes. Days before the first compensation's
  effective date are paid as by the first one;
* somebody with several jobs at once has a series of spells for each.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from decimal import Decimal

from integrations.contracts import (
    AccessDeniedError,
    Employee,
    JobSpell,
    month_start,
    parse_amount,
)
from integrations.gusto.fields import (
    Record,
    expect_day,
    expect_records,
    expect_text,
    optional_day,
    optional_text,
)
from integrations.gusto.pay import CURRENCY, PAYCHECK, monthly_pay

_A_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class _Period:
    """Both days counted; *end* is None while it lasts."""

    start: date
    end: date | None

    def contains(self, day: date) -> bool:
        return self.start <= day and (self.end is None or day <= self.end)


@dataclass(frozen=True, slots=True)
class _Employment:
    history: Sequence[Record] | None
    terminations: Sequence[date]
    terminated: bool

    def last_day(self, start: date) -> date | None:
        """Return the last day of work of somebody who started on *start*, if it is known."""
        return min((day for day in self.terminations if day >= start), default=None)


@dataclass(frozen=True, slots=True)
class _Pay:
    since: date
    monthly: Decimal = field(repr=False)


@dataclass(frozen=True, slots=True)
class _Job:
    title: str
    primary: bool
    hire_date: date
    pay: tuple[_Pay, ...]


def needs_history(employee: Record, *, from_date: date, today: date) -> bool:
    """
    Return whether *employee* may have been hired again, so that only the history has all spells.

    True for somebody with a termination who works again (or is to), or who has several
    terminations or hire dates; not for somebody who left for good before *from_date*'s month.

    Args:
        employee: One object of the employees' list.
        from_date: Any day of the first month wanted.
        today: A termination before it has taken effect.

    Raises:
        PayloadError: If a date is not where Gusto documents it.
    """
    terminations = _termination_days(employee, "Gusto: employees[]")
    if not terminations:
        return False
    hired = set(_hire_dates(employee))
    terminated = employee.get("terminated") is True
    last = max(terminations)
    if terminated and last < month_start(from_date) and all(day <= last for day in hired):
        return False
    works_again = not terminated and min(terminations) < today
    hired_after = any(day > min(terminations) for day in hired)
    return works_again or hired_after or len(set(terminations)) > 1 or len(hired) > 1


def paid_by_paycheck(employees: Sequence[Record]) -> bool:
    """Return whether any pay is per paycheck, so that the company's pay schedules are needed."""
    return any(
        source.get("payment_unit") == PAYCHECK
        for employee in employees
        for job in expect_records(employee.get("jobs") or [], "Gusto: employees[].jobs")
        for source in (job, *(job.get("compensations") or ()))
    )


def parse_employees(
    employees: Sequence[Record],
    *,
    histories: Mapping[str, Sequence[Record]],
    paychecks_per_year: int | None,
    from_date: date,
) -> list[Employee]:
    """
    Return everybody who has not left before the month of *from_date*, in Gusto's order.

    Somebody who is being onboarded and has no job yet is returned without spells.

    Args:
        employees: The employees' list with `include=all_compensations`, all pages.
        histories: Employment history by employee uuid, of those who `needs_history`.
        paychecks_per_year: See `pay.paychecks_per_year`.
        from_date: Any day of the first month wanted.

    Raises:
        AccessDeniedError: If a job comes without its pay, which is how Gusto answers when the
            scope `compensations:read` was not granted.
        PayloadError: If an object does not have the shape that Gusto documents.
    """
    first_day = month_start(from_date)
    parsed = []
    for index, record in enumerate(employees):
        where = f"Gusto: employees[{index}]"
        uuid = expect_text(record, "uuid", where)
        spells = tuple(
            _spells(record, histories.get(uuid), paychecks_per_year=paychecks_per_year, where=where)
        )
        if spells:
            gone = all(spell.end_date and spell.end_date < first_day for spell in spells)
        else:
            gone = record.get("terminated") is True
        if not gone:
            parsed.append(Employee(employee_id=uuid, name=_name(record, where), spells=spells))
    return parsed


def _spells(
    record: Record,
    history: Sequence[Record] | None,
    *,
    paychecks_per_year: int | None,
    where: str,
) -> list[JobSpell]:
    employed = _Employment(
        history=history,
        terminations=_termination_days(record, where),
        terminated=record.get("terminated") is True,
    )
    jobs = [
        job
        for index, item in enumerate(expect_records(record.get("jobs") or [], f"{where}.jobs"))
        if (job := _job(item, record, paychecks_per_year, f"{where}.jobs[{index}]"))
    ]
    department = optional_text(record, "department")
    spells = [
        JobSpell(
            title=job.title,
            department=department,
            start_date=start,
            end_date=end,
            monthly_salary=monthly,
            currency=CURRENCY,
        )
        for job in jobs
        for period in _periods_of(job, jobs, employed, where)
        for start, end, monthly in _cut_by_pay(period, job.pay)
    ]
    return sorted(spells, key=lambda spell: spell.start_date)


def _job(
    record: Record, employee: Record, paychecks_per_year: int | None, where: str
) -> _Job | None:
    rows = record.get("compensations")
    if not rows and record.get("rate") is None:
        if "compensations" in record and employee.get("onboarded") is False:
            return None  # the pay is still to be agreed
        raise AccessDeniedError(
            f"{where}: expected rate, payment_unit and compensations, found none; "
            "Gusto leaves them out where the scope compensations:read is not granted"
        )
    hire_date = expect_day(record, "hire_date", where)
    pay: dict[date, _Pay] = {}
    for place, row in _compensations(record, rows, where):
        rate = parse_amount(row.get("rate"), f"{place}.rate")
        unit = expect_text(row, "payment_unit", place)
        monthly = monthly_pay(rate, unit, paychecks_per_year=paychecks_per_year, where=place)
        since = optional_day(row, "effective_date", place) or hire_date
        pay[since] = _Pay(since=since, monthly=monthly)
    return _Job(
        title=optional_text(record, "title") or "",
        primary=record.get("primary") is True,
        hire_date=hire_date,
        pay=tuple(pay[since] for since in sorted(pay)),
    )


def _compensations(job: Record, rows: object, where: str) -> Iterator[tuple[str, Record]]:
    if not rows:
        yield where, job
        return
    for index, row in enumerate(expect_records(rows, f"{where}.compensations")):
        yield f"{where}.compensations[{index}]", row


def _periods_of(
    job: _Job, jobs: Sequence[_Job], employed: _Employment, where: str
) -> Iterator[_Period]:
    """Yield the parts of the person's employment that *job* runs through, oldest first."""
    if not employed.history:
        last_day = employed.last_day(job.hire_date)
        if last_day or not (employed.terminations and employed.terminated):
            yield _Period(job.hire_date, last_day)
        return
    earliest_hire = min(item.hire_date for item in jobs)
    heir = next((item for item in jobs if item.primary), jobs[0])
    for period in _history(employed, where):
        if period.end is not None and period.end < earliest_hire:
            if job is heir:
                yield period
        elif period.end is None or job.hire_date <= period.end:
            yield _Period(max(job.hire_date, period.start), period.end)


def _history(employed: _Employment, where: str) -> Iterator[_Period]:
    for index, row in enumerate(employed.history or ()):
        place = f"{where}.employment_history[{index}]"
        start = expect_day(row, "hire_date", place)
        # A termination that is still to come may be known to the person's record only.
        end = optional_day(row, "termination_date", place) or employed.last_day(start)
        if end is None or end >= start:  # otherwise the person never came
            yield _Period(start, end)


def _cut_by_pay(
    period: _Period, pay: Sequence[_Pay]
) -> Iterator[tuple[date, date | None, Decimal]]:
    """Yield the parts of *period* with the monthly pay of each, oldest first."""
    start = period.start
    current = next((item for item in reversed(pay) if item.since <= start), pay[0])
    for item in pay:
        if item.since > start and period.contains(item.since) and item.monthly != current.monthly:
            yield start, item.since - _A_DAY, current.monthly
            start, current = item.since, item
    yield start, period.end, current.monthly


def _termination_days(employee: Record, where: str) -> list[date]:
    place = f"{where}.terminations"
    return [
        expect_day(item, "effective_date", f"{place}[{index}]")
        for index, item in enumerate(expect_records(employee.get("terminations") or [], place))
    ]


def _hire_dates(employee: Record) -> Iterator[date]:
    for job in expect_records(employee.get("jobs") or [], "Gusto: employees[].jobs"):
        yield expect_day(job, "hire_date", "Gusto: employees[].jobs[]")
    hired_at = optional_day(employee, "hired_at", "Gusto: employees[]")
    if hired_at:
        yield hired_at


def _name(employee: Record, where: str) -> str:
    parts = (optional_text(employee, "first_name"), optional_text(employee, "last_name"))
    return " ".join(filter(None, parts)) or expect_text(employee, "last_name", where)
