"""Both schedules of all workspaces, evaluated as Dagster's daemon evaluates them."""

import re
from collections import Counter
from datetime import UTC, datetime, timedelta

import dagster as dg
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.connection_rows import list_connections, row
from support.scripted_server import scripted_server

from integrations.contracts import ConfigurationError
from zebbra_pipeline.orchestration.automation.schedules import Slices
from zebbra_pipeline.orchestration.building import Checks, RefreshSchedule, build_definitions
from zebbra_pipeline.orchestration.partitions import RANGE_END, RANGE_START, WORKSPACES
from zebbra_pipeline.orchestration.resources import Connections

MORNING = datetime(2026, 3, 2, 6, tzinfo=UTC)
NAMES = [f"customer-{number:03}" for number in range(120)]


@pytest.fixture
def instance(tmp_path):
    with dg.instance_for_test(temp_dir=str(tmp_path)) as opened:
        yield opened


@pytest.fixture(autouse=True)
def _no_service(monkeypatch, tmp_path):
    monkeypatch.setenv("ZEBBRA_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("ZEBBRA_OAUTH_URL", "http://localhost:1")


@pytest.fixture
def serving(monkeypatch):
    """Return a function that makes the OAuth service list connections."""
    with scripted_server() as server:
        monkeypatch.setenv("ZEBBRA_OAUTH_URL", server.url)

        def serve(states, integration="Xero"):
            rows = [row(name, state, integration=integration) for name, state in states.items()]
            list_connections(server, rows)

        yield serve


def tick(instance, *, at=MORNING, name="refresh_workspaces", repository=None, **options):
    repository = repository or build_definitions(**options).get_repository_def()
    context = dg.build_schedule_context(
        instance=instance,
        scheduled_execution_time=at,
        repository_def=repository,
        resources={"connections": Connections()},
    )
    with context:
        return repository.get_schedule_def(name).evaluate_tick(context)


def hour(instance, *, start=MORNING, minutes=60, **options):
    """Return what each tick of one hour, or of its first *minutes*, requests."""
    repository = build_definitions(**options).get_repository_def()
    ticks = [start + timedelta(minutes=minutes) for minutes in range(0, minutes, 5)]
    return [tick(instance, at=at, repository=repository).run_requests for at in ticks]


def whole(requests):
    return [item for each in requests for item in each]


def ranges(requests):
    return [(item.tags[RANGE_START], item.tags[RANGE_END]) for item in requests]


def test_an_hour_covers_all_workspaces_in_neighbouring_batches_in_the_order_of_their_definition(
    instance,
):
    order = [*NAMES[60:], *NAMES[:60]]
    instance.add_dynamic_partitions(WORKSPACES.name, order)

    first, second, third, *others = hour(instance)

    assert ranges(first) == [(order[0], order[49])]
    assert ranges(second) == [(order[50], order[99])]
    assert ranges(third) == [(order[100], order[119])]
    assert [dict(item.run_config) for item in [*first, *second, *third]] == [{}, {}, {}]
    assert whole(others) == []
    quiet = tick(instance, at=MORNING.replace(minute=15))
    assert quiet.skip_message == "no connected workspace in this part of the hour"


def test_thousands_of_workspaces_are_spread_evenly_over_the_hour(instance):
    instance.add_dynamic_partitions(WORKSPACES.name, [f"ws-{number}" for number in range(3000)])

    sizes = [len(requests) for requests in hour(instance)]

    assert sizes == [5] * 12


def test_the_most_workspaces_in_a_run_is_an_argument_or_a_setting(instance, monkeypatch):
    instance.add_dynamic_partitions(WORKSPACES.name, ["b", "a", "c"])

    assert ranges(whole(hour(instance, workspaces_per_run=2))) == [("b", "a"), ("c", "c")]
    monkeypatch.setenv("ZEBBRA_WORKSPACES_PER_RUN", "1")
    assert ranges(whole(hour(instance))) == [("b", "b"), ("a", "a"), ("c", "c")]


@given(
    minute=st.integers(0, 59),
    sizes=st.lists(st.integers(0, 400), min_size=12, max_size=12),
    most=st.integers(1, 60),
)
def test_each_block_has_one_turn_an_hour_whoever_is_added_meanwhile(minute, sizes, most):
    slices = Slices.of(f"{minute} 6 * * *")
    ticks = [MORNING.replace(minute=int(cron.split()[0])) for cron in slices.crons]
    turns, known = Counter(), 0
    at_start = -(-sizes[0] // most)
    for at, added in zip(ticks, sizes, strict=False):
        known += added
        part = slices.index(at)
        blocks = range(-(-known // most))
        turns.update(number for number in blocks if number % len(slices.crons) == part)

    assert [slices.index(at) for at in ticks] == list(range(len(ticks)))
    assert all(turns[number] == 1 for number in range(at_start))
    assert max(turns.values(), default=1) == 1
    assert all(cron.split()[1:] == ["6", "*", "*", "*"] for cron in slices.crons)


@pytest.mark.parametrize("cron", ["*/10 * * * *", "0,30 6 * * *", "@daily"])
def test_another_minute_field_is_one_tick_for_everybody(instance, cron):
    instance.add_dynamic_partitions(WORKSPACES.name, NAMES)
    schedule = RefreshSchedule(cron=cron)

    half_past = tick(instance, at=MORNING.replace(minute=30), schedule=schedule).run_requests
    at_six = tick(instance, schedule=schedule).run_requests

    assert len(half_past) == len(at_six) == 3
    assert not {item.run_key for item in half_past} & {item.run_key for item in at_six}


def test_a_block_is_requested_once_an_hour_by_its_key_and_again_the_next_day(instance):
    instance.add_dynamic_partitions(WORKSPACES.name, NAMES)

    keys = [item.run_key for item in whole(hour(instance, minutes=15))]
    again = [item.run_key for item in whole(hour(instance, minutes=15))]
    next_day = [
        item.run_key for item in whole(hour(instance, minutes=15, start=MORNING.replace(day=3)))
    ]

    assert keys == again
    assert len({*keys, *next_day}) == 6
    assert keys[0] == "2026-03-02T06+0000:0"


def test_a_tick_without_workspaces_says_that_there_are_none(instance):
    data = tick(instance)

    assert not data.run_requests
    assert data.skip_message == "no workspaces yet: none has connected an integration"


def test_who_has_disconnected_or_must_reconnect_is_left_out_where_that_costs_no_further_run(
    instance, serving
):
    instance.add_dynamic_partitions(WORKSPACES.name, NAMES[:12])
    states = dict.fromkeys(NAMES[:12], "disconnected")
    serving(states | {NAMES[1]: "connected", NAMES[2]: "requires_reconnect", NAMES[3]: "connected"})

    # Blocks of four: the ends of the first are cut off, the others have nobody connected.
    assert ranges(whole(hour(instance, workspaces_per_run=4))) == [(NAMES[1], NAMES[3])]


def test_a_connection_to_an_integration_that_is_not_here_schedules_nothing(instance, serving):
    instance.add_dynamic_partitions(WORKSPACES.name, NAMES[:4])
    serving(dict.fromkeys(NAMES[:4], "connected"), integration="Sage")

    assert whole(hour(instance)) == []


def test_a_service_that_does_not_answer_leaves_nobody_out(instance):
    instance.add_dynamic_partitions(WORKSPACES.name, NAMES[:60])

    assert ranges(whole(hour(instance))) == [(NAMES[0], NAMES[49]), (NAMES[50], NAMES[59])]


def test_the_weekly_refresh_tells_every_integration_to_fetch_all(instance):
    definitions = build_definitions()
    instance.add_dynamic_partitions(WORKSPACES.name, ["a"])

    (request,) = tick(instance, name="refresh_workspaces_fully").run_requests

    full = {"config": {"full": True}}
    assert request.run_config == {
        "ops": {"fetch_gusto": full, "fetch_quickbooks": full, "fetch_xero": full}
    }
    assert dg.validate_run_config(
        definitions.resolve_job_def("refresh_figures"), dict(request.run_config)
    )


def test_the_usual_schedules_wait_until_somebody_turns_them_on():
    check, daily, weekly = sorted(
        build_definitions().get_repository_def().schedule_defs, key=lambda item: item.name
    )

    assert (daily.name, weekly.name) == ("refresh_workspaces", "refresh_workspaces_fully")
    for item, first in ((daily, "0 6 * * *"), (weekly, "0 3 * * 0")):
        assert item.default_status is dg.DefaultScheduleStatus.STOPPED
        assert item.execution_timezone == "UTC"
        assert item.cron_schedule[0] == first
        assert len(item.cron_schedule) == 12
    assert (check.name, check.job_name) == ("check_all_figures", "check_figures")
    assert check.default_status is dg.DefaultScheduleStatus.STOPPED
    assert (check.cron_schedule, check.execution_timezone) == ("30 7 * * *", "UTC")


def test_cron_and_time_zone_are_settings_and_arguments_win_over_them(monkeypatch):
    monkeypatch.setenv("ZEBBRA_REFRESH_CRON", "50 4 * * 1-5")
    monkeypatch.setenv("ZEBBRA_FULL_CRON", "")
    monkeypatch.setenv("ZEBBRA_CHECK_CRON", "")
    monkeypatch.setenv("ZEBBRA_TIMEZONE", "Europe/London")

    (by_settings,) = build_definitions().get_repository_def().schedule_defs
    chosen = RefreshSchedule(cron="*/30 * * * *", timezone="Asia/Kolkata", running=True)
    (own,) = build_definitions(schedule=chosen).get_repository_def().schedule_defs

    assert tuple(by_settings.cron_schedule) == ("50 4 * * 1-5", "55 4 * * 1-5")
    assert by_settings.execution_timezone == "Europe/London"
    assert own.default_status is dg.DefaultScheduleStatus.RUNNING
    assert (tuple(own.cron_schedule), own.execution_timezone) == (("*/30 * * * *",), "Asia/Kolkata")


def test_the_checks_have_a_cron_of_their_own_by_setting_and_by_argument(monkeypatch):
    monkeypatch.setenv("ZEBBRA_CHECK_CRON", "15 9 * * 1-5")
    monkeypatch.setenv("ZEBBRA_TIMEZONE", "Europe/London")

    def check_schedule(**chosen):
        repository = build_definitions(schedule=RefreshSchedule(**chosen)).get_repository_def()
        return [item for item in repository.schedule_defs if item.name == "check_all_figures"]

    (by_settings,) = check_schedule()
    (own,) = check_schedule(check_cron="0 * * * *", timezone="Asia/Kolkata", running=True)
    assert (by_settings.cron_schedule, by_settings.execution_timezone) == (
        "15 9 * * 1-5",
        "Europe/London",
    )
    assert (own.cron_schedule, own.execution_timezone) == ("0 * * * *", "Asia/Kolkata")
    assert own.default_status is dg.DefaultScheduleStatus.RUNNING
    assert check_schedule(check_cron="") == []


def test_slices_are_those_of_the_schedules_own_clock(instance):
    instance.add_dynamic_partitions(WORKSPACES.name, NAMES)
    schedule = RefreshSchedule(timezone="Asia/Kolkata")  # half an hour off the whole ones

    (request,) = tick(
        instance, at=datetime(2026, 3, 2, 0, 35, tzinfo=UTC), schedule=schedule
    ).run_requests

    assert ranges([request]) == [(NAMES[50], NAMES[99])]
    assert request.run_key == "2026-03-02T06+0530:1"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("ZEBBRA_REFRESH_CRON", "every morning"),
        ("ZEBBRA_FULL_CRON", "61 3 * * 0"),
        ("ZEBBRA_CHECK_CRON", "daily"),
        ("ZEBBRA_TIMEZONE", "Mars/Olympus"),
        ("ZEBBRA_WORKSPACES_PER_RUN", "0"),
    ],
)
def test_a_malformed_setting_fails_by_name_when_definitions_load(monkeypatch, name, value):
    monkeypatch.setenv(name, value)

    with pytest.raises(
        ConfigurationError, match=f"^{name}: expected .*found '{re.escape(value)}'$"
    ):
        build_definitions()


def test_no_schedule_and_no_checks_leave_the_assets_as_they_are():
    usual = build_definitions().get_repository_def()
    bare = build_definitions(schedule=None, checks=None).get_repository_def()

    assert bare.schedule_defs == []
    assert bare.asset_graph.asset_check_keys == set()
    assert bare.asset_graph.get_all_asset_keys() == usual.asset_graph.get_all_asset_keys()


def test_a_day_is_the_shortest_age_that_a_check_can_ask_for():
    with pytest.raises(ValueError, match="stale_after_days"):
        Checks(stale_after_days=0)
