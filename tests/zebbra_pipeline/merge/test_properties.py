"""Properties of the merge, for random models and landed figures."""

import copy
import json
from datetime import date
from decimal import Decimal
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from support.merge_models import a_model, a_row

from integrations.contracts import add_months, month_end
from zebbra_pipeline.figures import (
    EmployeeSpell,
    Figure,
    RememberedRow,
    Series,
    WorkspaceFigures,
)
from zebbra_pipeline.merge import check_document, merge_model

NAMES = ["Sales", "sales", "Fees", "Rent [HQ]", "Café", "Income / Sales", "売上"]
DAYS = st.dates(date(2021, 1, 1), date(2027, 12, 31))
MONTHS = DAYS.map(month_end)
AMOUNTS = st.decimals(-(10**9), 10**9, places=4, allow_nan=False)


@st.composite
def a_line(draw: st.DrawFn) -> Series:
    label = draw(st.sampled_from(NAMES))
    figures = st.builds(Figure, st.none() | AMOUNTS, st.booleans(), st.sampled_from(["b1", "b2"]))
    return Series(
        integration=draw(st.sampled_from(["Xero", "QuickBooks"])),
        statement=draw(st.sampled_from(["profit_and_loss", "balance_sheet", "payroll_costs"])),
        section=draw(st.sampled_from([(), ("Income",), ("Trading", "Income")])),
        account_id=draw(st.none() | st.sampled_from("abc")),
        endpoint=draw(st.sampled_from([label, f"Income / {label}"])),
        label=label,
        kind=draw(st.sampled_from(["account", "section_total", "computed_total"])),
        currency=draw(st.sampled_from(["GBP", "GBP", "USD"])),
        figures=draw(st.dictionaries(MONTHS, figures, max_size=30)),
    )


SPELLS = st.builds(
    EmployeeSpell,
    integration=st.just("Gusto"),
    employee_id=st.sampled_from("xyz"),
    name=st.sampled_from(["Ada", "ada", "Bo"]),
    title=st.sampled_from(["Cook", "Driver"]),
    department=st.none() | st.just("Kitchen"),
    start_date=DAYS,
    end_date=st.none() | DAYS,
    monthly_salary=st.decimals(0, 10**11, places=4, allow_nan=False),
    currency=st.sampled_from(["GBP", "USD"]),
    batch_id=st.just("b3"),
)
REFERENCES = st.sampled_from(
    [
        *(f"Xero[{name}]" for name in NAMES),
        *(f"quickbooks[{name}]" for name in NAMES),
        "Xero[#a]",
        "Gusto[Gross Pay]",
        "no reference",
        None,
    ]
)
REMEMBERED = st.dictionaries(
    st.tuples(st.just("m"), st.sampled_from("123")),
    st.builds(RememberedRow, st.just("Xero"), st.sampled_from(NAMES), st.sampled_from("abc")),
)


@st.composite
def a_document(draw: st.DrawFn) -> dict[str, Any]:
    references = draw(st.lists(REFERENCES, max_size=5))
    var_types = st.sampled_from(["integration", "integration", "formula"])
    rows = [
        a_row(str(position), reference, var_type=draw(var_types))
        for position, reference in enumerate(references)
    ]
    own = st.fixed_dictionaries(
        {
            "_id": st.just("77"),
            "name": st.just("Own"),
            "start_date": DAYS.map(date.isoformat),
            "end_date": st.none() | DAYS.map(date.isoformat),
            "monthly_salary": st.integers(0, 10**6) | st.floats(0, 10**6),
            "from_integration": st.booleans(),
        }
    )
    return a_model(
        rows,
        starting_month=draw(DAYS).isoformat(),
        employees=draw(st.lists(own, max_size=3)),
        currency=draw(st.sampled_from([None, "GBP"])),
    )


FIGURES = st.builds(
    WorkspaceFigures,
    workspace_id=st.just("acme"),
    integrations=st.just(frozenset({"Xero", "Gusto"})),
    series=st.lists(a_line(), max_size=6).map(tuple),
    employees=st.lists(SPELLS, max_size=4).map(tuple),
    remembered=REMEMBERED,
)


@settings(deadline=None)
@given(a_document(), FIGURES, DAYS)
def test_merging_twice_changes_nothing(
    document: dict[str, Any], figures: WorkspaceFigures, today: date
) -> None:
    before = copy.deepcopy(document)
    once = merge_model(document, figures, model_id="m", today=today)
    stored = json.loads(json.dumps(once.document))
    twice = merge_model(stored, figures, model_id="m", today=today)

    assert document == before
    assert stored == once.document
    assert twice == once
    check_document(twice.document)


@settings(deadline=None)
@given(a_document(), FIGURES, DAYS)
def test_entry_i_is_month_i_with_that_months_figure_or_null(
    document: dict[str, Any], figures: WorkspaceFigures, today: date
) -> None:
    merged = merge_model(document, figures, model_id="m", today=today)

    start = date.fromisoformat(document["meta"]["starting_month"])
    raw = merged.document["sheets"][0]["sections"][0]["rows"]
    filled = {row["_id"]: row["integration_values"] for row in raw}
    for row in merged.rows:
        entries = filled[row.row_id]
        assert [entry["date"] for entry in entries] == [
            add_months(start, i).isoformat() for i in range(24)
        ]
        for entry, value in zip(entries, row.values, strict=True):
            shown = None if entry["value"] is None else Decimal(entry["value"])
            assert shown == value.value
            assert "E" not in (entry["value"] or "")
            if value.month > month_end(today):
                assert value.value is None
            landed = {
                line.figures[value.month].value
                for line in figures.series
                if line.account_id == row.account_id and value.month in line.figures
            }
            assert value.value in {None, Decimal(0), *landed}
