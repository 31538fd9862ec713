"""
The emulator's answers.

A person:

    {"id": "p-1", "name": "Ada Byron", "born": "1985-12-10", "phone": "01632 960101",
     "jobs": [{"title": "Engineer", "department": "Product", "from": "2023-03-01", "to": null,
               "annual_pay": "60000.00", "currency": "GBP"}]}

A payroll is that of a calendar month:

    {"month": "2024-01", "gross_pay": "10000.00", "employer_taxes": "1380.00",
     "benefits": "360.00", "reimbursements": "12.50"}
"""

from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from typing import Any

from integrations.templates.payroll.sandbox.people import Person


# FILL IN: the provider's own answers, field by field. See the example answers in the API
# reference, or record some from the provider's test company and replace people and pay.
def person_json(person: Person) -> dict[str, Any]:
    """Return a person as the API shows one."""
    return {
        "id": person.id,
        "name": person.name,
        "born": person.born,
        "phone": person.phone,
        "jobs": [
            {
                "title": job.title,
                "department": job.department,
                "from": job.start.isoformat(),
                "to": None if job.end is None else job.end.isoformat(),
                "annual_pay": f"{job.annual_pay:.2f}",
                "currency": job.currency,
            }
            for job in person.jobs
        ],
    }


def payroll_json(month: date, cost: Mapping[str, Decimal]) -> dict[str, str]:
    """Return the payroll of a month."""
    return {"month": f"{month:%Y-%m}", **{name: f"{amount:.2f}" for name, amount in cost.items()}}
