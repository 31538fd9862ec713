"""When the process of a run counts as gone, and what becomes of the run."""

import json
import os
import subprocess
import sys
from dataclasses import replace
from types import SimpleNamespace

import dagster as dg
import pytest
from dagster import DagsterRunStatus
from dagster._core.events import EngineEventData
from dagster._core.launcher import WorkerStatus
from support.oauth_rig import wait_until
from support.runs_at_work import engine_events

from zebbra_pipeline.orchestration import run_liveness
from zebbra_pipeline.orchestration.dagster_home import open_instance
from zebbra_pipeline.orchestration.executors import with_signs_of_life
from zebbra_pipeline.orchestration.run_launchers.celery import WatchedCeleryRunLauncher
from zebbra_pipeline.orchestration.run_launchers.kubernetes import KubernetesRunLauncher
from zebbra_pipeline.orchestration.run_launchers.local import LocalRunLauncher
from zebbra_pipeline.orchestration.run_liveness import (
    EXECUTED_BY,
    Watcher,
    end_dead_runs,
    process_of,
    reason_gone_now,
    record,
    signs_of_life,
    unfinished_runs,
)
from zebbra_pipeline.orchestration.run_process import this_process

ELSEWHERE = replace(this_process(), table="another-boot", host="far", pid=os.getpid(), beat=100.0)


@dg.job
def a_job():
    """Any job: its runs are created, never executed."""


@pytest.fixture
def instance(tmp_path):
    with open_instance(tmp_path) as opened:
        yield opened


@pytest.fixture
def gone():
    """Give a process of this machine that has ended."""
    ended = subprocess.Popen([sys.executable, "-c", ""])
    process = replace(this_process(), pid=ended.pid, started="1")
    ended.wait()
    return process


@pytest.fixture
def clock(monkeypatch):
    now = SimpleNamespace(s=1000.0)
    times = SimpleNamespace(monotonic=lambda: now.s, time=lambda: now.s)
    monkeypatch.setattr(run_liveness, "time", times)
    return now


def run_in(instance, status=DagsterRunStatus.STARTED, **tags):
    return instance.create_run_for_job(a_job, status=status, tags=tags)


def silent_for(watcher, clock, process, seconds, every=10):
    for _ in range(0, seconds, every):
        assert watcher.reason_gone("run", process) == ""
        clock.s += every
    return watcher.reason_gone("run", process)


def test_a_process_elsewhere_is_gone_when_its_signs_of_life_stop(clock):
    silence = silent_for(Watcher(), clock, ELSEWHERE, 40)

    assert silence == f"its process (pid {os.getpid()} on far) is gone: no sign of life for 40 s"


def test_a_clock_that_is_wrong_elsewhere_does_not_matter(clock):
    watcher = Watcher()
    for number in range(10):
        process = replace(ELSEWHERE, beat=-5000.0 + 7 * number)
        assert watcher.reason_gone("run", process) == ""
        clock.s += 30


def test_a_storage_that_was_away_takes_no_run_with_it(clock):
    watcher = Watcher()
    assert silent_for(watcher, clock, ELSEWHERE, 30) == ""
    clock.s += 600  # nothing could be read, nor written

    assert watcher.reason_gone("run", ELSEWHERE) == ""
    assert silent_for(watcher, clock, replace(ELSEWHERE, beat=200.0), 30) == ""


def test_a_single_look_leaves_the_clocks_two_minutes(clock):
    clock.s = ELSEWHERE.beat + 119
    assert reason_gone_now(ELSEWHERE) == ""
    clock.s += 1
    assert reason_gone_now(ELSEWHERE).endswith("on far) is gone: no sign of life for 120 s")
    assert reason_gone_now(replace(ELSEWHERE, beating=False)) == ""


@pytest.mark.parametrize(
    ("status", "ended"),
    [
        (DagsterRunStatus.NOT_STARTED, DagsterRunStatus.FAILURE),
        (DagsterRunStatus.STARTING, DagsterRunStatus.FAILURE),
        (DagsterRunStatus.STARTED, DagsterRunStatus.FAILURE),
        (DagsterRunStatus.CANCELING, DagsterRunStatus.CANCELED),
    ],
)
def test_only_dead_runs_are_ended(instance, gone, status, ended):
    dead, alive, far, unknown = (run_in(instance, status) for _ in range(4))
    record(instance, dead.run_id, gone)
    record(instance, alive.run_id, this_process())
    record(instance, far.run_id, replace(ELSEWHERE, pid=gone.pid).beat_now())

    (found,) = end_dead_runs(instance)

    assert found.run.run_id == dead.run_id
    after = {run.run_id: run.status for run in instance.get_runs()}
    assert after.pop(dead.run_id) is ended
    assert after == dict.fromkeys((alive.run_id, far.run_id, unknown.run_id), status)
    assert engine_events(instance, dead.run_id) == [f"its process ({gone.name}) is gone"]
    assert end_dead_runs(instance) == []
    assert {item.recorded for item in unfinished_runs(instance)} == {True, False}


def test_a_run_that_finished_just_before_its_process_is_left_alone(instance, gone, monkeypatch):
    run = run_in(instance)
    record(instance, run.run_id, gone)
    (judged,) = unfinished_runs(instance)
    instance.report_run_canceled(run)
    monkeypatch.setattr(run_liveness, "unfinished_runs", lambda _instance: [judged])

    assert end_dead_runs(instance) == []
    assert instance.get_run_by_id(run.run_id).status is DagsterRunStatus.CANCELED


