"""The sensor on connections, against the real OAuth service and a real Dagster instance."""

import time
from datetime import UTC, date, datetime

import dagster as dg
import pytest
from support.connection_rows import list_connections, row
from support.scripted_server import scripted_server
from support.stack import books_of, running_stack
from support.ticking import Ticking

from zebbra_pipeline.cli.context import ask_service

TODAY = date(2025, 2, 28)
XERO = [dg.AssetKey(["xero", name]) for name in ("balance_sheet", "profit_and_loss")]
GUSTO = [dg.AssetKey(["gusto", name]) for name in ("employees", "payroll_costs")]
RANGE = ("dagster/asset_partition_range_start", "dagster/asset_partition_range_end")


@pytest.fixture
def stack(tmp_path):
    with running_stack(tmp_path / "home", today=TODAY) as running:
        yield running


@pytest.fixture
def instance(tmp_path):
    with dg.DagsterInstance.ephemeral(tempdir=str(tmp_path)) as made:
        yield made


def ranges(requests):
    return [tuple(item.tags.get(tag, item.partition_key) for tag in RANGE) for item in requests]


def test_new_workspaces_are_added_and_pulled_whole_in_one_tick(stack, instance):
    ticking = Ticking(instance, as_of=str(TODAY))
    stack.connect("acme", xero="Acme Trading Inc", gusto="Acme Trading Inc")
    stack.connect("globex", xero="Globex")

    (request,) = ticking.tick()

    assert ticking.partitions == ["acme", "globex"]
    assert ranges([request]) == [("acme", "globex")]
    assert sorted(request.asset_selection) == sorted([*XERO, *GUSTO])
    assert ticking.run(request).success
    assert stack.query(
        "SELECT workspace_id, count(DISTINCT month) FROM data_points GROUP BY 1 ORDER BY 1"
    ) == [("acme", 24), ("globex", 24)]
    assert instance.get_materialized_partitions(GUSTO[0]) == {"acme", "globex"}


def test_a_tick_that_is_evaluated_again_asks_for_no_second_run(stack, instance):
    ticking = Ticking(instance)
    stack.connect("acme", xero="Acme Trading Inc")
    first = ticking.evaluate()
    again = ticking.evaluate()
    assert len(ticking.tick()) == 1
    ticking.cursor = "0"  # as if the daemon had died before it kept the cursor

    assert [item.run_key for item in first.run_requests] == [
        item.run_key for item in again.run_requests
    ]
    assert ticking.tick() == []
    assert ticking.partitions == ["acme"]


def test_a_tick_without_changes_asks_for_nothing_and_keeps_its_cursor(stack, instance):
    ticking = Ticking(instance)
    stack.connect("acme", xero="Acme Trading Inc")
    ticking.tick()
    cursor = ticking.cursor

    quiet = ticking.evaluate()

    assert int(cursor) > 0
    assert quiet.run_requests == []
    assert quiet.skip_message == "no workspace has connected or reconnected since the last tick"
    assert quiet.cursor == cursor


def test_a_workspace_that_reconnects_is_materialized_again_by_itself(stack, instance):
    ticking = Ticking(instance, as_of=str(TODAY))
    stack.connect("acme", xero="Acme Trading Inc")
    stack.connect("globex", xero="Globex")
    for request in ticking.tick():
        ticking.run(request)
    stack.control().revoke_grants(books_of("Globex", TODAY).company.id)
    assert list(stack.refresh(globex="xero").failures) == ["globex"]
    assert ticking.tick() == []  # requires_reconnect: nothing that a run could mend

    stack.connect("globex", xero="Globex")
    (request,) = ticking.tick()

    assert request.partition_key == "globex"
    assert sorted(request.asset_selection) == XERO
    assert ticking.run(request).success
    batches = stack.query("SELECT workspace_id, count(*) FROM batches GROUP BY 1 ORDER BY 1")
    assert batches == [("acme", 1), ("globex", 2)]


def test_a_workspace_that_disconnects_loses_nothing_and_is_not_scheduled(stack, instance):
    ticking = Ticking(instance, as_of=str(TODAY))
    stack.connect("acme", xero="Acme Trading Inc")
    for request in ticking.tick():
        ticking.run(request)
    before, cursor = stack.query("SELECT count(*) FROM data_points"), ticking.cursor
    stack.disconnect("acme", "xero")

    assert ticking.tick() == []

    assert int(ticking.cursor) > int(cursor)
    assert ticking.partitions == ["acme"]
    assert instance.get_materialized_partitions(XERO[0]) == {"acme"}
    assert stack.query("SELECT count(*) FROM data_points") == before


