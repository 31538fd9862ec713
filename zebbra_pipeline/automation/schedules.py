"""The refresh of all workspaces by the clock, in batches of neighbours."""

from collections.abc import Sequence
from typing import Any

import dagster as dg
from pydantic import Field

from zebbra_pipeline.partitions import RANGE_END, RANGE_START, WORKSPACES, contiguous_ranges

REFRESH_JOB = "refresh_figures"
SCHEDULE_NAME = "refresh_workspaces"


class RefreshSchedule(dg.Model, dg.Resolvable):
    """When all workspaces are refreshed, and how much of them."""

    cron: str = Field(default="0 6 * * *", description="When, as a cron expression.")
    timezone: str = Field(default="UTC", description="Of the cron expression, e.g. Europe/London.")
    full: bool = Field(
        default=False,
        description="Fetch all of ZEBBRA_HISTORY_MONTHS each time, not only the latest months.",
    )
    running: bool = Field(
        default=False,
        description="Start with the deployment; otherwise somebody turns the schedule on.",
    )


def build_refresh_job(fetches: Sequence[dg.AssetsDefinition]) -> Any:
    """Build the job `refresh_figures`: every integration's assets, without the models."""
    keys = sorted(key for fetch in fetches for key in fetch.keys)
    return dg.define_asset_job(
        REFRESH_JOB,
        selection=dg.AssetSelection.assets(*keys).without_checks(),
        description=(
            "Fetches and lands the figures of its workspaces. `merge_models` follows it, also "
            "where it failed for some."
        ),
    )


def build_refresh_schedule(
    schedule: RefreshSchedule,
    job: Any,
    *,
    steps: Sequence[str],
    workspaces_per_run: int,
) -> dg.ScheduleDefinition:
    """
    Build the schedule `refresh_workspaces`.

    A tick covers every workspace that Dagster knows, in the order in which they were added, in
    runs of at most *workspaces_per_run* neighbours; the same tick again requests nothing new.

    Args:
        schedule: When, and how much.
        job: The job to run; see `build_refresh_job`.
        steps: Names of the job's ops, for a full refresh.
        workspaces_per_run: The most workspaces in one run.
    """
    config = (
        {"ops": {step: {"config": {"full": True}} for step in steps}} if schedule.full else None
    )

    @dg.schedule(
        name=SCHEDULE_NAME,
        job=job,
        cron_schedule=schedule.cron,
        execution_timezone=schedule.timezone,
        default_status=(
            dg.DefaultScheduleStatus.RUNNING
            if schedule.running
            else dg.DefaultScheduleStatus.STOPPED
        ),
        description=(
            "Refreshes every workspace" + (" with its whole history." if schedule.full else ".")
        ),
    )
    def refresh_workspaces(
        context: dg.ScheduleEvaluationContext,
    ) -> list[dg.RunRequest] | dg.SkipReason:
        order = list(context.instance.get_dynamic_partitions(str(WORKSPACES.name)))
        if not order:
            return dg.SkipReason("no workspaces yet: none has connected an integration")
        tick = context.scheduled_execution_time.isoformat(timespec="minutes")
        return [
            dg.RunRequest(
                run_key=f"{tick}:{group[0]}..{group[-1]}",
                run_config=config,
                tags={RANGE_START: group[0], RANGE_END: group[-1]},
            )
            for group in contiguous_ranges(order, dict.fromkeys(order), workspaces_per_run)
        ]

    return refresh_workspaces
