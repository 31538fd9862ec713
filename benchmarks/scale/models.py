"""A model document for every workspace."""

import json
from collections.abc import Collection, Mapping
from datetime import date
from pathlib import Path

from benchmarks.scale.world import World
from zebbra_pipeline.merge.starter import starter_model

ROWS: Mapping[str, Collection[str]] = {
    "Total Income": {"200", "201", "205", "209"},
    "Total Cost of Sales": {"310", "320", "325"},
    "Rent [HQ]": {"469"},
    "Advertising": {"400"},
}
"""Codes of the accounts that each row of the model adds up."""
_SECTIONS = {
    "Revenues": ("Total Income",),
    "Cost of goods sold": ("Total Cost of Sales",),
    "Operational costs": ("Rent [HQ]", "Advertising"),
}


def write_models(world: World, folder: Path, starting_month: date) -> None:
    """Write one document for each workspace."""
    text = json.dumps(starter_model("Plan", starting_month=starting_month, rows=_SECTIONS))
    for workspace in world.workspaces:
        path = folder / workspace.id / "plan.json"
        path.parent.mkdir(parents=True)
        path.write_text(text)