def test_the_first_tick_leaves_alone_what_is_materialized_already(stack, instance):
    earlier = Ticking(instance, as_of=str(TODAY))
    stack.connect("acme", xero="Acme Trading Inc")
    for request in earlier.tick():
        earlier.run(request)
    stack.connect("globex", xero="Globex")

    (request,) = Ticking(instance).tick()

    assert request.partition_key == "globex"


def test_a_new_name_of_a_workspace_does_not_run_it_again(stack, instance):
    ticking = Ticking(instance)
    stack.connect("acme", xero="Acme Trading Inc")
    ticking.tick()
    cursor = ticking.cursor
    ask_service(stack.settings, lambda service: service.connect_link("acme", "Acme, renamed"))

    assert ticking.tick() == []
    assert int(ticking.cursor) > int(cursor)


def test_a_service_that_does_not_answer_skips_the_tick_with_what_to_do(
    stack, instance, monkeypatch
):
    ticking = Ticking(instance, cursor="7")
    monkeypatch.setenv("ZEBBRA_OAUTH_URL", "http://localhost:1")

    data = ticking.evaluate()

    assert data.run_requests == []
    assert data.skip_message == (
        "the OAuth service does not answer at http://localhost:1; "
        "start it with 'zebbra serve', or set ZEBBRA_OAUTH_URL to where it runs"
    )
    assert data.cursor == "7"


def test_a_refused_service_key_fails_the_tick_by_the_name_of_its_setting(
    stack, instance, monkeypatch
):
    monkeypatch.setenv("ZEBBRA_SERVICE_KEY", "wr0ng-key-of-some-other-service-of-ours")
    ticking = Ticking(instance)

    with pytest.raises(Exception, match="ZEBBRA_SERVICE_KEY"):
        ticking.evaluate()


def numbered(number, *, integration="Xero", state="connected"):
    since = datetime(2025, 1, 1, 0, 0, number % 60, tzinfo=UTC)
    return row(f"ws-{number:04}", state, integration=integration, connected=since, clock=since)


@pytest.fixture
def served(monkeypatch, tmp_path):
    """Return a function that serves a list of connections."""
    monkeypatch.setenv("ZEBBRA_HOME", str(tmp_path / "served"))
    monkeypatch.setenv("ZEBBRA_SERVICE_KEY", "key-of-the-scripted-server-on-loopback")
    with scripted_server() as server:
        monkeypatch.setenv("ZEBBRA_OAUTH_URL", server.url)

        def serve(rows, cursor):
            list_connections(server, rows, cursor)
            return server

        yield serve


def test_a_tick_with_5000_new_workspaces_takes_less_than_10_seconds(served, instance):
    served([numbered(number) for number in range(5000)], "5000")
    ticking = Ticking(instance)

    started = time.process_time()  # whatever else the machine is doing
    requests = ticking.tick()
    seconds = time.process_time() - started

    assert len(ticking.partitions) == 5000
    assert len(requests) == 100
    assert len({item.run_key for item in requests}) == 100
    assert ranges(requests)[:2] == [("ws-0000", "ws-0049"), ("ws-0050", "ws-0099")]
    assert ranges(requests)[-1] == ("ws-4950", "ws-4999")
    assert seconds < 10


def test_ranges_follow_the_order_in_which_workspaces_were_added(served, instance):
    served([numbered(number) for number in (5, 3, 9, 1)], "4")
    ticking = Ticking(instance, workspaces_per_run=3)
    assert ranges(ticking.tick()) == [("ws-0005", "ws-0009"), ("ws-0001", "ws-0001")]

    again = [
        numbered(number).model_copy(update={"connected_at": datetime(2025, 3, 1, tzinfo=UTC)})
        for number in (1, 5, 3, 2)
    ]
    server = served(again, "8")

    assert ranges(ticking.tick()) == [("ws-0005", "ws-0003"), ("ws-0001", "ws-0002")]
    assert server.received[-1].query == [("changed_since", "4")]
    assert ticking.partitions == ["ws-0005", "ws-0003", "ws-0009", "ws-0001", "ws-0002"]


def test_an_integration_that_is_not_installed_here_is_left_alone(served, instance):
    served([numbered(1, integration="Elsewhere"), numbered(2, state="requires_reconnect")], "2")
    ticking = Ticking(instance)

    assert ticking.tick() == []
    assert ticking.partitions == []
    assert ticking.cursor == "2"


def test_the_sensor_runs_by_default_and_starts_the_job_that_the_models_follow(instance):
    sensor = Ticking(instance).repository.get_sensor_def("workspace_connections")

    assert sensor.default_status is dg.DefaultSensorStatus.RUNNING
    assert sensor.job_name == "refresh_figures"
