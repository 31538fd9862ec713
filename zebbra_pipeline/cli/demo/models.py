"""The model documents of the demo's workspaces."""

import json
from collections.abc import Iterator
from datetime import date
from pathlib import Path

from zebbra_pipeline.merge.starter import starter_model

_ROWS: dict[str, dict[str, tuple[str, ...]]] = {
    "acme": {
        "Revenues": ("Income / Sales", "Sales, Net (UK)", "Café", "Refunds & Discounts"),
        "Cost of goods sold": ("Total Cost of Sales",),
        "Operational costs": ("Rent [HQ]", "Repairs & Maintenance", "Advertising", "Insurance"),
        "Other costs": ("Less Operating Expenses / Interest",),
    },
    "globex": {
        "Revenues": ("Total Income",),
        "Cost of goods sold": ("Total Cost of Sales",),
        # The third is misspelt, so that the demo shows how a row says why it stays empty.
        "Operational costs": ("Rent [HQ]", "Advertising", "Repairs and Maintenance"),
    },
}


def write_demo_models(folder: Path, starting_month: date) -> Iterator[Path]:
    """Write each workspace's `plan.json` where there is none yet; yield those written."""
    for workspace, rows in _ROWS.items():
        path = folder / workspace / "plan.json"
        if path.exists():
            continue
        path.parent.mkdir(parents=True, exist_ok=True)
        document = starter_model(
            f"{workspace.capitalize()} plan", starting_month=starting_month, rows=rows
        )
        path.write_text(json.dumps(document, indent=2, ensure_ascii=False) + "\n")
        yield path
