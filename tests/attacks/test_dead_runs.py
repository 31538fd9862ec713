"""Runs whose process dies without a word: they end, and what waits for them goes on."""

import os
import pty
import re
import signal
from datetime import datetime, timedelta

import dagster as dg
import pytest
from support.oauth_rig import wait_until
from support.partition_status import shown
from support.runs_at_work import (
    A_MINUTE_S,
    engine_events,
    kill_all_of,
    launch,
    refresh_at_work,
    running_daemon,
    running_dev,
    statuses,
    wait_for_status,
)
from support.stack import running_stack

from integrations.runtime.settings import load_settings
from integrations.sandbox_kit import SandboxControl
from zebbra_pipeline.cli import dead_runs as doctor_of_runs
from zebbra_pipeline.cli.dead_runs import dead_runs
from zebbra_pipeline.orchestration.dagster_home import open_instance
from zebbra_pipeline.orchestration.partitions import WORKSPACES

TODAY = datetime.now().astimezone().date()
KEY = dg.AssetKey(["xero", "balance_sheet"])
COMPANIES = {
    "acme": "Acme Trading Inc",
    "globex": "Globex GmbH",
    "initech": "Acme Trading Inc",
}


@dg.job
def a_job():
    """Any job: its run is created, never executed."""


@pytest.fixture
def stack(tmp_path):
    with running_stack(tmp_path, today=TODAY, history_months=2) as running:
        for workspace, company in COMPANIES.items():
            running.connect(workspace, xero=company)
        with open_instance(running.settings.dagster_home) as instance:
            prepare_dagster(instance, COMPANIES)
        yield running
        running.control().clear_faults()


def prepare_dagster(instance, workspaces):
    """Add workspaces, and the pools: the first run that Dagster sees of a new pool never waits."""
    instance.add_dynamic_partitions(str(WORKSPACES.name), list(workspaces))
    for pool in ("provider_gusto", "provider_quickbooks", "provider_xero"):
        instance.event_log_storage.initialize_concurrency_limit_to_default(pool)


@pytest.fixture
def home(stack):
    return stack.settings.dagster_home


def never_answering(stack, company):
    """Let the provider keep every request for that organisation."""
    keep_requests(stack.control(), company)


def keep_requests(control, company, seconds=90, times=None):
    (tenant,) = [item.id for item in control.tenants() if company in item.name]
    control.fault("slow", path="/api.xro", tenant_id=tenant, seconds=seconds, times=times)


def materialized(instance):
    return set(instance.get_materialized_partitions(KEY))


@pytest.mark.timeout(240)
def test_a_refresh_that_was_killed_ends_within_a_minute_and_the_queue_goes_on(stack, home):
    never_answering(stack, "Globex GmbH")
    with running_daemon(home, stack.home / "logs"):
        with refresh_at_work(home, "acme", "globex") as (refresh, dead):
            waiting = launch(home, "initech")
            with open_instance(home) as instance:
                wait_until(lambda: materialized(instance) == {"acme"}, 60)
            wait_until(lambda: statuses(home)[waiting] == "QUEUED")
            refresh.kill()
            refresh.wait()
        wait_for_status(home, dead, "FAILURE", A_MINUTE_S)
        wait_for_status(home, waiting, "SUCCESS", A_MINUTE_S)

    with open_instance(home) as instance:
        events = engine_events(instance, dead)
        seen = shown(instance, KEY)
    assert f"its process (pid {refresh.pid} on {os.uname().nodename}) is gone" in events
    assert seen.materialized == {"acme", "initech"}
    assert (seen.failed, seen.in_progress) == ({"globex"}, set())


def test_without_a_daemon_doctor_names_it_and_the_next_refresh_ends_it(stack, home):
    never_answering(stack, "Globex GmbH")
    with refresh_at_work(home, "globex") as (refresh, dead):
        alive = stack.zebbra("doctor")
        refresh.kill()
        refresh.wait()

    doctor = stack.zebbra("doctor")
    after = stack.zebbra("refresh", "acme")

    assert dead not in alive.stdout
    assert f"run {dead}" in doctor.stdout
    assert re.search(r"dead, STARTED since \d{4}-\d\d-\d\d \d\d:\d\d UTC", doctor.stdout)
    assert doctor.returncode == 1
    assert f"ended run {dead}: its process (pid {refresh.pid} on " in after.stdout
    assert after.returncode == 0, after.stdout + after.stderr
    assert statuses(home)[dead] == "FAILURE"
    assert dead not in stack.zebbra("doctor").stdout


