"""The data of payroll adapters: employees with their job spells, and the monthly cost."""

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
"""Fields of `PayrollCost`, by endpoint name."""


class JobSpell(BaseModel):
    """
    A period in which one employee's job and pay did not change.

    Attributes:
        title: Job title.
        department: Name of the department; None if there is none.
        start_date: First day.
        end_date: Last day, inclusive; None while the spell lasts.
        monthly_salary: Gross pay of a full month in major units of *currency*.
        currency: ISO 4217 code.

    Raises:
        pydantic.ValidationError: If it ends before it starts.
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
    One employee's job spells. No other personal data is kept.

    Attributes:
        employee_id: The provider's id.
        name: Display name.
        spells: Oldest first; may be empty for an employee who has not started.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    employee_id: str
    name: str
    spells: tuple[JobSpell, ...]


class PayrollCost(BaseModel):
    """
    The employer's cost of one month's processed payrolls, in major units of *currency*.

    Attributes:
        month: Month end.
        gross_pay: Wages before deductions.
        employer_taxes: Paid by the employer on top of the wages.
        benefits: The company's contributions.
        reimbursements: Expenses paid back to employees; not part of *total_cost*.
        currency: ISO 4217 code.
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
