"""Small model documents and landed figures for tests of the merge."""

from collections.abc import Iterable, Mapping
from datetime import date
from decimal import Decimal
from typing import Any

from zebbra_pipeline.figures import (
    EmployeeSpell,
    Figure,
    MergedModel,
    MergedRow,
    RememberedRow,
    Series,
    WorkspaceFigures,
)

JAN, FEB, MAR, APR = (
    date(2024, 1, 31),
    date(2024, 2, 29),
    date(2024, 3, 31),
    date(2024, 4, 30),
)
TODAY = date(2024, 3, 15)


def a_row(
    row_id: str = "1",
    reference: str | None = "Xero[Sales]",
    *,
    var_type: str = "integration",
    **other: Any,
) -> dict[str, Any]:
    return {
        "_id": row_id,
        "name": f"Row {row_id}",
        "val_type": "currency",
        "editable": True,
        "var_type": var_type,
        "time_series": True,
        "starting_at": 0,
        "first_value_diff": False,
        "value": "0",
        "value_1": None,
        "integration_name": reference,
        "integration_values": None,
        "decimal_places": 2,
    } | other


def a_model(
    rows: Iterable[dict[str, Any]],
    *,
    starting_month: str = "2024-01-01",
    employees: Iterable[dict[str, Any]] = (),
    **meta: Any,
) -> dict[str, Any]:
    return {
        "_id": "62e7a44ee614fd3f3f3cf10b",
        "meta": {
            "name": "Plan",
            "admins": [],
            "editors": [],
            "viewers": [],
            "workspace": "w",
            "starting_month": starting_month,
            "starting_balance": 400000.0,
            **meta,
        },
        "sheets": [
            {
                "meta": {"name": "Revenues"},
                "assumptions": [],
                "sections": [
                    {
                        "name": "Revenues",
                        "rows": list(rows),
                        "end_row": a_row("900", None, var_type="formula", name=""),
                    }
                ],
            }
        ],
        "payroll": {"payroll_values": [], "employees": list(employees)},
    }


def a_series(
    endpoint: str = "Sales",
    figures: Mapping[date, str | None] | None = None,
    **other: Any,
) -> Series:
    """Return a line whose figures are closed and come from batch `b1`."""
    facts: dict[str, Any] = {
        "integration": "Xero",
        "statement": "profit_and_loss",
        "section": ("Income",),
        "account_id": f"id-{endpoint}",
        "endpoint": endpoint,
        "label": endpoint,
        "kind": "account",
        "currency": "GBP",
    }
    amounts = {JAN: "100.00", FEB: "200.00"} if figures is None else figures
    return Series(
        **(facts | other),
        figures={
            month: Figure(None if text is None else Decimal(text), provisional=False, batch_id="b1")
            for month, text in amounts.items()
        },
    )


def landed(
    *series: Series,
    employees: Iterable[EmployeeSpell] = (),
    remembered: Mapping[tuple[str, str], RememberedRow] | None = None,
) -> WorkspaceFigures:
    return WorkspaceFigures(
        workspace_id="acme",
        integrations=frozenset({"Xero"}),
        series=series,
        employees=tuple(employees),
        remembered=remembered or {},
    )


def a_spell(
    salary: str = "3000.00",
    start: date = date(2023, 1, 1),
    end: date | None = None,
    **other: Any,
) -> EmployeeSpell:
    facts: dict[str, Any] = {
        "integration": "Gusto",
        "employee_id": "e1",
        "name": "Ada Example",
        "title": "Engineer",
        "department": "Product",
        "currency": "GBP",
        "batch_id": "b2",
    }
    return EmployeeSpell(
        **(facts | other), start_date=start, end_date=end, monthly_salary=Decimal(salary)
    )


def only_row(merged: MergedModel) -> MergedRow:
    (row,) = merged.rows
    return row


def first_values(merged: MergedModel, count: int) -> list[str | None]:
    """Return what the document holds for the first months of its first row."""
    row = merged.document["sheets"][0]["sections"][0]["rows"][0]
    return [entry["value"] for entry in row["integration_values"][:count]]
