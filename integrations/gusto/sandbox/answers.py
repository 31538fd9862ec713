"""
Gusto's JSON for the invented companies, field by field as its API documents it.

Answers include invented personal data, as Gusto's do: the plugin has to drop it.
"""

from datetime import UTC, date, datetime, time
from typing import Any

from integrations.gusto.sandbox.companies import Company
from integrations.gusto.sandbox.payruns import PayRun, totals
from integrations.gusto.sandbox.people import Job, Person, Stint, made_up_uuid

SANDBOX_EMAIL_DOMAIN = "people.sandbox.invalid"
SANDBOX_STREET = "Nowhere Lane"
_PHONE = "5550100"


def company_json(company: Company) -> dict[str, Any]:
    """Return the answer of `/v1/companies/{uuid}`."""
    return {
        "uuid": company.uuid,
        "name": company.name,
        "trade_name": company.name.removesuffix(" (sandbox)"),
        "ein": "00-0000000",
        "entity_type": "C-Corporation",
        "company_status": "Approved",
        "tier": "plus",
        "is_suspended": False,
        "locations": [],
        "primary_signatory": None,
        "primary_payroll_admin": None,
    }


def employee_json(
    company: Company, person: Person, *, all_compensations: bool, with_pay: bool
) -> dict[str, Any]:
    """
    Return an object of the employees' list.

    Args:
        company: The employer.
        person: The employee.
        all_compensations: Whether jobs have their whole history of pay.
        with_pay: Whether jobs have any pay: not without the scope `compensations:read`.
    """
    number = company.people.index(person) + 1
    mail = f"{person.first_name}.{number}@{SANDBOX_EMAIL_DOMAIN}".lower()
    return {
        "uuid": person.uuid,
        "first_name": person.first_name,
        "middle_initial": None,
        "last_name": person.last_name,
        "preferred_first_name": None,
        "email": mail,
        "work_email": mail,
        "phone": f"{_PHONE}{number:03}",
        "date_of_birth": f"19{60 + number % 40}-0{1 + number % 9}-1{number % 10}",
        "has_ssn": True,
        "ssn": f"000-00-{number:04}",
        "company_uuid": company.uuid,
        "manager_uuid": None,
        "version": made_up_uuid(person.uuid, "version").replace("-", ""),
        "department": person.department,
        "department_uuid": company.department_uuid(person.department),
        "terminated": person.terminated_by(company.today),
        "onboarded": person.onboarded,
        "onboarding_status": (
            "onboarding_completed" if person.onboarded else "self_onboarding_invited"
        ),
        "current_employment_status": "full_time",
        "payment_method": "Direct Deposit",
        "two_percent_shareholder": False,
        "historical": False,
        "hired_at": person.stints[-1].start.isoformat() if person.jobs else None,
        "jobs": [
            _job_json(
                person, job, company.today, all_compensations=all_compensations, with_pay=with_pay
            )
            for job in person.jobs
        ],
        "terminations": [
            _termination_json(person, stint.end, company.today)
            for stint in person.stints
            if stint.end is not None
        ],
        "garnishments": [],
        "eligible_paid_time_off": [],
        "current_home_address": {
            "street_1": f"{number} {SANDBOX_STREET}",
            "city": "Nowhere",
            "state": "CA",
            "zip": "00000",
        },
    }


def employment_history_json(person: Person) -> list[dict[str, Any]]:
    """Return the answer of `/v1/employees/{uuid}/employment_history`."""
    return [_stint_json(stint) for stint in person.stints]


def payroll_json(
    company: Company, run: PayRun, *, with_totals: bool, with_reversals: bool
) -> dict[str, Any]:
    """Return an object of the payrolls' list."""
    done = run.processed_by(company.today)
    answer: dict[str, Any] = {
        "payroll_deadline": _moment(run.run_on, 22),
        "check_date": run.check_date.isoformat(),
        "off_cycle": run.kind == "off_cycle",
        "off_cycle_reason": run.reason,
        "external": run.kind == "external",
        "processed": done,
        "processed_date": run.run_on.isoformat() if done else None,
        "calculated_at": _moment(run.run_on, 12) if done else None,
        "uuid": run.uuid,
        "payroll_uuid": run.uuid,
        "company_uuid": company.uuid,
        "created_at": _moment(run.start, 22),
        "pay_period": {
            "start_date": run.start.isoformat(),
            "end_date": run.end.isoformat(),
            "pay_schedule_uuid": company.schedule_uuid if run.kind == "regular" else None,
        },
    }
    if with_reversals and run.reversed_by is not None:
        answer["reversal_payroll_uuids"] = [run.reversed_by]
    if with_totals and done:
        answer["totals"] = totals(run.costs)
    return answer


