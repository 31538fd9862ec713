"""
The models follow the figures: when a refresh has ended, what it changed is merged.

A workspace is merged if a figure of its, or the text of a model document, has changed since it
was last merged, whichever run brought it; the others keep their models and the materialization
that they have.

They are another run, because a step whose upstream failed is skipped: one dead grant among
fifty workspaces would keep new figures out of the models of all the others.
"""

from typing import Any

import dagster as dg

from zebbra_pipeline.orchestration.assets.specs import MERGED_MODEL
from zebbra_pipeline.orchestration.automation.schedules import REFRESH_JOB
from zebbra_pipeline.orchestration.partitions import RANGE_END, RANGE_START, WORKSPACES
from zebbra_pipeline.orchestration.run_tags import changed_by_events, changed_workspaces

FOLLOWING_JOB = "refresh_models"
_ENDS = {
    dg.DagsterRunStatus.SUCCESS: "models_follow_figures",
    dg.DagsterRunStatus.FAILURE: "models_follow_figures_after_failures",
}


def build_following_job() -> Any:
    """Build the job `refresh_models`: `merged_model` alone."""
    return dg.define_asset_job(
        FOLLOWING_JOB,
        selection=dg.AssetSelection.assets(MERGED_MODEL),
        description=f"Merges the models of its workspaces; follows `{REFRESH_JOB}`.",
    )


def build_following_sensors(refresh_job: Any, job: Any) -> list[dg.SensorDefinition]:
    """
    Build the sensors that run *job* for the workspaces that a run of *refresh_job* has changed.

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
        description=f"Runs `{FOLLOWING_JOB}` for what a `{REFRESH_JOB}` that ended has changed.",
    )
    def follow(context: dg.RunStatusSensorContext) -> dg.RunRequest | dg.SkipReason:
        run = context.dagster_run
        changed = changed_workspaces(run.tags)
        if status is dg.DagsterRunStatus.FAILURE:
            changed |= changed_by_events(context.instance, run.run_id)
        order = context.instance.get_dynamic_partitions(str(WORKSPACES.name))
        merged = [workspace for workspace in order if workspace in changed]
        if not merged:
            return dg.SkipReason(f"run {run.run_id}: no figure has changed")
        return dg.RunRequest(
            run_key=run.run_id,
            run_config={"ops": {"merge_models": {"config": {"workspaces": merged}}}},
            tags={RANGE_START: merged[0], RANGE_END: merged[-1]},
        )

    return follow
