from datetime import UTC, datetime

import dagster as dg
import pytest

from zebbra_pipeline.building import Checks, RefreshSchedule, build_definitions
from zebbra_pipeline.partitions import RANGE_END, RANGE_START, WORKSPACES

MORNING = datetime(2026, 3, 2, 6, tzinfo=UTC)
NAMES = [f"customer-{number:03}" for number in range(120)]


@pytest.fixture
def instance(tmp_path):
    with dg.instance_for_test(temp_dir=str(tmp_path)) as opened:
        yield opened


def tick(instance, *, at=MORNING, **options):
    """Evaluate the schedule as Dagster's daemon does."""
    definitions = build_definitions(**options)
    repository = definitions.get_repository_def()
    context = dg.build_schedule_context(
        instance=instance, scheduled_execution_time=at, repository_def=repository
    )
    with context:
        return repository.get_schedule_def("refresh_workspaces").evaluate_tick(context)


def ranges(data):
    return [(item.tags[RANGE_START], item.tags[RANGE_END]) for item in data.run_requests]


def test_a_tick_covers_all_workspaces_in_neighbouring_batches_in_the_order_of_their_definition(
    instance,
):
    order = [*NAMES[60:], *NAMES[:60]]
    instance.add_dynamic_partitions(WORKSPACES.name, order)

    data = tick(instance)

    assert ranges(data) == [
        (order[0], order[49]),
        (order[50], order[99]),
        (order[100], order[119]),
    ]
    assert [dict(item.run_config) for item in data.run_requests] == [{}, {}, {}]


def test_the_most_workspaces_in_a_run_can_be_chosen(instance):
    instance.add_dynamic_partitions(WORKSPACES.name, ["b", "a", "c"])

    data = tick(instance, workspaces_per_run=2)

    assert ranges(data) == [("b", "a"), ("c", "c")]


def test_the_same_tick_again_has_the_same_run_keys_and_the_next_day_has_others(instance):
    instance.add_dynamic_partitions(WORKSPACES.name, NAMES)

    first, again = tick(instance), tick(instance)
    next_day = tick(instance, at=MORNING.replace(day=3))

    def keys(data):
        return [item.run_key for item in data.run_requests]

    assert keys(first) == keys(again)
    assert len({*keys(first), *keys(next_day)}) == 6
    assert keys(first)[0] == "2026-03-02T06:00+00:00:customer-000..customer-049"


def test_a_tick_without_workspaces_says_that_there_are_none(instance):
    data = tick(instance)

    assert not data.run_requests
    assert data.skip_message == "no workspaces yet: none has connected an integration"


def test_a_full_refresh_tells_every_integration_so(instance):
    instance.add_dynamic_partitions(WORKSPACES.name, ["acme"])
    definitions = build_definitions()

    data = tick(instance, schedule=RefreshSchedule(full=True))

    (request,) = data.run_requests
    full = {"config": {"full": True}}
    assert request.run_config == {
        "ops": {"fetch_gusto": full, "fetch_quickbooks": full, "fetch_xero": full}
    }
    assert dg.validate_run_config(
        definitions.resolve_job_def("refresh_figures"), dict(request.run_config)
    )


def test_the_usual_schedule_waits_until_somebody_turns_it_on():
    (usual,) = build_definitions().get_repository_def().schedule_defs
    chosen = RefreshSchedule(cron="30 4 * * 1-5", timezone="Europe/London", running=True)
    (own,) = build_definitions(schedule=chosen).get_repository_def().schedule_defs

    assert usual.default_status is dg.DefaultScheduleStatus.STOPPED
    assert (usual.cron_schedule, usual.execution_timezone) == ("0 6 * * *", "UTC")
    assert own.default_status is dg.DefaultScheduleStatus.RUNNING
    assert (own.cron_schedule, own.execution_timezone) == ("30 4 * * 1-5", "Europe/London")


def test_no_schedule_and_no_checks_leave_the_assets_as_they_are():
    usual = build_definitions().get_repository_def()
    bare = build_definitions(schedule=None, checks=None).get_repository_def()

    assert bare.schedule_defs == []
    assert bare.asset_graph.asset_check_keys == set()
    assert bare.asset_graph.get_all_asset_keys() == usual.asset_graph.get_all_asset_keys()


def test_a_day_is_the_shortest_age_that_a_check_can_ask_for():
    with pytest.raises(ValueError, match="stale_after_days"):
        Checks(stale_after_days=0)
