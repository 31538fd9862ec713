"""The `dagster.yaml` that is written to Dagster's home: which runs it lets run at once."""

import re

import dagster as dg
import pytest
from dagster._core.op_concurrency_limits_counter import GlobalOpConcurrencyLimitsCounter
from dagster._utils.tags import TagConcurrencyLimitsCounter

from zebbra_pipeline.orchestration.building import build_definitions
from zebbra_pipeline.orchestration.dagster_history import may_have_unfinished_runs, monitors_runs
from zebbra_pipeline.orchestration.dagster_home import DAGSTER_YAML, open_instance, prepare
from zebbra_pipeline.orchestration.partitions import RANGE_END, RANGE_START, WORKSPACES
from zebbra_pipeline.orchestration.run_launchers.local import LocalRunLauncher

ACME_TO_HOOLI = {RANGE_START: "acme", RANGE_END: "hooli"}
GLOBEX_TO_INITECH = {RANGE_START: "globex", RANGE_END: "initech"}


@pytest.fixture(scope="module")
def job():
    return build_definitions(schedule=None, checks=None).resolve_implicit_global_asset_job_def()


@pytest.fixture
def instance(tmp_path):
    with open_instance(tmp_path) as opened:
        opened.add_dynamic_partitions(WORKSPACES.name, ["acme", "globex", "hooli", "initech"])
        yield opened


def run_of(instance, job, *assets, tags):
    keys = {dg.AssetKey(asset.split("/")) for asset in assets}
    return instance.create_run_for_job(job.get_subset(asset_selection=keys), tags=tags)


def waits(instance, running, queued):
    """Return whether the daemon leaves *queued* in its queue while *running* runs."""
    instance.report_engine_event("starts", running)
    instance.handle_new_event(
        dg.EventLogEntry(
            error_info=None,
            level="debug",
            user_message="",
            run_id=running.run_id,
            timestamp=0.0,
            job_name=running.job_name,
            dagster_event=dg.DagsterEvent(dg.DagsterEventType.RUN_START.value, running.job_name),
        )
    )
    (record,) = instance.get_run_records(dg.RunsFilter(run_ids=[running.run_id]))
    config = instance.get_concurrency_config()
    tags = TagConcurrencyLimitsCounter(
        config.run_queue_config.tag_concurrency_limits, [record.dagster_run]
    )
    for pool in (*running.run_op_concurrency.all_pools, *queued.run_op_concurrency.all_pools):
        instance.event_log_storage.initialize_concurrency_limit_to_default(pool)
    pools = GlobalOpConcurrencyLimitsCounter(
        instance,
        [queued],
        [record],
        concurrency_keys=instance.event_log_storage.get_concurrency_keys(),
        pool_limits=instance.event_log_storage.get_pool_limits(),
        pool_granularity=config.pool_config.pool_granularity,
    )
    return tags.is_blocked(queued), pools.is_blocked(queued)


@pytest.mark.parametrize(
    ("running", "queued", "expected"),
    [
        # By tag and by pool: the same workspace twice, from one provider.
        ((["xero/profit_and_loss"], "acme"), (["xero/balance_sheet"], "acme"), (True, True)),
        # By tag alone: the same workspace from two providers.
        ((["xero/profit_and_loss"], "acme"), (["gusto/employees"], "acme"), (True, False)),
        # By pool alone: ranges that overlap have no tag in common.
        (
            (["xero/profit_and_loss"], ACME_TO_HOOLI),
            (["xero/profit_and_loss"], GLOBEX_TO_INITECH),
            (False, True),
        ),
        ((["merged_model"], ACME_TO_HOOLI), (["merged_model"], GLOBEX_TO_INITECH), (False, True)),
        # What each workspace is held for inside the runs: no limit of Dagster tells these apart.
        (
            (["xero/profit_and_loss"], ACME_TO_HOOLI),
            (["gusto/employees"], GLOBEX_TO_INITECH),
            (False, False),
        ),
    ],
)
def test_what_waits_in_the_queue_and_why(instance, job, running, queued, expected):
    first, second = (
        run_of(
            instance, job, *assets, tags=where if isinstance(where, dict) else one_workspace(where)
        )
        for assets, where in (running, queued)
    )

    assert waits(instance, first, second) == expected


