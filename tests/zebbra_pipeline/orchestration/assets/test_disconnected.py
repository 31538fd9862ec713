"""What a run over a range says of workspaces that are not, or no longer, connected."""

from datetime import date

import dagster as dg
import pytest
from support.stack import running_stack

from zebbra_pipeline.orchestration.building import build_definitions
from zebbra_pipeline.orchestration.partitions import RANGE_END, RANGE_START, WORKSPACES
from zebbra_pipeline.orchestration.resources import Connections

TODAY = date(2025, 2, 28)
QUIET = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}
ROWS = {
    "xero/profit_and_loss": "SELECT count(*) FROM data_points WHERE statement = 'profit_and_loss' AND",
    "xero/balance_sheet": "SELECT count(*) FROM data_points WHERE statement = 'balance_sheet' AND",
    "gusto/employees": "SELECT count(*) FROM employees WHERE",
    "gusto/payroll_costs": "SELECT count(*) FROM payroll_costs WHERE",
}


@pytest.fixture
def instance():
    with dg.DagsterInstance.ephemeral() as made:
        made.add_dynamic_partitions(WORKSPACES.name, ["acme", "globex"])
        yield made


def shown(instance, asset, workspace):
    """Return status, row count and data version of the newest materialization."""
    (record,) = instance.fetch_materializations(
        dg.AssetRecordsFilter(
            asset_key=dg.AssetKey(asset.split("/")), asset_partitions=[workspace]
        ),
        limit=1,
    ).records
    event = record.asset_materialization
    facts = [event.metadata[name].value for name in ("zebbra/status", "dagster/row_count")]
    return (*facts, event.tags["dagster/data_version"]), record.run_id


def test_who_disconnects_keeps_its_figures_its_row_count_and_its_data_version(instance, tmp_path):
    tags = {RANGE_START: "acme", RANGE_END: "globex"}
    with running_stack(tmp_path, today=TODAY, history_months=2) as stack:
        stack.connect("acme", xero="Acme Trading Inc", gusto="Acme Trading Inc")
        stack.connect("globex", xero="Globex")
        definitions = build_definitions(connections=Connections(as_of=TODAY.isoformat()))
        job = definitions.resolve_job_def("refresh_figures")

        def refresh():
            ended = job.execute_in_process(instance=instance, run_config=QUIET, tags=tags)
            found = {
                (asset, workspace): shown(instance, asset, workspace)
                for asset in ROWS
                for workspace in ("acme", "globex")
            }
            assert {run_id for _, run_id in found.values()} == {ended.run_id}
            return {place: facts for place, (facts, _) in found.items()}, ended.run_id

        landed, _ = refresh()
        stack.disconnect("acme", "xero")
        stack.disconnect("acme", "gusto")
        kept, run_id = refresh()

        rows = {
            asset: stack.query(f"{counted} workspace_id = 'acme'")[0][0]
            for asset, counted in ROWS.items()
        }
    assert all(rows.values())
    for asset in ROWS:
        status, count, version = kept[asset, "acme"]
        assert (status, count) == ("disconnected", rows[asset])
        assert version == landed[asset, "acme"][2]  # nothing downstream becomes stale
    for asset in ("xero/profit_and_loss", "xero/balance_sheet"):
        status, count, version = kept[asset, "globex"]
        assert (status, count) == ("landed", landed[asset, "globex"][1])
        assert version != landed[asset, "globex"][2]
    for asset in ("gusto/employees", "gusto/payroll_costs"):  # never connected
        assert kept[asset, "globex"] == ("not_connected", 0, run_id)