def departments_json(company: Company) -> list[dict[str, Any]]:
    """Return the answer of `/v1/companies/{uuid}/departments`."""
    return [
        {
            "uuid": company.department_uuid(title),
            "company_uuid": company.uuid,
            "title": title,
            "version": company.department_uuid(title).replace("-", ""),
            "employees": [{"uuid": person.uuid} for person in people],
            "contractors": [],
        }
        for title, people in company.departments.items()
    ]


def pay_schedules_json(company: Company) -> list[dict[str, Any]]:
    """Return the answer of `/v1/companies/{uuid}/pay_schedules`; an inactive one comes first."""
    first = company.runs[0]
    common = {
        "anchor_pay_date": first.check_date.isoformat(),
        "anchor_end_of_pay_period": first.end.isoformat(),
        "day_1": None,
        "day_2": None,
        "auto_payroll": False,
    }
    return [
        {
            "uuid": made_up_uuid(company.uuid, "old schedule"),
            "version": made_up_uuid(company.uuid, "old schedule").replace("-", ""),
            "frequency": "Monthly",
            "name": "Until we grew",
            "custom_name": "Until we grew",
            **common,
            "active": False,
        },
        {
            "uuid": company.schedule_uuid,
            "version": company.schedule_uuid.replace("-", ""),
            "frequency": company.frequency,
            "name": "Everybody",
            "custom_name": "Everybody",
            **common,
            "active": True,
        },
    ]


def _job_json(
    person: Person, job: Job, today: date, *, all_compensations: bool, with_pay: bool
) -> dict[str, Any]:
    uuid = made_up_uuid(person.uuid, "job", job.title)
    answer: dict[str, Any] = {
        "uuid": uuid,
        "version": uuid.replace("-", ""),
        "employee_uuid": person.uuid,
        "title": job.title,
        "primary": job is person.jobs[0],
        # "hired or rehired for the job": the first hire is in the employment history only
        "hire_date": max(job.since, person.stints[-1].start).isoformat(),
        "two_percent_shareholder": False,
    }
    if not with_pay:
        return answer
    current = job.pay_on(today)
    rows = [
        {
            "uuid": made_up_uuid(uuid, "compensation", pay.since),
            "version": made_up_uuid(uuid, "compensation", pay.since).replace("-", ""),
            "job_uuid": uuid,
            "rate": pay.rate,
            "payment_unit": pay.unit,
            "flsa_status": {"Hour": "Nonexempt", "Paycheck": "Owner"}.get(pay.unit, "Exempt"),
            "effective_date": pay.since.isoformat(),
            "adjust_for_minimum_wage": False,
            "minimum_wages": [],
        }
        for pay in reversed(job.pay)
        if all_compensations or pay is current
    ]
    return answer | {
        "rate": current.rate,
        "payment_unit": current.unit,
        "current_compensation_uuid": made_up_uuid(uuid, "compensation", current.since),
        "compensations": rows,
    }


def _termination_json(person: Person, last_day: date, today: date) -> dict[str, Any]:
    return {
        "uuid": made_up_uuid(person.uuid, "termination", last_day),
        "employee_uuid": person.uuid,
        "version": made_up_uuid(person.uuid, "termination", last_day).replace("-", ""),
        "active": last_day < today,
        "cancelable": last_day >= today,
        "effective_date": last_day.isoformat(),
        "run_termination_payroll": False,
    }


def _stint_json(stint: Stint) -> dict[str, Any]:
    return {
        "hire_date": stint.start.isoformat(),
        "termination_date": stint.end.isoformat() if stint.end else None,
        "file_new_hire_report": False,
        "two_percent_shareholder": False,
        "employment_status": "full_time",
    }


def _moment(day: date, hour: int) -> str:
    return datetime.combine(day, time(hour), UTC).isoformat().replace("+00:00", "Z")
