"""A small starter model: actuals where figures have landed, and a plan of steady growth."""

import uuid
from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

REVENUE_SECTIONS = ("Revenues",)
COST_SECTIONS = ("Cost of goods sold", "Operational costs", "Other costs")
"""The planner identifies the three kinds of cost by the order of their sections."""

_ROW_IDS = uuid.UUID("0d0b9c52-3c0e-5d0a-8a53-2f2f0d6f7a44")


def starter_model(
    name: str,
    *,
    starting_month: date,
    accounting: str = "Xero",
    rows: Mapping[str, Sequence[str]],
    growth: str = "0.02",
) -> dict[str, Any]:
    """
    Return a valid model document with rows that refer to landed lines.

    A month without an actual is planned as the previous month increased by *growth*. Ids are
    derived from the names, so that the same call returns the same document.

    Args:
        name: The model's name.
        starting_month: Any day of the first month.
        accounting: Integration that the rows refer to.
        rows: Endpoint names by section: `Revenues`, `Cost of goods sold`, `Operational costs`,
            `Other costs`. An omitted section gets one row of zeros.
        growth: Monthly growth of the plan, as a decimal: `"0.02"` is 2 %.

    Raises:
        ValueError: If *rows* names another section.
    """
    sections = (*REVENUE_SECTIONS, *COST_SECTIONS)
    strange = sorted(set(rows) - set(sections))
    if strange:
        raise ValueError(f"rows: expected sections {', '.join(sections)}, found {strange[0]!r}")
    builder = _Builder(name, accounting, growth)
    return {
        "_id": uuid.uuid5(_ROW_IDS, name).hex[:24],
        "meta": {
            "name": name,
            "admins": [],
            "editors": [],
            "viewers": [],
            "workspace": "",
            "starting_month": starting_month.isoformat(),
            "starting_balance": 0,
        },
        "sheets": [
            builder.sheet("Revenues", REVENUE_SECTIONS, rows),
            builder.sheet("Costs", COST_SECTIONS, rows),
        ],
        "payroll": {"payroll_values": [], "employees": []},
    }


class _Builder:
    def __init__(self, model: str, accounting: str, growth: str) -> None:
        self._model = model
        self._accounting = accounting
        self._growth = growth

    def sheet(
        self, name: str, sections: Sequence[str], rows: Mapping[str, Sequence[str]]
    ) -> dict[str, Any]:
        growth = _row(
            self._id(name, "growth"),
            "Monthly growth",
            val_type="percentage",
            time_series=False,
            value=self._growth,
        )
        return {
            "meta": {"name": name},
            "assumptions": [growth],
            "sections": [
                self._section(section, rows.get(section, ()), growth["_id"]) for section in sections
            ],
        }

    def _section(self, name: str, endpoints: Sequence[str], growth: str) -> dict[str, Any]:
        rows = [
            _row(
                self._id(name, "row", endpoint),
                endpoint,
                var_type="integration",
                value=f"$1*(1+#{growth})",
                value_1="0",
                integration_name=f"{self._accounting}[{endpoint}]",
            )
            for endpoint in dict.fromkeys(endpoints)
        ] or [_row(self._id(name, "nothing"), "not applicable", value="$1", value_1="0")]
        total = "+".join(f"#{row['_id']}" for row in rows)
        return {
            "name": name,
            "rows": rows,
            "end_row": _row(self._id(name, "end"), "", var_type="formula", value=total),
        }

    def _id(self, *parts: str) -> str:
        return str(uuid.uuid5(_ROW_IDS, "\n".join((self._model, *parts))).int)


def _row(
    row_id: str,
    name: str,
    *,
    val_type: str = "currency",
    var_type: str = "value",
    time_series: bool = True,
    value: str,
    value_1: str | None = None,
    integration_name: str | None = None,
) -> dict[str, Any]:
    return {
        "_id": row_id,
        "name": name,
        "val_type": val_type,
        "editable": True,
        "var_type": var_type,
        "time_series": time_series,
        "starting_at": 0,
        "first_value_diff": value_1 is not None,
        "value": value,
        "value_1": value_1,
        "integration_name": integration_name,
        "integration_values": None,
        "decimal_places": 2,
    }
