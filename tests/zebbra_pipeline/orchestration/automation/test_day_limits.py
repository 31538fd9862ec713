"""Workspaces that met a day's limit, from the run that met it to the run after its reset."""

import json
import logging
from datetime import UTC, date, datetime, timedelta

import dagster as dg
import pytest
from support.stack import books_of, running_stack
from support.ticking import Ticking

from zebbra_pipeline.orchestration.automation import day_limits
from zebbra_pipeline.orchestration.dagster_home import open_instance
from zebbra_pipeline.orchestration.partitions import RANGE_END, RANGE_START, WORKSPACES

TODAY = date(2025, 2, 28)
XERO = [dg.AssetKey(["xero", name]) for name in ("balance_sheet", "profit_and_loss")]
LIMIT_S = 7200
NAMES = ("acme", "globex", "hooli", "globex-too", "globex-three")
QUIET = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}


@pytest.fixture(scope="module")
def stack(tmp_path_factory):
    with running_stack(tmp_path_factory.mktemp("limit"), today=TODAY, history_months=2) as running:
        for name in NAMES:
            running.connect(name, xero="Globex" if "globex" in name else "Acme Trading Inc")
        yield running


@pytest.fixture(autouse=True)
def _without_faults(stack):
    yield
    stack.control().clear_faults()


@pytest.fixture
def ticking(tmp_path, stack):
    """The sensor on day limits, in a Dagster of its own that knows all workspaces."""
    del stack
    with dg.DagsterInstance.ephemeral(tempdir=str(tmp_path)) as instance:
        instance.add_dynamic_partitions(WORKSPACES.name, list(NAMES))
        yield Ticking(instance, as_of=str(TODAY), sensor=day_limits.SENSOR_NAME)


@pytest.fixture
def later(monkeypatch):
    """Return a function that lets a number of seconds pass for the sensor."""

    def let_pass(seconds):
        now = datetime.now(UTC) + timedelta(seconds=seconds)
        monkeypatch.setattr(day_limits, "utc_now", lambda: now)

    return let_pass


def use_up_the_day(stack, retry_after=LIMIT_S):
    globex = books_of("Globex", TODAY).company.id
    stack.control().fault("day_limit", path="/api.xro", tenant_id=globex, retry_after=retry_after)


def run_all(ticking, *, full=False, first="acme", last="globex-three", tags=None):
    """Run a range of workspaces as a schedule or a backfill does."""
    config = {"ops": {"fetch_xero": {"config": {"full": True}}}} if full else {}
    request = dg.RunRequest(
        tags={RANGE_START: first, RANGE_END: last} | (tags or {}),
        asset_selection=XERO,
        run_config=QUIET | config,
    )
    return ticking.run(request)


def ranges(requests):
    return [
        (item.tags.get(RANGE_START, item.partition_key), item.tags.get(RANGE_END))
        for item in requests
    ]


def test_who_met_the_limit_is_requested_once_when_it_has_reset_and_nobody_else(
    stack, ticking, later
):
    use_up_the_day(stack)
    run = run_all(ticking)
    assert not run.success

    early = ticking.evaluate()
    later(LIMIT_S - 60)
    still_early = ticking.tick()
    later(LIMIT_S + 61)
    requests = ticking.tick()
    again = ticking.evaluate()

    assert early.skip_message == "3 workspaces wait for the reset of a day's limit"
    assert still_early == []
    assert ranges(requests) == [("globex", None), ("globex-too", "globex-three")]
    assert all(sorted(item.asset_selection) == XERO for item in requests)
    assert all(item.run_key.startswith(f"{run.run_id}:xero:") for item in requests)
    assert again.run_requests == []
    assert again.skip_message == "0 workspaces wait for the reset of a day's limit"
    assert all(ticking.run(item).success for item in requests)
    assert ticking.instance.get_materialized_partitions(XERO[0]) == set(NAMES)


