"""
The models follow the figures: when a refresh has ended, its workspaces are merged.

They are another run, because a step whose upstream failed is skipped: one dead grant among
fifty workspaces would keep new figures out of the models of all the others.
"""

from collections.abc import Sequence
from typing import Any

import dagster as dg

from zebbra_pipeline.assets.specs import MERGED_MODEL
from zebbra_pipeline.automation.schedules import REFRESH_JOB
from zebbra_pipeline.partitions import RANGE_END, RANGE_START

FOLLOWING_JOB = "refresh_models"
_ENDS = {
    dg.DagsterRunStatus.SUCCESS: "models_follow_figures",
    dg.DagsterRunStatus.FAILURE: "models_follow_figures_after_failures",
}


def build_following_job(checks: Sequence[dg.AssetChecksDefinition]) -> Any:
    """Build the job `refresh_models`: `merged_model`, and the checks of all landed figures."""
    selection: dg.AssetSelection = dg.AssetSelection.assets(MERGED_MODEL)
    for check in checks:
        selection = selection | dg.AssetSelection.checks(*check.check_keys)
    return dg.define_asset_job(
        FOLLOWING_JOB,
        selection=selection,
        description=f"Merges the models of its workspaces; follows `{REFRESH_JOB}`.",
    )


def build_following_sensors(refresh_job: Any, job: Any) -> list[dg.SensorDefinition]:
    """
    Build the sensors that run *job* for the workspaces of each run of *refresh_job* that ends.

    There are two, as Dagster's sensors watch one status each: a refresh that failed for some
    workspaces has landed the others.
    """
    return [_following(name, status, refresh_job, job) for status, name in _ENDS.items()]


def _following(
    name: str, status: dg.DagsterRunStatus, refresh_job: Any, job: Any
) -> dg.SensorDefinition:
    @dg.run_status_sensor(
        run_status=status,
        name=name,
        monitored_jobs=[refresh_job],
        request_job=job,
        default_status=dg.DefaultSensorStatus.RUNNING,
        description=f"Runs `{FOLLOWING_JOB}` for the workspaces of a `{REFRESH_JOB}` that ended.",
    )
    def follow(context: dg.RunStatusSensorContext) -> dg.RunRequest | dg.SkipReason:
        run = context.dagster_run
        ends = {key: run.tags[key] for key in (RANGE_START, RANGE_END) if key in run.tags}
        if ends:
            return dg.RunRequest(run_key=run.run_id, tags=ends)
        if run.tags.get("dagster/partition"):
            return dg.RunRequest(run_key=run.run_id, partition_key=run.tags["dagster/partition"])
        return dg.SkipReason(f"run {run.run_id} names no workspace")

    return follow
