"""Small QuickBooks reports in the documented shape, built by hand for parser tests."""

import json
from collections.abc import Sequence
from datetime import date
from pathlib import Path
from typing import Any

from integrations.contracts import Statement, month_end, month_start
from integrations.quickbooks.windows import ReportQuery

FIXTURES = Path(__file__).resolve().parents[2] / "integrations" / "quickbooks" / "fixtures"
TODAY = date(2026, 11, 24)


def fixture(name: str) -> Any:
    """Return a payload in the provider's shape, freshly parsed."""
    return json.loads((FIXTURES / f"{name}.json").read_text(encoding="utf-8"))


def query(
    *months: date, statement: Statement = Statement.PROFIT_AND_LOSS, today: date = TODAY
) -> ReportQuery:
    """Return the query for these months, whole as of *today*."""
    return ReportQuery(statement, months, month_end(today))


def cells(label: str, *values: str, id_: str | None = None) -> dict[str, Any]:
    first = {"value": label} if id_ is None else {"value": label, "id": id_}
    return {"ColData": [first, *({"value": value} for value in values)]}


def account(id_: str | None, label: str, *values: str) -> dict[str, Any]:
    """Return an account's row."""
    return {**cells(label, *values, id_=id_), "type": "Data"}


def section(group: str, title: str, *rows: dict[str, Any], total: Sequence[str]) -> dict[str, Any]:
    """Return a group's section."""
    return {
        "Header": cells(title, *("" for _ in total)),
        "Rows": {"Row": list(rows)},
        "Summary": cells(f"Total {title}", *total),
        "type": "Section",
        "group": group,
    }


def parent(
    id_: str, label: str, *rows: dict[str, Any], own: Sequence[str], total: Sequence[str]
) -> dict[str, Any]:
    """Return an account with sub-accounts, and what was posted to itself."""
    return {
        "Header": cells(label, *own, id_=id_),
        "Rows": {"Row": list(rows)},
        "Summary": cells(f"Total {label}", *total),
        "type": "Section",
    }


def computed(group: str, label: str, *values: str) -> dict[str, Any]:
    """Return a figure that QuickBooks computes over sections."""
    return {"Summary": cells(label, *values), "type": "Section", "group": group}


def report(asked: ReportQuery, *rows: dict[str, Any], empty: bool = False) -> dict[str, Any]:
    """Return the answer to a query, without a total's column."""
    first, last = asked.range
    return {
        "Header": {
            "ReportName": asked.report,
            "ReportBasis": "Accrual",
            "StartPeriod": first.isoformat(),
            "EndPeriod": last.isoformat(),
            "SummarizeColumnsBy": "Month",
            "Currency": "USD",
            "Option": [{"Name": "NoReportData", "Value": str(empty).lower()}],
        },
        "Columns": {
            "Column": [
                {"ColTitle": "", "ColType": "Account"},
                *(column(month_start(month), month) for month in asked.months),
            ]
        },
        "Rows": {"Row": list(rows)} if rows else {},
    }


def column(first: date, last: date) -> dict[str, Any]:
    """Return a period's column."""
    days = {"StartDate": first.isoformat(), "EndDate": last.isoformat()}
    return {
        "ColTitle": "whatever the company's language says",
        "ColType": "Money",
        "MetaData": [{"Name": name, "Value": value} for name, value in days.items()],
    }
