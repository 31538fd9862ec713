"""Made-up objects in the shapes of Gusto's API, with the personal data that comes along."""

from typing import Any

SECRETS = ("000-12-3456", "1984-05-06", "12 Hidden Road", "5550199", "private@mail.invalid")
"""Personal data in every `employee`; none of it may get past the parser."""


def compensation(rate: Any, unit: str, since: str | None, **more: Any) -> dict[str, Any]:
    return {
        "uuid": f"comp-{since}",
        "version": "v1",
        "job_uuid": "job-1",
        "rate": rate,
        "payment_unit": unit,
        "flsa_status": "Exempt",
        "effective_date": since,
        "adjust_for_minimum_wage": False,
        "minimum_wages": [],
        **more,
    }


def job(hire_date: str, *compensations: dict[str, Any], **more: Any) -> dict[str, Any]:
    """Return a job; the last compensation is the current one, as Gusto lists newest first."""
    current = compensations[-1]
    return {
        "uuid": "job-1",
        "version": "v1",
        "employee_uuid": "e-1",
        "title": "Baker",
        "primary": True,
        "hire_date": hire_date,
        "rate": current["rate"],
        "payment_unit": current["payment_unit"],
        "current_compensation_uuid": current["uuid"],
        "compensations": list(reversed(compensations)),
        **more,
    }


def employee(*jobs: dict[str, Any], **more: Any) -> dict[str, Any]:
    ssn, born, street, phone, mail = SECRETS
    return {
        "uuid": "e-1",
        "first_name": "Ada",
        "middle_initial": "Q",
        "last_name": "Byron",
        "email": mail,
        "work_email": mail,
        "phone": phone,
        "date_of_birth": born,
        "has_ssn": True,
        "ssn": ssn,
        "current_home_address": {"street_1": street, "zip": "00000"},
        "department": "Kitchen",
        "department_uuid": "d-1",
        "terminated": False,
        "onboarded": True,
        "onboarding_status": "onboarding_completed",
        "jobs": list(jobs),
        "terminations": [],
        **more,
    }


def termination(last_day: str) -> dict[str, Any]:
    return {
        "uuid": f"t-{last_day}",
        "employee_uuid": "e-1",
        "active": True,
        "cancelable": False,
        "effective_date": last_day,
        "run_termination_payroll": False,
    }


def stint(start: str, end: str | None) -> dict[str, Any]:
    """Return an entry of the employment history."""
    return {
        "hire_date": start,
        "termination_date": end,
        "file_new_hire_report": False,
        "two_percent_shareholder": False,
        "employment_status": "full_time",
    }


def payroll(
    uuid: str,
    start: str,
    end: str,
    gross: Any = "1000.00",
    *,
    taxes: Any = "76.50",
    benefits: Any = "50.00",
    reimbursements: Any = "0.00",
    **more: Any,
) -> dict[str, Any]:
    return {
        "uuid": uuid,
        "payroll_uuid": uuid,
        "company_uuid": "c-1",
        "check_date": end,
        "off_cycle": False,
        "external": False,
        "processed": True,
        "processed_date": end,
        "calculated_at": f"{end}T12:00:00Z",
        "pay_period": {"start_date": start, "end_date": end, "pay_schedule_uuid": "s-1"},
        "totals": {
            "company_debit": "900.00",
            "gross_pay": gross,
            "employer_taxes": taxes,
            "employee_taxes": "200.00",
            "benefits": benefits,
            "reimbursements": reimbursements,
            "owners_draw": "123.45",
            "net_pay": "800.00",
        },
        **more,
    }


def pay_schedule(frequency: str, *, active: bool = True) -> dict[str, Any]:
    return {
        "uuid": f"s-{frequency}",
        "version": "v1",
        "frequency": frequency,
        "anchor_pay_date": "2025-01-15",
        "anchor_end_of_pay_period": "2025-01-08",
        "day_1": None,
        "day_2": None,
        "name": "Everybody",
        "auto_payroll": False,
        "active": active,
    }
