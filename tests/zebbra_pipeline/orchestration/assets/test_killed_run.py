"""A run over many workspaces whose process is killed: what has landed stays, the rest is missing."""

import os
import signal
import subprocess
import sys
import textwrap
from datetime import date

import dagster as dg
import pytest
from support.partition_status import shown
from support.stack import running_stack
from support.xero_offices import Liar, offices

from zebbra_pipeline.orchestration.automation.following import build_following_sensors
from zebbra_pipeline.orchestration.building import build_definitions
from zebbra_pipeline.orchestration.dagster_home import open_instance

TODAY = date(2025, 2, 28)
OFFICES = offices(8)
ORDER = [f"ws-{number}" for number in range(8)]
TENANT = {name: company.id for name, company in zip(ORDER, OFFICES, strict=True)}
KEYS = [dg.AssetKey(["xero", name]) for name in ("balance_sheet", "profit_and_loss")]
LANDED = 3
ROWS = "SELECT * FROM data_points WHERE workspace_id = ? ORDER BY ALL"

REFRESH = """
import os, signal
from integrations.runtime.settings import load_settings
from zebbra_pipeline.orchestration.refresh import refresh

def die():
    os.kill(os.getpid(), signal.SIGKILL)
{plan}
refresh({{name: frozenset({{"xero"}}) for name in {names}}}, load_settings(), as_of="{today}", tell=print)
"""
WRITING = """
from zebbra_pipeline.warehouse.database import Database
real, left = Database.execute, [{landed} + 1]

def execute(self, sql, *rest):
    real(self, sql, *rest)
    if sql.split()[:3] == ["INSERT", "INTO", "data_points"]:
        left[0] -= 1
        if left[0] == 0:
            die()

Database.execute = execute
"""
"""In the transaction of the fourth workspace, its figures written and not yet committed."""

FETCHING = """
from zebbra_pipeline.orchestration.assets import integration
real, left = integration.log_outcome, [{landed}]

def log_outcome(*args, **options):
    real(*args, **options)
    left[0] -= 1
    if left[0] == 0:
        die()

integration.log_outcome = log_outcome
"""
"""When three have landed and all others wait for the provider's answer."""


@pytest.fixture
def stack(tmp_path):
    sandboxes = {"xero": Liar().build(OFFICES)}
    with running_stack(tmp_path, today=TODAY, history_months=2, sandboxes=sandboxes) as running:
        for name, company in zip(ORDER, OFFICES, strict=True):
            running.connect(name, xero=company.name)
        yield running


def killed_run(stack, plan):
    """Refresh everything in a process that dies on the way; return its run."""
    code = REFRESH.format(plan=plan.format(landed=LANDED), names=ORDER, today=TODAY)
    died = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code)],
        env=dict(os.environ),
        check=False,
        capture_output=True,
        timeout=120,
    )
    assert died.returncode == -signal.SIGKILL, died.stderr.decode()[-2000:]
    with open_instance(stack.settings.dagster_home) as instance:
        (run,) = instance.get_runs()
    return run


def models_to_merge(instance, run):
    """Return what the sensor on failed refreshes asks for, as that run has ended."""
    definitions = build_definitions()
    _, after_failures = build_following_sensors(
        definitions.resolve_job_def("refresh_figures"),
        definitions.resolve_job_def("refresh_models"),
    )
    (ended,) = instance.all_logs(run.run_id, of_type=dg.DagsterEventType.RUN_FAILURE)
    request = after_failures(
        dg.build_run_status_sensor_context(
            sensor_name=after_failures.name,
            dagster_event=ended.dagster_event,
            dagster_instance=instance,
            dagster_run=instance.get_run_by_id(run.run_id),
        )
    )
    return request.run_config["ops"]["merge_models"]["config"]["workspaces"]


@pytest.mark.parametrize("plan", [WRITING, FETCHING], ids=["writing", "fetching"])
def test_what_landed_is_shown_and_whole_and_the_next_run_fetches_only_the_rest(stack, plan):
    control = stack.control()
    if plan is FETCHING:
        for name in ORDER[LANDED:]:
            control.fault("slow", path="/api.xro", tenant_id=TENANT[name], seconds=60, times=None)

    run = killed_run(stack, plan)

    with open_instance(stack.settings.dagster_home) as instance:
        during = [shown(instance, key) for key in KEYS]
        instance.report_run_failed(run)  # as Dagster's run monitoring does
        after = [shown(instance, key) for key in KEYS]
        to_merge = models_to_merge(instance, run)
    landed = during[0].materialized
    rest = frozenset(ORDER) - landed
    assert len(landed) == LANDED
    assert to_merge == sorted(landed)
    assert [item.materialized for item in during + after] == [landed] * 4
    assert [item.in_progress for item in during] == [rest] * 2
    assert [(item.failed, item.in_progress) for item in after] == [(rest, frozenset())] * 2
    assert stack.zebbra("publish").returncode == 0
    kept = {name: stack.query(ROWS, name) for name in ORDER}
    assert {name for name in ORDER if kept[name]} == landed

    control.clear_faults()
    control.clear_calls()
    result = stack.refresh(**dict.fromkeys(sorted(rest), "xero"))

    called = {call["tenant_id"] for call in control.calls("/api.xro")}
    assert result.failures == {}
    assert called == {TENANT[name] for name in rest}
    with open_instance(stack.settings.dagster_home) as instance:
        for key in KEYS:
            assert shown(instance, key).materialized == frozenset(ORDER)
            assert shown(instance, key).failed == frozenset()
    whole = {name: stack.query(ROWS, name) for name in ORDER}
    assert {name: whole[name] for name in landed} == {name: kept[name] for name in landed}
    assert len({len(rows) for rows in whole.values()}) == 1  # the same chart, none is half there
