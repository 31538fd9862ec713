"""Many workspaces at once: each succeeds or fails on its own."""

from dataclasses import dataclass

import pytest

from integrations.contracts import NotConnectedError, PayloadError
from integrations.runtime.registry import load_registry
from zebbra_pipeline.ingest.run import fetch_and_land
from zebbra_pipeline.outcomes import Done, Failed
from zebbra_pipeline.warehouse import Warehouse, WarehouseFileError


@dataclass
class APull:
    workspace_id: str
    refusal: Exception | None = None
    summary: str = "fine"

    def land(self, session, run_id):
        if self.refusal is not None:
            raise self.refusal
        return {"profit_and_loss": {"dagster/row_count": 3}}


async def outcomes_of(tmp_path, fetch, *workspaces, note=lambda _outcome: None):
    outcomes = await fetch_and_land(
        load_registry().get("xero"),
        workspaces,
        ("profit_and_loss",),
        fetch=fetch,
        warehouse=Warehouse(tmp_path / "w.duckdb", published=tmp_path / "p.duckdb"),
        run_id="run",
        note=note,
    )
    return {outcome.workspace_id: outcome for outcome in outcomes}


async def test_figures_that_cannot_be_stored_fail_their_workspace_alone(tmp_path):
    async def fetch(workspace_id):
        refusal = ValueError("Sales 2026-01-31: too many digits") if workspace_id == "bad" else None
        return APull(workspace_id, refusal)

    found = await outcomes_of(tmp_path, fetch, "good", "bad", "fine")

    assert isinstance(found["good"], Done)
    assert isinstance(found["fine"], Done)
    assert isinstance(found["bad"], Failed)
    assert found["bad"].reason == "Sales 2026-01-31: too many digits"


async def test_a_plugins_own_bug_is_named_by_its_place_and_never_by_its_text(tmp_path):
    async def fetch(workspace_id):
        if workspace_id == "bug":
            raise KeyError("salary 98765")
        return APull(workspace_id)

    found = await outcomes_of(tmp_path, fetch, "bug", "good")

    assert isinstance(found["good"], Done)
    assert "98765" not in found["bug"].reason
    assert found["bug"].reason.startswith("Xero: unexpected KeyError in ")
    assert "test_fetching.py" in found["bug"].reason


async def test_a_workspace_that_the_warehouse_cannot_hold_says_why(tmp_path):
    async def fetch(workspace_id):
        if workspace_id == "held":
            raise WarehouseFileError("warehouse ducklake:postgres: its catalog cannot be reached")
        return APull(workspace_id)

    found = await outcomes_of(tmp_path, fetch, "held", "good")

    assert isinstance(found["good"], Done)
    assert found["held"].reason == "warehouse ducklake:postgres: its catalog cannot be reached"


async def test_a_workspace_that_is_not_connected_is_done_with_no_rows(tmp_path):
    async def fetch(workspace_id):
        raise NotConnectedError(workspace_id)

    found = await outcomes_of(tmp_path, fetch, "acme")

    assert found["acme"].metadata == {
        "profit_and_loss": {"dagster/row_count": 0, "zebbra/status": "not_connected"}
    }


@pytest.mark.parametrize("count", [1, 25])
async def test_every_workspace_has_one_outcome_whatever_their_number(tmp_path, count):
    async def fetch(workspace_id):
        if int(workspace_id[1:]) % 5 == 0:
            raise PayloadError("broken")
        return APull(workspace_id)

    found = await outcomes_of(tmp_path, fetch, *(f"w{index}" for index in range(count)))

    assert sorted(found) == sorted(f"w{index}" for index in range(count))
    assert sum(isinstance(outcome, Failed) for outcome in found.values()) == (count + 4) // 5


async def test_what_came_of_each_is_noted_once_before_the_next_one_lands(tmp_path):
    noted, landed = [], []

    class Landing(APull):
        def land(self, session, run_id):
            landed.append((self.workspace_id, len(noted)))
            return super().land(session, run_id)

    async def fetch(workspace_id):
        if workspace_id == "broken":
            raise PayloadError("broken")
        return Landing(workspace_id, ValueError("too long") if workspace_id == "long" else None)

    found = await outcomes_of(tmp_path, fetch, "a", "broken", "long", "b", note=noted.append)

    assert [item.workspace_id for item in noted] == ["broken", "a", "long", "b"]
    assert {item.workspace_id: item for item in noted} == found
    assert landed == [("a", 1), ("long", 2), ("b", 3)]
