"""
`zebbra refresh`: materializes workspaces through Dagster, in this process.

Two runs for each range of workspaces: first every connected integration, then
`merged_model`, so that one dead grant does not keep the other figures out of the models.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import dagster as dg

from integrations.runtime.settings import Settings
from zebbra_pipeline.orchestration.assets.specs import MERGED_MODEL
from zebbra_pipeline.orchestration.building import build_definitions
from zebbra_pipeline.orchestration.dagster_home import open_instance
from zebbra_pipeline.orchestration.dagster_private import new_run_id
from zebbra_pipeline.orchestration.partitions import (
    RANGE_END,
    RANGE_START,
    WORKSPACES,
    contiguous_ranges,
)
from zebbra_pipeline.orchestration.resources import Connections
from zebbra_pipeline.orchestration.run_liveness import EXECUTED_BY, end_dead_runs, signs_of_life
from zebbra_pipeline.orchestration.run_tags import minute_after
from zebbra_pipeline.outcomes import Deferred, Failed, Outcome, named

_NAMED = 10
_INTERRUPTIONS = ("KeyboardInterrupt", "DagsterExecutionInterruptedError")


@dataclass(frozen=True, slots=True)
class PutOff:
    """
    A workspace and an integration that wait for the reset of a day limit.

    Attributes:
        until: When it can be fetched again, in UTC.
    """

    workspace_id: str
    slug: str
    until: datetime


@dataclass
class RefreshResult:
    """
    The result of a refresh.

    Attributes:
        runs: Ids of the Dagster runs.
        failures: By workspace: what failed, one line each, after the name of its step.
        links: By workspace: link to the connect page, where reconnecting resolves the failure.
        put_off: Workspaces that hit a day limit; they do not count as failures.
    """

    runs: list[str] = field(default_factory=list)
    failures: dict[str, list[str]] = field(default_factory=dict)
    links: dict[str, str] = field(default_factory=dict)
    put_off: list[PutOff] = field(default_factory=list)


def refresh(
    connected: Mapping[str, frozenset[str]],
    settings: Settings,
    *,
    full: bool = False,
    as_of: str = "",
    tell: Callable[[str], None],
) -> RefreshResult:
    """
    Materialize workspaces.

    Args:
        connected: By workspace id: the slugs of the integrations it has connected.
        settings: Where Dagster's home is.
        full: Fetch the whole history again.
        as_of: Fetch as if today were this day (YYYY-MM-DD); empty for the real day.
        tell: Called with a line whenever there is progress.
    """
    result = RefreshResult()
    outcomes: dict[str, Sequence[Outcome]] = {}
    connections = Connections(as_of=as_of) if as_of else None
    job = _job(
        build_definitions(connections=connections, schedule=None, on_outcomes=outcomes.__setitem__)
    )
    with open_instance(settings.dagster_home) as instance:
        for item in end_dead_runs(instance):
            tell(f"ended run {item.run.run_id}: {item.gone}")
        name = str(WORKSPACES.name)
        known = set(instance.get_dynamic_partitions(name))
        new = [workspace for workspace in connected if workspace not in known]
        if new:
            instance.add_dynamic_partitions(name, new)
            tell(f"new in Dagster: {named(new, most=_NAMED)}")
        order = list(instance.get_dynamic_partitions(name))
        for group in contiguous_ranges(order, connected, settings.workspaces_per_run):
            slugs = frozenset[str]().union(*(connected[workspace] for workspace in group))
            fetched = [key for key in job.asset_layer.executable_asset_keys if key.path[0] in slugs]
            for keys, config in ((fetched, _fetch_config(slugs, full=full)), ([MERGED_MODEL], {})):
                outcomes.clear()
                run = _run(job, instance, group, keys, config)
                result.runs.append(run.run_id)
                _collect(run, group, outcomes, result)
    return result


def _job(definitions: dg.Definitions) -> dg.JobDefinition:
    """Return a job of the assets alone: their steps log the checks of what lands themselves."""
    return dg.Definitions(
        assets=definitions.assets, resources=definitions.resources, executor=definitions.executor
    ).resolve_implicit_global_asset_job_def()


def _fetch_config(slugs: frozenset[str], *, full: bool) -> dict[str, Any]:
    if not full:
        return {}
    return {"ops": {f"fetch_{slug}": {"config": {"full": True}} for slug in sorted(slugs)}}


def _run(
    job: dg.JobDefinition,
    instance: dg.DagsterInstance,
    group: list[str],
    keys: list[dg.AssetKey],
    config: dict[str, Any],
) -> dg.ExecuteInProcessResult:
    one = group[0] if len(group) == 1 else None
    tags = {EXECUTED_BY: "zebbra refresh"}
    if one is None:
        tags |= {RANGE_START: group[0], RANGE_END: group[-1]}
    run_id = new_run_id()
    with signs_of_life(instance, run_id):  # from before the run exists, or none would know of it
        run = job.execute_in_process(
            run_id=run_id,
            instance=instance,
            asset_selection=keys,
            raise_on_error=False,
            run_config={"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}} | config,
            partition_key=one,
            tags=tags,
        )
    if _was_interrupted(run):
        raise KeyboardInterrupt
    return run


def _was_interrupted(run: dg.ExecuteInProcessResult) -> bool:
    """Return whether a signal ended the run: Dagster reports it as a failure and goes on."""
    failures = [event.job_failure_data for event in run.all_events if event.is_job_failure]
    error = failures[-1].error if failures else None
    return error is not None and error.cls_name in _INTERRUPTIONS


def _collect(
    run: dg.ExecuteInProcessResult,
    group: Sequence[str],
    outcomes: Mapping[str, Sequence[Outcome]],
    result: RefreshResult,
) -> None:
    for step, items in outcomes.items():
        for item in items:
            if isinstance(item, Deferred):
                result.put_off.append(PutOff(item.workspace_id, step, minute_after(item.until)))
            elif isinstance(item, Failed):
                _add_failure(result, [item.workspace_id], step, item.reason)
                if item.connect_url:
                    result.links[item.workspace_id] = item.connect_url
    steps = [event for event in run.all_events if event.event_type_value == "STEP_FAILURE"]
    for event in steps:
        step = str(event.step_key).removeprefix("fetch_")
        data = event.step_failure_data.user_failure_data
        if data and any(isinstance(item, Failed) for item in outcomes.get(step, ())):
            continue  # the step reported its workspaces and failed for them
        text = (data and data.description) or _raised(event.step_failure_data.error)
        _add_failure(result, group, step, text)
    if not run.success and not steps:  # it failed before its first step
        ends = [event for event in run.all_events if event.is_job_failure]
        text = _raised(ends[-1].job_failure_data.error) if ends else "unknown"
        _add_failure(result, group, f"run {run.run_id}", text)


def _add_failure(result: RefreshResult, workspaces: Sequence[str], where: str, reason: str) -> None:
    line = f"{where}: {' '.join(reason.split())}"
    for workspace in workspaces:
        result.failures.setdefault(workspace, []).append(line)


def _raised(error: Any) -> str:
    while error is not None and error.cause is not None:  # Dagster wraps what was raised
        error = error.cause
    return str(error.message) if error else "unknown"
