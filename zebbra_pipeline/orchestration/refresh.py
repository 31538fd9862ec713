"""
`zebbra refresh`: materializes workspaces through Dagster, in this process.

Two runs for each range of workspaces: first every connected integration, then
`merged_model`, so that one dead grant does not keep the other figures out of the models.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, cast

import dagster as dg
from dagster._core.utils import make_new_run_id

from integrations.runtime.settings import Settings
from zebbra_pipeline.orchestration.assets.specs import MERGED_MODEL
from zebbra_pipeline.orchestration.building import build_definitions
from zebbra_pipeline.orchestration.dagster_home import open_instance
from zebbra_pipeline.orchestration.metadata.events import FAILED_KEY, LINKS_KEY
from zebbra_pipeline.orchestration.partitions import (
    RANGE_END,
    RANGE_START,
    WORKSPACES,
    contiguous_ranges,
)
from zebbra_pipeline.orchestration.resources import Connections
from zebbra_pipeline.orchestration.run_liveness import EXECUTED_BY, end_dead_runs, signs_of_life
from zebbra_pipeline.orchestration.run_tags import wanted_back
from zebbra_pipeline.outcomes import named

_NAMED = 10
_INTERRUPTIONS = ("KeyboardInterrupt", "DagsterExecutionInterruptedError")


@dataclass(frozen=True, slots=True)
class PutOff:
    """
    A workspace whose integration waits for the reset of a day's limit.

    Attributes:
        until: When it can be fetched again, in UTC.
    """

    workspace_id: str
    slug: str
    until: datetime


@dataclass
class RefreshResult:
    """
    What came of a refresh.

    Attributes:
        runs: Ids of the Dagster runs.
        failures: By workspace: what failed, one line each, named by its step.
        links: By workspace: link to the connect page, where reconnecting mends it.
        put_off: Who met a day's limit; they are not among the failures for it.
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
    connections = Connections(as_of=as_of) if as_of else None
    job = _job(build_definitions(connections=connections, schedule=None))
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
                run = _run(job, instance, group, keys, config)
                result.runs.append(run.run_id)
                put_off = _put_off(instance, run.run_id)
                result.put_off += put_off
                steps = [
                    event for event in run.all_events if event.event_type_value == "STEP_FAILURE"
                ]
                for event in steps:
                    _collect(event, group, result, put_off)
                if not run.success and not steps:  # it failed before its first step
                    _collect_all(run, group, result)
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
    run_id = make_new_run_id()
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


def _put_off(instance: dg.DagsterInstance, run_id: str) -> list[PutOff]:
    run = instance.get_run_by_id(run_id)
    return [
        PutOff(workspace, item.slug, item.at)
        for item in (wanted_back(run_id, run.tags) if run else ())
        for workspace in item.workspaces
    ]


def _collect(
    event: dg.DagsterEvent, group: list[str], result: RefreshResult, put_off: Sequence[PutOff]
) -> None:
    what = str(event.step_key).removeprefix("fetch_")
    data = event.step_failure_data.user_failure_data
    failed = data.metadata.get(FAILED_KEY) if data else None
    links = data.metadata.get(LINKS_KEY) if data else None
    if links is not None:
        result.links |= cast("dict[str, str]", links.value)
    if failed is not None:
        reasons = cast("dict[str, str]", failed.value)
    else:
        text = (data and data.description) or _raised(event.step_failure_data.error)
        reasons = dict.fromkeys(group, " ".join(text.split()))
    waiting = {item.workspace_id for item in put_off if item.slug == what}
    for workspace, reason in reasons.items():
        if workspace in waiting:
            continue
        result.failures.setdefault(workspace, []).append(f"{what}: {reason}")


def _collect_all(run: dg.ExecuteInProcessResult, group: list[str], result: RefreshResult) -> None:
    failed = [event for event in run.all_events if event.is_job_failure]
    text = _raised(failed[-1].job_failure_data.error) if failed else "unknown"
    for workspace in group:
        reason = f"run {run.run_id}: {' '.join(text.split())}"
        result.failures.setdefault(workspace, []).append(reason)


def _raised(error: Any) -> str:
    while error is not None and error.cause is not None:  # Dagster wraps what was raised
        error = error.cause
    return str(error.message) if error else "unknown"