def test_signs_of_life_go_on_until_the_block_ends(instance, monkeypatch):
    monkeypatch.setattr(run_liveness, "BEAT_S", 0.001)
    with signs_of_life(instance, "run"):
        first = process_of(instance, "run")
        wait_until(lambda: process_of(instance, "run").beat > first.beat)
        real = instance.daemon_cursor_storage.set_cursor_values
        calls = []

        def away(_pairs):
            calls.append(None)
            raise OSError

        monkeypatch.setattr(instance.run_storage, "set_cursor_values", away)
        wait_until(lambda: len(calls) > 2)
        monkeypatch.setattr(instance.run_storage, "set_cursor_values", real)
        again = process_of(instance, "run")
        wait_until(lambda: process_of(instance, "run").beat > again.beat)
    last = process_of(instance, "run")

    assert replace(first, beat=0) == replace(last, beat=0) == replace(this_process(), beat=0)


@pytest.mark.parametrize(
    "executor", [dg.in_process_executor, dg.multiprocess_executor.configured({"max_concurrent": 2})]
)
def test_an_executor_with_signs_of_life_is_otherwise_the_same(executor):
    wrapped = with_signs_of_life(executor)

    assert (wrapped.name, wrapped.config_schema) == (executor.name, executor.config_schema)
    assert wrapped.get_requirements({}) == executor.get_requirements({})


def launcher_in(instance, kind, **arguments):
    launcher = kind(**arguments)
    launcher.register_instance(instance)
    return launcher


def health(launcher, run):
    return launcher.check_run_worker_health(run)


def test_the_local_launcher_knows_dead_from_alive(instance, gone):
    launcher = launcher_in(instance, LocalRunLauncher)
    dead, alive, unknown = (run_in(instance) for _ in range(3))
    record(instance, dead.run_id, gone)
    record(instance, alive.run_id, this_process())

    assert health(launcher, alive).status is WorkerStatus.RUNNING
    assert health(launcher, unknown).status is WorkerStatus.RUNNING
    assert health(launcher, dead) == (
        WorkerStatus.FAILED,
        f"its process ({gone.name}) is gone",
        None,
        None,
    )
    instance.report_run_canceled(dead)
    assert health(launcher, dead).status is WorkerStatus.SUCCESS


@pytest.mark.parametrize(("dies", "status"), [(True, "FAILED"), (False, "RUNNING")])
def test_a_run_of_a_foreign_job_is_known_by_the_pid_that_dagster_logs(instance, gone, dies, status):
    launcher = launcher_in(instance, LocalRunLauncher)
    run = run_in(instance)
    record(instance, run.run_id, replace(this_process(), pid=0, started="", beating=False))
    assert health(launcher, run).status is WorkerStatus.RUNNING  # no pid yet

    pid = gone.pid if dies else os.getpid()
    instance.report_engine_event("Started process", run, EngineEventData.in_process(pid))

    assert health(launcher, run).status is WorkerStatus[status]
    if not dies:
        assert process_of(instance, run.run_id).started == this_process().started


def test_on_kubernetes_a_run_of_zebbra_refresh_is_not_looked_for_among_the_pods(
    instance, gone, monkeypatch
):
    monkeypatch.setattr("kubernetes.config.load_incluster_config", lambda: None)
    launcher = launcher_in(
        instance,
        KubernetesRunLauncher,
        service_account_name="dagster",
        instance_config_map="instance",
        dagster_home="/home",
        job_image="image",
    )
    dead, alive = (run_in(instance, **{EXECUTED_BY: "zebbra refresh"}) for _ in range(2))
    record(instance, dead.run_id, gone)
    record(instance, alive.run_id, this_process())
    pods = []
    states = SimpleNamespace(active=0, failed=1, succeeded=0)
    launcher._api_client.get_job_status = lambda **job: pods.append(job["job_name"]) or states

    assert health(launcher, alive).status is WorkerStatus.RUNNING
    assert health(launcher, dead).status is WorkerStatus.FAILED
    assert pods == []
    launched = run_in(instance)
    assert health(launcher, launched).status is WorkerStatus.FAILED
    assert pods == [f"dagster-run-{launched.run_id}"]


def test_with_celery_a_killed_worker_is_noticed_though_its_task_stays_started(
    instance, gone, tmp_path
):
    launcher = launcher_in(
        instance,
        WatchedCeleryRunLauncher,
        default_queue="zebbra",
        broker="memory://",
        backend=f"file://{tmp_path}",
    )
    tags = {"dagster-celery/task_id": "task-1"}
    launcher.celery.backend.store_result("task-1", None, "STARTED")
    dead, alive, early = (run_in(instance, **tags) for _ in range(3))
    refreshed = run_in(instance, **{EXECUTED_BY: "zebbra refresh"})
    record(instance, dead.run_id, gone)
    record(instance, alive.run_id, this_process())

    assert health(launcher, early).status is WorkerStatus.RUNNING  # by its task
    assert health(launcher, alive).status is WorkerStatus.RUNNING
    assert health(launcher, refreshed).status is WorkerStatus.RUNNING
    assert health(launcher, dead).status is WorkerStatus.FAILED
    launcher.celery.backend.store_result("task-1", OSError("lost"), "FAILURE")
    assert health(launcher, early).status is WorkerStatus.FAILED


def test_records_are_no_run_tags(instance):
    run = run_in(instance, kept="yes")
    record(instance, run.run_id, this_process())

    assert instance.get_run_by_id(run.run_id).tags == {"kept": "yes"}
    assert json.loads(process_of(instance, run.run_id).to_json())["pid"] == os.getpid()
