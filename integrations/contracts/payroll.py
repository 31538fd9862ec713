"""What a payroll adapter returns: people with their job spells, and the real monthly cost."""

from datetime import date
from decimal import Decimal

from pydantic import BaseModel, ConfigDict, model_validator

PAYROLL_ENDPOINTS = {
    "Gross Pay": "gross_pay",
    "Employer Taxes": "employer_taxes",
    "Benefits": "benefits",
    "Reimbursements": "reimbursements",
    "Total Payroll Cost": "total_cost",
}
"""Endpoint names of the monthly payroll cost, with the field that each stands for."""


class JobSpell(BaseModel):
    """
    A time during which one person's job and pay did not change.

    Attributes:
        start_date: First day of it.
        end_date: Last day of it, counted; None while it lasts.
        monthly_salary: Gross pay of a full month in major units of *currency*.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    title: str
    department: str | None = None
    start_date: date
    end_date: date | None = None
    monthly_salary: Decimal
    currency: str

    @model_validator(mode="after")
    def _ends_after_start(self) -> "JobSpell":
        if self.end_date is not None and self.end_date < self.start_date:
            raise ValueError("end_date: expected a day on or after start_date")
        return self


class Employee(BaseModel):
    """
    One person's job spells, oldest first. Nothing else about the person is kept.

    Attributes:
        employee_id: The provider's id.
        spells: May be empty for somebody who has not started.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    employee_id: str
    name: str
    spells: tuple[JobSpell, ...]


class PayrollCost(BaseModel):
    """
    What one month's processed payrolls cost the employer, in major units of *currency*.

    Attributes:
        month: Month end.
        gross_pay: Wages before deductions.
        employer_taxes: Paid by the employer on top of the wages.
        benefits: The company's contributions.
        reimbursements: Expenses paid back; not part of *total_cost*.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    month: date
    gross_pay: Decimal
    employer_taxes: Decimal
    benefits: Decimal
    reimbursements: Decimal
    currency: str

    @property
    def total_cost(self) -> Decimal:
        """`gross_pay + employer_taxes + benefits`."""
        return self.gross_pay + self.employer_taxes + self.benefits