def one_workspace(name):
    return {"dagster/partition": name}


def test_every_step_that_writes_has_a_pool(job):
    pools = {node.name: node.definition.pools for node in job.nodes}

    assert pools == {
        "fetch_gusto": {"provider_gusto"},
        "fetch_quickbooks": {"provider_quickbooks"},
        "fetch_xero": {"provider_xero"},
        "merge_models": {"merge_models"},
    }


def test_a_file_that_is_there_is_left_alone(tmp_path):
    (tmp_path / "dagster.yaml").write_text("telemetry: {enabled: false}\n")

    assert prepare(tmp_path) == tmp_path
    assert (tmp_path / "dagster.yaml").read_text() == "telemetry: {enabled: false}\n"
    (tmp_path / "dagster.yaml").unlink()
    prepare(tmp_path)
    assert (tmp_path / "dagster.yaml").read_text() == DAGSTER_YAML


def test_a_run_that_waited_begins_within_a_second(instance):
    assert instance.run_coordinator.dequeue_interval_seconds == 1
    assert instance.get_concurrency_config().run_queue_config.max_concurrent_runs == 4


BEFORE_RUNS_WERE_MONITORED = re.sub(
    r"# A run whose.*(?=concurrency:)", "", DAGSTER_YAML, flags=re.DOTALL
)
"""What earlier releases wrote."""


def test_a_file_of_an_earlier_release_is_brought_up_to_date(tmp_path):
    (tmp_path / "dagster.yaml").write_text(BEFORE_RUNS_WERE_MONITORED)

    prepare(tmp_path)

    assert (tmp_path / "dagster.yaml").read_text() == DAGSTER_YAML
    assert [path.name for path in tmp_path.iterdir()] == ["dagster.yaml"]


def test_a_file_of_an_earlier_release_that_was_edited_is_left_alone(tmp_path):
    edited = BEFORE_RUNS_WERE_MONITORED.replace("max_concurrent_runs: 4", "max_concurrent_runs: 9")
    (tmp_path / "dagster.yaml").write_text(edited)

    prepare(tmp_path)

    assert (tmp_path / "dagster.yaml").read_text() == edited
    assert not monitors_runs(tmp_path)


def test_dead_runs_end_within_a_minute(instance):
    settings = instance.run_monitoring_settings
    assert isinstance(instance.run_launcher, LocalRunLauncher)
    assert instance.run_monitoring_enabled
    assert instance.run_monitoring_poll_interval_seconds == 10
    assert settings["start_timeout_seconds"] == settings["cancel_timeout_seconds"] == 60
    assert settings["free_slots_after_run_end_seconds"] == 30


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (DAGSTER_YAML, True),
        ("", False),
        ("run_monitoring: {enabled: true}", False),
        (DAGSTER_YAML.replace("enabled: true", "enabled: false"), False),
        (DAGSTER_YAML.replace("run_launcher:", "python_logs:"), False),
        ("- not a mapping", False),
        ("{not yaml", False),
    ],
)
def test_whether_a_file_monitors_runs_is_known_without_dagster(tmp_path, text, expected):
    assert monitors_runs(tmp_path)  # a missing file will be written
    (tmp_path / "dagster.yaml").write_text(text)

    assert monitors_runs(tmp_path) is expected


def test_whether_runs_may_be_at_work_is_known_without_dagster(tmp_path, job):
    assert not may_have_unfinished_runs(tmp_path)
    with open_instance(tmp_path) as instance:
        assert not may_have_unfinished_runs(tmp_path)
        instance.add_dynamic_partitions(WORKSPACES.name, ["acme"])
        run = run_of(instance, job, "xero/balance_sheet", tags=one_workspace("acme"))
        assert may_have_unfinished_runs(tmp_path)
        instance.report_run_failed(run)
        assert not may_have_unfinished_runs(tmp_path)
    (tmp_path / "dagster.yaml").write_text("storage: {postgres: {}}\n")
    assert may_have_unfinished_runs(tmp_path)  # they are elsewhere
