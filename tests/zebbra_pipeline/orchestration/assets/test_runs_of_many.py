"""Neighbouring workspaces cost one run for each fifty of them, or however many are set."""

from math import ceil

import dagster as dg
import pytest
from hypothesis import given
from hypothesis import strategies as st

from zebbra_pipeline.orchestration.building import build_definitions
from zebbra_pipeline.orchestration.partitions import contiguous_ranges

ORDER = [f"ws-{number:03}" for number in range(300)]
KEYS = (["xero", "profit_and_loss"], ["gusto", "employees"], ["merged_model"])


@given(first=st.integers(0, 299), count=st.integers(1, 300), most=st.integers(1, 60))
def test_neighbours_cost_as_few_runs_as_hold_them(first, count, most):
    wanted = ORDER[first : first + count]

    ranges = list(contiguous_ranges(ORDER, wanted, most))

    assert len(ranges) == ceil(len(wanted) / most)
    assert [name for group in ranges for name in group] == wanted


@pytest.mark.parametrize(
    ("setting", "argument", "most"), [("", None, 50), ("7", None, 7), ("7", 3, 3)]
)
def test_a_backfill_puts_so_many_into_a_run(monkeypatch, setting, argument, most):
    monkeypatch.setenv("ZEBBRA_WORKSPACES_PER_RUN", setting)
    graph = build_definitions(workspaces_per_run=argument).resolve_asset_graph()

    policies = {graph.get(dg.AssetKey(key)).backfill_policy for key in KEYS}

    assert policies == {dg.BackfillPolicy.multi_run(max_partitions_per_run=most)}
