"""Small Xero reports in the documented shape, built by hand for parser tests."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

FIXTURES = Path(__file__).resolve().parents[2] / "integrations" / "xero" / "fixtures"


def fixture(name: str) -> Any:
    """Return a recorded-shape payload, freshly parsed."""
    return json.loads((FIXTURES / f"{name}.json").read_text(encoding="utf-8"))


def account(account_id: str, label: str, *values: str) -> dict[str, Any]:
    """Return an account's row: the id stands on every cell."""
    attributes = [{"Value": account_id, "Id": "account"}]
    return {
        "RowType": "Row",
        "Cells": [{"Value": text, "Attributes": attributes} for text in (label, *values)],
    }


def total(label: str, *values: str) -> dict[str, Any]:
    """Return a section's total."""
    return {"RowType": "SummaryRow", "Cells": [{"Value": text} for text in (label, *values)]}


def computed(label: str, *values: str) -> dict[str, Any]:
    """Return a total that Xero computes over sections: a row without attributes."""
    return {"RowType": "Row", "Cells": [{"Value": text} for text in (label, *values)]}


def section(title: str, *rows: dict[str, Any]) -> dict[str, Any]:
    """Return a section."""
    return {"RowType": "Section", "Title": title, "Rows": list(rows)}


def report(dates: str, labels: Sequence[str], *rows: dict[str, Any]) -> dict[str, Any]:
    """Return an answer with one report; *labels* are its columns, newest first."""
    header = {"RowType": "Header", "Cells": [{"Value": text} for text in ("", *labels)]}
    return {
        "Status": "OK",
        "Reports": [
            {
                "ReportTitles": ["Report", "Acme Trading Ltd", dates],
                "Rows": [header, *rows],
            }
        ],
    }