def test_a_limit_that_is_met_again_puts_off_again(stack, ticking, later):
    use_up_the_day(stack)
    run_all(ticking, last="globex")
    later(LIMIT_S + 61)
    (first,) = ticking.tick()
    use_up_the_day(stack, retry_after=2 * LIMIT_S)

    assert not ticking.run(first).success
    meanwhile = ticking.tick()
    later(2 * LIMIT_S + 61)
    (second,) = ticking.tick()

    assert meanwhile == []
    assert ranges([second]) == [("globex", None)]
    assert second.run_key != first.run_key
    assert ticking.run(second).success


def test_the_whole_history_is_fetched_again_where_it_was_asked_for(stack, ticking, later):
    use_up_the_day(stack)
    run_all(ticking, full=True, last="globex")
    run_all(ticking, first="globex", last="globex")  # the latest months only
    later(LIMIT_S + 61)

    (request,) = ticking.tick()

    assert request.run_config == {"ops": {"fetch_xero": {"config": {"full": True}}}}


def test_who_was_refreshed_after_the_reset_is_left_out(stack, ticking, later):
    use_up_the_day(stack, retry_after=301)  # a shorter wait is a minute limit's
    run = run_all(ticking)
    tags = ticking.instance.get_run_by_id(run.run_id).tags
    put_off = json.loads(tags["zebbra/come_back.xero"])
    long_ago = {"at": {"2025-02-28T00:00:00+00:00": put_off["at"].popitem()[1]}}
    ticking.instance.add_run_tags(
        run.run_id, {"zebbra/come_back.xero": json.dumps(put_off | long_ago)}
    )
    assert run_all(ticking, first="globex-too", last="globex-three").success
    later(0)

    assert ranges(ticking.tick()) == [("globex", None)]


def test_tags_that_a_rerun_takes_over_put_nobody_off_twice(stack, ticking, later):
    use_up_the_day(stack)
    run = run_all(ticking, last="globex")
    tags = ticking.instance.get_run_by_id(run.run_id).tags
    taken_over = {name: value for name, value in tags.items() if "come_back" in name}
    assert run_all(ticking, last="acme", tags=taken_over).success
    later(LIMIT_S + 61)

    (request,) = ticking.tick()

    assert request.run_key.startswith(run.run_id)


def test_a_run_without_a_used_up_day_puts_nobody_off(stack, ticking):
    globex = books_of("Globex", TODAY).company.id
    stack.control().fault("html", path="/api.xro", tenant_id=globex, times=None)

    run = run_all(ticking)

    assert not run.success
    assert not [
        name for name in ticking.instance.get_run_by_id(run.run_id).tags if "come_back" in name
    ]


def test_what_the_command_put_off_is_in_the_same_dagster_for_the_sensor(stack, later):
    use_up_the_day(stack)
    result = stack.refresh(acme="xero", globex="xero")
    later(LIMIT_S + 61)

    with open_instance(stack.settings.dagster_home) as instance:
        ticking = Ticking(instance, as_of=str(TODAY), sensor=day_limits.SENSOR_NAME)
        requests = ticking.tick()

    assert result.failures == {}
    assert [(item.workspace_id, item.slug) for item in result.put_off] == [("globex", "xero")]
    assert ranges(requests) == [("globex", None)]
    assert requests[0].run_key.startswith(result.runs[0])


def test_a_run_that_a_day_has_no_room_for_warns_before_it_asks(stack, ticking, monkeypatch):
    monkeypatch.setenv("XERO_CALLS_PER_DAY", "8")
    run = run_all(ticking, full=True)

    warnings = [
        entry.user_message
        for entry in ticking.instance.all_logs(run.run_id)
        if entry.level == logging.WARNING and "does not fit" in entry.user_message
    ]
    assert warnings == [
        (
            "does not fit a day: Xero: Globex GmbH (sandbox) needs 9 calls, and 8 are allowed in a "
            "day: 2 days; workspaces that hit the limit are retried after it resets"
        )
    ]


def test_the_sensor_runs_by_default_every_minute_and_starts_the_job_that_the_models_follow(
    ticking,
):
    sensor = ticking.repository.get_sensor_def("after_day_limits")

    assert sensor.default_status is dg.DefaultSensorStatus.RUNNING
    assert sensor.minimum_interval_seconds == 60
    assert sensor.job_name == "refresh_figures"
