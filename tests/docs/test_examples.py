"""The two whole examples work: on the sandbox's books, and as code locations side by side."""

import importlib.util
import os
import subprocess
import sys
from datetime import UTC, datetime, timedelta

import dagster as dg
import pytest
from support.docs import DOCS
from support.stack import SERVICE_KEY, books_of, money, running_stack

from integrations.contracts import month_ends, month_start

EXAMPLES = DOCS / "examples"
TODAY = datetime.now().astimezone().date()  # the day that the examples fetch as of
LAST_MONTH = month_ends(TODAY - timedelta(days=40), TODAY)[-2]


def loaded(name):
    spec = importlib.util.spec_from_file_location(name, EXAMPLES / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.defs


@pytest.fixture(scope="module")
def stack(tmp_path_factory):
    with running_stack(tmp_path_factory.mktemp("home"), today=TODAY) as running:
        running.connect("acme", xero="Acme Trading Inc", gusto="Acme Trading Inc")
        yield running


@pytest.fixture
def instance(tmp_path_factory):
    with dg.DagsterInstance.local_temp(str(tmp_path_factory.mktemp("dagster"))) as made:
        made.add_dynamic_partitions("workspace", ["acme"])
        yield made


def executed(definitions, job, instance, **options):
    run = definitions.resolve_job_def(job).execute_in_process(
        instance=instance, partition_key="acme", **options
    )
    assert run.success
    return run


def test_the_whole_pipeline_takes_its_own_resources_and_an_asset_after_it(
    stack, instance, tmp_path, monkeypatch
):
    monkeypatch.setenv("CONNECT_URL", stack.oauth_url)
    monkeypatch.setenv("CONNECT_KEY", SERVICE_KEY)
    monkeypatch.setenv("BOOKS_WAREHOUSE", str(tmp_path / "books.duckdb"))
    monkeypatch.setenv("BOOKS_PUBLISHED", str(tmp_path / "shown.duckdb"))
    monkeypatch.setenv("ZEBBRA_OAUTH_URL", "http://localhost:9")  # the example names another
    definitions = loaded("whole_pipeline")

    run = executed(definitions, "__ASSET_JOB", instance)

    assert sorted(path.name for path in tmp_path.glob("*.duckdb")) == [
        "books.duckdb",
        "shown.duckdb",
    ]
    (materialized,) = run.asset_materializations_for_node("largest_accounts")
    accounts = materialized.metadata["accounts"].value
    assert len(accounts) == 3
    assert {"Wages and Salaries", "Sales"} & {name.split(" / ")[-1] for name in accounts}
    schedules = {item.name: item for item in definitions.schedules}
    assert schedules["refresh_workspaces"].execution_timezone == "Europe/London"
    assert "refresh_workspaces_fully" not in schedules


def test_own_assets_run_in_a_job_of_ones_own(stack, instance):
    definitions = loaded("own_assets")

    run = executed(definitions, "month_end", instance)

    assert {step.step_key for step in run.get_step_success_events()} == {
        "fetch_xero",
        "fetch_gusto",
    }
    ((value,),) = stack.query(
        "SELECT value FROM data_points WHERE workspace_id = 'acme' AND month = ? "
        "AND endpoint = 'Rent [HQ]'",
        LAST_MONTH,
    )
    books = books_of("Acme Trading Inc", TODAY)
    rent = books.account("Rent [HQ]").id
    assert money(value) == books.movement(rent, month_start(LAST_MONTH), LAST_MONTH) > 0


def test_own_schedule_requests_ranges_of_neighbours(instance):
    instance.add_dynamic_partitions("workspace", [f"w{number}" for number in range(30)])
    (schedule,) = loaded("own_assets").schedules
    context = dg.build_schedule_context(
        instance=instance, scheduled_execution_time=datetime(2026, 7, 1, 5, tzinfo=UTC)
    )

    requested = schedule.evaluate_tick(context).run_requests

    assert [
        (
            request.run_key,
            request.tags["dagster/asset_partition_range_start"],
            request.tags["dagster/asset_partition_range_end"],
        )
        for request in requested
    ] == [("2026-07/0", "acme", "w23"), ("2026-07/1", "w24", "w29")]


def test_examples_are_code_locations_side_by_side(tmp_path):
    environ = {
        "CONNECT_URL": "http://localhost:1",
        "CONNECT_KEY": "k",
        "BOOKS_WAREHOUSE": "w",
        "BOOKS_PUBLISHED": "p",
        "PYTHONDONTWRITEBYTECODE": "",
        "DAGSTER_HOME": str(tmp_path),
    }
    checked = subprocess.run(
        [sys.executable, "-m", "dagster", "definitions", "validate", "-w", "workspace.yaml"],
        cwd=EXAMPLES,
        env=os.environ | environ,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )

    told = checked.stdout + checked.stderr
    assert checked.returncode == 0, told
    for name in ("books", "month_end"):
        assert f"Validation successful for code location {name}" in told
