import json
from datetime import date
from decimal import Decimal

import pytest
from support.merge_models import FEB, JAN, MAR, TODAY, a_series, landed
from support.merge_planner import plan_section

from zebbra_pipeline.merge import check_document, merge_model, starter_model

ROWS = {
    "Revenues": ["Sales", "Other Revenue"],
    "Cost of goods sold": ["Cost of Goods Sold"],
    "Operational costs": ["Rent [HQ]", "Repairs & Maintenance"],
}


def test_starter_model_is_a_valid_document() -> None:
    document = starter_model("Demo", starting_month=date(2024, 1, 1), rows=ROWS)

    assert check_document(document).meta.starting_month == date(2024, 1, 1)
    assert [sheet["meta"]["name"] for sheet in document["sheets"]] == ["Revenues", "Costs"]
    assert [section["name"] for section in document["sheets"][1]["sections"]] == [
        "Cost of goods sold",
        "Operational costs",
        "Other costs",
    ]
    assert json.loads(json.dumps(document)) == document


def test_ids_are_distinct_decimal_text_and_the_same_on_each_call() -> None:
    document = starter_model("Demo", starting_month=date(2024, 1, 1), rows=ROWS)
    ids = [
        row["_id"]
        for sheet in document["sheets"]
        for section in sheet["sections"]
        for row in (*section["rows"], section["end_row"])
    ] + [row["_id"] for sheet in document["sheets"] for row in sheet["assumptions"]]

    assert len(set(ids)) == len(ids) == 12
    assert all(each.isdecimal() and len(each) <= 39 for each in ids)
    assert document == starter_model("Demo", starting_month=date(2024, 1, 1), rows=ROWS)


def test_planner_shows_actuals_and_grows_them_afterwards() -> None:
    document = starter_model("Demo", starting_month=date(2024, 1, 1), rows=ROWS, growth="0.1")
    lines = [
        a_series("Sales", {JAN: "100", FEB: "110", MAR: "200"}),
        a_series("Other Revenue", {JAN: "1", FEB: "2", MAR: "3"}),
    ]
    merged = merge_model(document, landed(*lines), model_id="m", today=TODAY)

    sheet = merged.document["sheets"][0]
    values = plan_section(sheet["assumptions"], sheet["sections"][0])
    sales, other, total = list(values.values())[1:]
    assert sales[:5] == [Decimal(text) for text in ("100", "110", "200", "220", "242")]
    assert other[:4] == [Decimal(text) for text in ("1", "2", "3", "3.30")]
    assert total[:4] == [Decimal(text) for text in ("101", "112", "203", "223.30")]


def test_section_without_lines_holds_zeros() -> None:
    document = starter_model("Demo", starting_month=date(2024, 1, 1), rows={})

    for sheet in document["sheets"]:
        for section in sheet["sections"]:
            values = plan_section(sheet["assumptions"], section)
            assert values[section["end_row"]["_id"]] == [Decimal(0)] * 24


def test_unknown_section_is_refused_by_name() -> None:
    with pytest.raises(ValueError, match="found 'Costs of goods'"):
        starter_model("Demo", starting_month=date(2024, 1, 1), rows={"Costs of goods": ["X"]})
