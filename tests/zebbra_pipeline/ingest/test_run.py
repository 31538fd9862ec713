"""Many workspaces at once: each succeeds or fails on its own."""

from datetime import UTC, datetime

import pytest

from integrations.contracts import NotConnectedError, PayloadError, Tenant
from integrations.runtime.registry import load_registry
from zebbra_pipeline.ingest.run import fetch_and_land
from zebbra_pipeline.orchestration.metadata.facts import facts_of
from zebbra_pipeline.outcomes import Failed, Kept, Landed, NotConnected, Origin
from zebbra_pipeline.warehouse import Warehouse, WarehouseFileError


class ABatch:
    def __init__(self, workspace_id, refusal=None):
        tenant = Tenant("org-1", "Office")
        self.origin = Origin(workspace_id, "xero", tenant, datetime.now(UTC), 2, None, None, 0.1)
        self.refusal = refusal

    def land(self, session, run_id):
        if self.refusal is not None:
            raise self.refusal
        return Landed(self.origin, {}, "fine")


async def outcomes_of(tmp_path, fetch, *workspaces, on_outcome=lambda _outcome: None):
    outcomes = await fetch_and_land(
        load_registry().get("xero"),
        workspaces,
        fetch=fetch,
        kept={"left": {"profit_and_loss": Kept("b1", 3)}},
        warehouse=Warehouse(tmp_path / "w.duckdb", published=tmp_path / "p.duckdb"),
        run_id="run",
        on_outcome=on_outcome,
    )
    return {outcome.workspace_id: outcome for outcome in outcomes}


async def test_figures_that_cannot_be_stored_fail_their_workspace_alone(tmp_path):
    async def fetch(workspace_id):
        refusal = ValueError("Sales 2026-01-31: too many digits") if workspace_id == "bad" else None
        return ABatch(workspace_id, refusal)

    found = await outcomes_of(tmp_path, fetch, "good", "bad", "fine")

    assert isinstance(found["good"], Landed)
    assert isinstance(found["fine"], Landed)
    assert isinstance(found["bad"], Failed)
    assert found["bad"].reason == "Sales 2026-01-31: too many digits"


async def test_a_plugins_own_bug_is_named_by_its_place_and_never_by_its_text(tmp_path):
    async def fetch(workspace_id):
        if workspace_id == "bug":
            raise KeyError("salary 98765")
        return ABatch(workspace_id)

    found = await outcomes_of(tmp_path, fetch, "bug", "good")

    assert isinstance(found["good"], Landed)
    assert "98765" not in found["bug"].reason
    assert found["bug"].reason.startswith("Xero: unexpected KeyError in ")
    assert "test_run.py" in found["bug"].reason


async def test_a_workspace_that_the_warehouse_cannot_hold_says_why(tmp_path):
    async def fetch(workspace_id):
        if workspace_id == "held":
            raise WarehouseFileError("warehouse ducklake:postgres: its catalog cannot be reached")
        return ABatch(workspace_id)

    found = await outcomes_of(tmp_path, fetch, "held", "good")

    assert isinstance(found["good"], Landed)
    assert found["held"].reason == "warehouse ducklake:postgres: its catalog cannot be reached"


async def test_a_workspace_that_is_not_connected_is_done_with_no_rows(tmp_path):
    async def fetch(workspace_id):
        raise NotConnectedError(workspace_id)

    found = await outcomes_of(tmp_path, fetch, "acme")

    assert found["acme"] == NotConnected("acme", {})
    assert facts_of(found["acme"], "profit_and_loss") == {
        "dagster/row_count": 0,
        "zebbra/status": "not_connected",
    }


async def test_a_workspace_that_has_disconnected_keeps_what_it_landed(tmp_path):
    async def fetch(workspace_id):
        raise NotConnectedError(workspace_id)

    found = await outcomes_of(tmp_path, fetch, "left")

    assert facts_of(found["left"], "profit_and_loss") == {
        "dagster/row_count": 3,
        "zebbra/status": "disconnected",
        "zebbra/batch_id": "b1",
    }


@pytest.mark.parametrize("count", [1, 25])
async def test_every_workspace_has_one_outcome_whatever_their_number(tmp_path, count):
    async def fetch(workspace_id):
        if int(workspace_id[1:]) % 5 == 0:
            raise PayloadError("broken")
        return ABatch(workspace_id)

    found = await outcomes_of(tmp_path, fetch, *(f"w{index}" for index in range(count)))

    assert sorted(found) == sorted(f"w{index}" for index in range(count))
    assert sum(isinstance(outcome, Failed) for outcome in found.values()) == (count + 4) // 5


async def test_what_came_of_each_is_noted_once_before_the_next_one_lands(tmp_path):
    noted, landed = [], []

    class Landing(ABatch):
        def land(self, session, run_id):
            landed.append((self.origin.workspace_id, len(noted)))
            return super().land(session, run_id)

    async def fetch(workspace_id):
        if workspace_id == "broken":
            raise PayloadError("broken")
        return Landing(workspace_id, ValueError("too long") if workspace_id == "long" else None)

    found = await outcomes_of(tmp_path, fetch, "a", "broken", "long", "b", on_outcome=noted.append)

    order = [item.workspace_id for item in noted]
    assert sorted(order) == ["a", "b", "broken", "long"]
    assert {item.workspace_id: item for item in noted} == found
    assert sorted(workspace for workspace, _ in landed) == ["a", "b", "long"]
    assert [order[before] for _, before in landed] == [workspace for workspace, _ in landed]
