"""After a run of the usual batch, Dagster shows each workspace's checks as passed, not as missing."""

from datetime import date
from pathlib import Path

import dagster as dg
import pytest
from dagster._core.definitions.partitions.context import partition_loading_context
from support.connection_rows import row
from support.landings import a_landing
from support.warehouse import FEB, JAN, MAR, account, land, pull, total, warehouse_in

from integrations.runtime.settings import Settings
from zebbra_pipeline.orchestration.building import build_definitions
from zebbra_pipeline.orchestration.checks.findings import COMPLETE, CONNECTION, FRESH, PROVEN
from zebbra_pipeline.orchestration.checks.workspaces import held_open
from zebbra_pipeline.orchestration.partitions import RANGE_END, RANGE_START, WORKSPACES
from zebbra_pipeline.orchestration.resources import Connections, Warehouse
from zebbra_pipeline.outcomes import Kept, NotConnected

TODAY = date(2026, 6, 15)
P_AND_L = dg.AssetKey(["xero", "profit_and_loss"])
NAMES = [f"w{number:02}" for number in range(Settings.model_fields["workspaces_per_run"].default)]
CHECKS = (FRESH, COMPLETE, PROVEN, CONNECTION)
SALES = account("a", "Sales", "1", "2"), total("Total Income", "1", "2")


class Landed(Connections):
    """Says of each workspace that its figures have landed; of `w09` that it has disconnected."""

    async def fetch(self, _plugin, workspace_ids, assets, *, on_outcome, **_said):
        outcomes = []
        for workspace in workspace_ids:
            outcomes.append(
                NotConnected(workspace, {name: Kept("b", 2) for name in assets})
                if workspace == "w09"
                else a_landing(workspace, assets)
            )
            on_outcome(outcomes[-1])
        return outcomes


@pytest.fixture
def instance(tmp_path):
    folder = tmp_path / "dagster"
    folder.mkdir()
    with dg.instance_for_test(temp_dir=str(folder)) as opened:
        opened.add_dynamic_partitions(WORKSPACES.name, [*NAMES, "never"])
        yield opened


def shown(instance):
    """Return by check the workspaces in each state that Dagster's UI counts; others are missing."""
    keys = {check: dg.AssetCheckKey(P_AND_L, check) for check in CHECKS}
    with partition_loading_context(None, instance):
        states = instance.event_log_storage.get_asset_check_state(
            [(key, WORKSPACES) for key in keys.values()]
        )
        return {
            check: {
                status.value: sorted(subset.subset_value.get_partition_keys())
                for status, subset in states[key].subsets.items()
                if not subset.is_empty
            }
            for check, key in keys.items()
        }


def test_each_workspace_of_a_batch_is_shown_as_passed_each_time_it_lands(
    instance, service, tmp_path
):
    warehouse = warehouse_in(tmp_path)
    with warehouse.write("test") as session:
        for name in NAMES:
            months = [JAN, MAR] if name == "w08" else [JAN, FEB]
            land(session, pull(months, *SALES), day=TODAY, workspace=name)
    warehouse.publish()
    states = dict.fromkeys(NAMES, "connected") | {"w09": "disconnected"}
    job = build_definitions(
        connections=Landed(as_of=TODAY.isoformat()),
        warehouse=Warehouse(
            target=str(tmp_path / "warehouse.duckdb"), published=str(warehouse.published)
        ),
    ).resolve_job_def("refresh_figures")
    # As by the clock: no check has a step of its own, or is planned.
    job = job.get_subset(asset_selection={P_AND_L}, asset_check_selection=set())

    def refresh():
        run = job.execute_in_process(
            instance=instance,
            tags={RANGE_START: NAMES[0], RANGE_END: NAMES[-1]},
            run_config={"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}},
        )
        assert run.success
        return shown(instance)

    service(*(row(name, state) for name, state in (states | {"w07": "requires_reconnect"}).items()))
    first = refresh()
    service(*(row(name, state) for name, state in states.items()))
    with warehouse.write("test") as session:
        february = account("a", "Sales", "1"), total("Total Income", "1")
        land(session, pull([FEB], *february), day=TODAY, workspace="w08")
    warehouse.publish()
    second = refresh()

    everybody = {"SUCCEEDED": NAMES}
    assert first == {
        FRESH: everybody,
        COMPLETE: {"SUCCEEDED": [name for name in NAMES if name != "w08"], "FAILED": ["w08"]},
        PROVEN: everybody,
        CONNECTION: {"SUCCEEDED": [name for name in NAMES if name != "w07"], "FAILED": ["w07"]},
    }
    assert second == dict.fromkeys(CHECKS, everybody)


def test_while_results_are_logged_sqlite_does_not_fold_its_log_for_each(instance):
    @dg.op
    def idle():
        pass

    run = instance.create_run_for_job(dg.GraphDefinition("one", node_defs=[idle]).to_job())
    storage = instance.event_log_storage
    files = {name: Path(f"{storage.path_for_shard(name)}-wal") for name in ("index", run.run_id)}

    def logs():
        instance.report_engine_event("said", run)
        instance.report_runless_asset_event(dg.AssetMaterialization(P_AND_L, partition="w00"))
        return [name for name, path in files.items() if path.exists()]

    before = logs()
    with held_open(instance, run.run_id):
        within = logs()
    after = logs()

    assert (before, within, after) == ([], ["index", run.run_id], [])


def test_an_event_log_without_files_is_left_alone():
    with dg.DagsterInstance.ephemeral() as instance, held_open(instance, "run"):
        instance.add_dynamic_partitions(WORKSPACES.name, ["w00"])
        assert instance.get_dynamic_partitions(WORKSPACES.name) == ["w00"]