def not_ignored():
    """Take signals as a shell's child does, also where the tests themselves run under nohup."""
    signal.signal(signal.SIGHUP, signal.SIG_DFL)


def in_its_own_terminal():
    not_ignored()
    os.close(os.open(os.ttyname(0), os.O_RDWR))


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_ends_the_run_of_a_refresh(stack, home, number):
    never_answering(stack, "Globex GmbH")
    with refresh_at_work(home, "globex", preexec_fn=not_ignored) as (refresh, run):
        refresh.send_signal(number)
        output, _ = refresh.communicate(timeout=30)

    stack.control().clear_faults()
    assert refresh.returncode == 130, output
    assert statuses(home) == {run: "FAILURE"}  # nor was anything merged after it
    assert stack.refresh(globex="xero").failures == {}  # no lock is left


def test_a_terminal_that_closes_ends_the_run_of_a_refresh(stack, home):
    never_answering(stack, "Globex GmbH")
    terminal, side = pty.openpty()
    with refresh_at_work(
        home,
        "globex",
        **dict.fromkeys(("stdin", "stdout", "stderr"), side),
        start_new_session=True,
        preexec_fn=in_its_own_terminal,
    ) as (refresh, run):
        os.close(side)
        os.close(terminal)
        status = refresh.wait(timeout=30)

    assert status == 130
    assert statuses(home) == {run: "FAILURE"}


def test_nohup_outlives_the_terminal(stack, home):
    keep_requests(stack.control(), "Globex GmbH", seconds=6, times=1)
    with refresh_at_work(
        home, "globex", preexec_fn=lambda: signal.signal(signal.SIGHUP, signal.SIG_IGN)
    ) as (refresh, run):
        refresh.send_signal(signal.SIGHUP)
        output, _ = refresh.communicate(timeout=60)

    assert refresh.returncode == 0, output
    assert statuses(home)[run] == "SUCCESS"


@pytest.mark.timeout(240)
def test_after_all_of_dev_was_killed_the_next_start_ends_the_run_and_the_queue_goes_on(tmp_path):
    dagster_home = tmp_path / "dagster"
    with running_dev(tmp_path) as dev:
        dev.connect("acme", "xero", COMPANIES["acme"])
        dev.connect("globex", "xero", COMPANIES["globex"])
        with open_instance(dagster_home) as instance:
            prepare_dagster(instance, ["acme", "globex"])
        keep_requests(SandboxControl(f"{dev.sandbox_url}/xero"), COMPANIES["acme"])
        dead = launch(dagster_home, "acme", ZEBBRA_HOME=str(tmp_path))
        wait_for_status(dagster_home, dead, "STARTED", A_MINUTE_S)
        waiting = launch(dagster_home, "globex", ZEBBRA_HOME=str(tmp_path))
        assert kill_all_of(tmp_path) >= 6
    assert statuses(dagster_home) == {dead: "STARTED", waiting: "QUEUED"}

    with running_dev(tmp_path) as again:
        wait_for_status(dagster_home, waiting, "SUCCESS", A_MINUTE_S)

    assert re.search(rf"ended run {dead}: its process \(pid \d+ on \S+\) is gone", again.output)
    assert statuses(dagster_home) == {dead: "FAILURE", waiting: "SUCCESS"}
    with open_instance(dagster_home) as instance:
        seen = shown(instance, KEY)
    assert (seen.materialized, seen.failed) == ({"globex"}, {"acme"})


def test_doctor_says_that_an_edited_home_ends_no_run_and_names_runs_it_cannot_judge(
    tmp_path, monkeypatch
):
    settings = load_settings({"ZEBBRA_HOME": str(tmp_path)})
    home = settings.dagster_home
    assert list(dead_runs(settings)) == []
    with open_instance(home) as instance:
        run = instance.create_run_for_job(a_job, status=dg.DagsterRunStatus.STARTED)
    assert list(dead_runs(settings)) == []  # it began just now
    (home / "dagster.yaml").write_text("telemetry: {enabled: false}\n")
    monkeypatch.setattr(doctor_of_runs, "UNKNOWN_AFTER", timedelta(0))

    edited, unknown = dead_runs(settings)

    assert edited.state == unknown.state == "look"
    assert "the file was edited" in edited.found
    assert unknown.what == f"run {run.run_id}"
    assert "its process is not known" in unknown.found
