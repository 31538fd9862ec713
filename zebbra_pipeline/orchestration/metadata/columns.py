"""Columns of the tables that the assets land in, as Dagster's catalogue shows them."""

import dagster as dg


def _schema(*columns: tuple[str, str, str]) -> dg.TableSchema:
    """Return a schema of name, type (with `?` where it may be empty) and meaning."""
    return dg.TableSchema(
        columns=[
            dg.TableColumn(
                name,
                type_.removesuffix("?"),
                description=meaning,
                constraints=dg.TableColumnConstraints(nullable=type_.endswith("?")),
            )
            for name, type_, meaning in columns
        ]
    )


COLUMNS = {
    "data_points": _schema(
        ("workspace_id", "VARCHAR", "The customer."),
        ("integration", "VARCHAR", "Registered name of the integration, e.g. Xero."),
        ("statement", "VARCHAR", "profit_and_loss or balance_sheet."),
        ("position", "INTEGER", "Place of the line in its statement."),
        ("section", "VARCHAR", "Titles of the sections around the line, joined by ' / '."),
        ("section_path", "VARCHAR[]", "The same titles, one by one."),
        ("account_id", "VARCHAR?", "The provider's id of the account; empty for a total."),
        ("endpoint", "VARCHAR", "Name that models refer to, e.g. Total Income."),
        ("label", "VARCHAR", "Text shown by the provider."),
        ("kind", "VARCHAR", "account, section_total or computed_total."),
        ("month", "DATE", "Month end."),
        (
            "value",
            "DECIMAL(18,4)?",
            "Amount in major units of the currency; empty where the provider gives none.",
        ),
        ("currency", "VARCHAR", "ISO 4217 code."),
        ("provisional", "BOOLEAN", "Whether the month had not ended when it was fetched."),
        ("batch_id", "VARCHAR", "The landed pull that it came with."),
    ),
    "employees": _schema(
        ("workspace_id", "VARCHAR", "The customer."),
        ("integration", "VARCHAR", "Registered name of the integration, e.g. Xero."),
        ("employee_id", "VARCHAR", "The provider's id of the person."),
        ("name", "VARCHAR", "The person's name."),
        ("title", "VARCHAR", "Job title."),
        ("department", "VARCHAR?", "Department, if any."),
        ("start_date", "DATE", "First day of the job spell."),
        ("end_date", "DATE?", "Last day of the job spell, counted; empty while it lasts."),
        (
            "monthly_salary",
            "DECIMAL(18,4)",
            "Gross pay of a full month, in major units of the currency.",
        ),
        ("currency", "VARCHAR", "ISO 4217 code."),
        ("batch_id", "VARCHAR", "The landed pull that it came with."),
    ),
    "payroll_costs": _schema(
        ("workspace_id", "VARCHAR", "The customer."),
        ("integration", "VARCHAR", "Registered name of the integration, e.g. Xero."),
        ("month", "DATE", "Month end."),
        ("gross_pay", "DECIMAL(18,4)", "Wages before deductions, in major units."),
        ("employer_taxes", "DECIMAL(18,4)", "Paid on top of the wages."),
        ("benefits", "DECIMAL(18,4)", "The company's contributions."),
        ("reimbursements", "DECIMAL(18,4)", "Expenses paid back; not part of total_cost."),
        ("total_cost", "DECIMAL(18,4)", "gross_pay + employer_taxes + benefits."),
        ("currency", "VARCHAR", "ISO 4217 code."),
        ("provisional", "BOOLEAN", "Whether the month had not ended when it was fetched."),
        ("batch_id", "VARCHAR", "The landed pull that it came with."),
    ),
    "models": _schema(
        ("workspace_id", "VARCHAR", "The customer."),
        ("model_id", "VARCHAR", "File name of the model document, without its ending."),
        ("name", "VARCHAR", "The model's name."),
        ("document", "JSON", "The merged model document."),
        ("merged_at", "TIMESTAMP", "When it was merged, in UTC."),
        ("rows_resolved", "INTEGER", "Integration rows that got values."),
        ("rows_unresolved", "INTEGER", "Integration rows that did not; each says why."),
    ),
}
"""By table."""
