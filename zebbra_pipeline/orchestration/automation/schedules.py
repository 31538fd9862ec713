"""The refresh of all workspaces by the clock, in batches of neighbours spread over an hour."""

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import dagster as dg
from pydantic import Field

from integrations.contracts import ConfigurationError, PayloadError, ProviderUnavailableError
from integrations.contracts.display import printable
from integrations.runtime.settings import Settings
from zebbra_pipeline.orchestration.dagster_private import is_valid_cron
from zebbra_pipeline.orchestration.partitions import RANGE_END, RANGE_START, WORKSPACES
from zebbra_pipeline.orchestration.resources import Connections

REFRESH_JOB = "refresh_figures"
SCHEDULE_NAME, FULL_SCHEDULE_NAME = "refresh_workspaces", "refresh_workspaces_fully"
CHECK_SCHEDULE_NAME = "check_all_figures"

_SLICE_MINUTES, _HOUR_MINUTES = 5, 60
_AT_ONE_MINUTE = re.compile(r"\s*(\d{1,2})(\s.*)", re.ASCII)


class RefreshSchedule(dg.Model, dg.Resolvable):
    """When all workspaces are refreshed and checked; a field that is left out means its setting."""

    cron: str | None = Field(
        default=None,
        description="When the latest months are fetched, as a cron expression. "
        "Left out: ZEBBRA_REFRESH_CRON.",
    )
    full_cron: str | None = Field(
        default=None,
        description="When all of ZEBBRA_HISTORY_MONTHS is fetched again; empty: never. "
        "Left out: ZEBBRA_FULL_CRON.",
    )
    check_cron: str | None = Field(
        default=None,
        description="When everything that has landed is checked, without a provider call; empty: "
        "never. Left out: ZEBBRA_CHECK_CRON.",
    )
    timezone: str | None = Field(
        default=None,
        description="Of all cron expressions, e.g. Europe/London. Left out: ZEBBRA_TIMEZONE.",
    )
    running: bool = Field(
        default=False,
        description="Start with the deployment; otherwise somebody turns the schedules on.",
    )


@dataclass(frozen=True, slots=True)
class Slices:
    """
    The ticks that one cron expression becomes, so that its runs are spread over the hour.

    A plain minute M becomes M, M + 5, ... up to the end of the hour; any other minute field
    stays as it is, one tick for everybody.

    Attributes:
        crons: One for each slice of the hour, in their order.
        first_minute: Of the first slice; None where nothing is spread.
    """

    crons: tuple[str, ...]
    first_minute: int | None

    @classmethod
    def of(cls, cron: str) -> "Slices":
        """Split the hour of *cron*."""
        plain = _AT_ONE_MINUTE.fullmatch(cron)
        if plain is None:
            return cls((cron,), None)
        first = int(plain[1])
        minutes = range(first, _HOUR_MINUTES, _SLICE_MINUTES)
        return cls(tuple(f"{minute}{plain[2]}" for minute in minutes), first)

    @property
    def period(self) -> str:
        """Format of the time in which everybody's turn comes once: the hour, or the tick."""
        return "%Y-%m-%dT%H:%M%z" if self.first_minute is None else "%Y-%m-%dT%H%z"

    def index(self, local: datetime) -> int:
        """Return the slice of a tick at *local*, a time in the schedule's zone."""
        if self.first_minute is None:
            return 0
        return (local.minute - self.first_minute) // _SLICE_MINUTES % len(self.crons)


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


def build_refresh_schedules(
    schedule: RefreshSchedule,
    job: Any,
    *,
    steps: Sequence[str],
    slugs: Collection[str],
    workspaces_per_run: int,
    settings: Settings,
) -> list[dg.ScheduleDefinition]:
    """
    Build `refresh_workspaces` and, unless it is turned off, `refresh_workspaces_fully`.

    They need the resource `connections`. The workspaces, in the order in which Dagster came
    to know them, are blocks of *workspaces_per_run*; a block's place says in which slice of
    the hour it is requested, once, and a tick that is repeated requests nothing twice. Who
    connects in mid-hour is the sensor's.

    A workspace with no live connection keeps its partition and is not scheduled: blocks
    without a live one are left out, and the ends of the others are cut off. Between two live
    ones it stays in the run, as a gap would cost another run: there a workspace that has
    disconnected costs no call, and one that must reconnect fails as it did. Where the OAuth
    service does not answer, every workspace is requested.

    Both schedules may fall into the same hour: runs of one provider wait for each other.

    Args:
        schedule: When.
        job: The job to run; see `build_refresh_job`.
        steps: Names of the job's ops, for the full refresh.
        slugs: Integrations whose connections count.
        workspaces_per_run: The most workspaces in one run.
        settings: What *schedule* leaves out.

    Raises:
        ConfigurationError: If a cron expression is malformed, by the name of its setting.
    """
    timezone = schedule.timezone or settings.timezone
    routine = _cron(schedule.cron, "ZEBBRA_REFRESH_CRON", settings.refresh_cron)
    made: list[tuple[str, str, str, dict[str, Any]]] = [
        (SCHEDULE_NAME, routine, "Refreshes the latest months of every workspace", {})
    ]
    if schedule.full_cron or (schedule.full_cron is None and settings.full_cron):
        full = _cron(schedule.full_cron, "ZEBBRA_FULL_CRON", settings.full_cron)
        config = {"ops": {step: {"config": {"full": True}} for step in steps}}
        about = "Fetches the whole history of every workspace again"
        made.append((FULL_SCHEDULE_NAME, full, about, config))

    def build(name: str, cron: str, about: str, config: dict[str, Any]) -> dg.ScheduleDefinition:
        slices = Slices.of(cron)

        @dg.schedule(
            name=name,
            job=job,
            cron_schedule=slices.crons,
            execution_timezone=timezone,
            default_status=_default_status(schedule),
            description=f"{about}, in {len(slices.crons)} parts of the hour from `{cron}`.",
        )
        def refresh(
            context: dg.ScheduleEvaluationContext, connections: Connections
        ) -> list[dg.RunRequest] | dg.SkipReason:
            order = list(context.instance.get_dynamic_partitions(str(WORKSPACES.name)))
            if not order:
                return dg.SkipReason("no workspaces yet: none has connected an integration")
            live = _live(connections, slugs, context)
            local = context.scheduled_execution_time.astimezone(ZoneInfo(timezone))
            part = slices.index(local)
            requests = [
                dg.RunRequest(
                    run_key=f"{local:{slices.period}}:{number}",
                    run_config=config or None,
                    tags={RANGE_START: block[0], RANGE_END: block[-1]},
                )
                for number, whole in enumerate(_blocks(order, workspaces_per_run))
                if number % len(slices.crons) == part and (block := _trimmed(whole, live))
            ]
            return requests or dg.SkipReason("no connected workspace in this part of the hour")

        return refresh

    return [build(*each) for each in made]


def build_check_schedule(
    schedule: RefreshSchedule, job: Any, settings: Settings
) -> list[dg.ScheduleDefinition]:
    """
    Build `check_all_figures`, which runs *job* whether or not anything was fetched; none if off.

    Args:
        schedule: When.
        job: The job to run; see `checks.job.build_check_job`.
        settings: What *schedule* leaves out.

    Raises:
        ConfigurationError: If the cron expression is malformed, by the name of its setting.
    """
    if schedule.check_cron == "" or (schedule.check_cron is None and not settings.check_cron):
        return []
    cron = _cron(schedule.check_cron, "ZEBBRA_CHECK_CRON", settings.check_cron)
    return [
        dg.ScheduleDefinition(
            name=CHECK_SCHEDULE_NAME,
            job=job,
            cron_schedule=cron,
            execution_timezone=schedule.timezone or settings.timezone,
            default_status=_default_status(schedule),
            description="Checks what has landed of every workspace; calls no provider.",
        )
    ]


def _default_status(schedule: RefreshSchedule) -> dg.DefaultScheduleStatus:
    running = schedule.running
    return dg.DefaultScheduleStatus.RUNNING if running else dg.DefaultScheduleStatus.STOPPED


def _blocks(order: Sequence[str], most: int) -> list[Sequence[str]]:
    return [order[start : start + most] for start in range(0, len(order), most)]


def _trimmed(block: Sequence[str], live: frozenset[str] | None) -> Sequence[str]:
    """Return *block* without the ends that are not in *live*; None: all are."""
    if live is None:
        return block
    places = [place for place, workspace in enumerate(block) if workspace in live]
    return block[places[0] : places[-1] + 1] if places else ()


def _live(
    connections: Connections, slugs: Collection[str], context: dg.ScheduleEvaluationContext
) -> frozenset[str] | None:
    """Return the workspaces with a connection that works; None if nobody can tell."""
    try:
        rows = connections.list_connections().connections
    except (ProviderUnavailableError, PayloadError) as exc:
        context.log.warning("every workspace is requested, connected or not: %s", printable(exc))
        return None
    return frozenset(row.workspace_id for row in rows if row.is_connected and row.slug in slugs)


def _cron(given: str | None, setting: str, default: str) -> str:
    """
    Return the cron expression that counts.

    Raises:
        ConfigurationError: If it is malformed.
    """
    cron = given or default
    if not is_valid_cron(cron):
        where = "the schedule's cron" if given else setting
        raise ConfigurationError(
            f"{where}: expected a cron expression such as '0 6 * * *', found {cron!r}"
        )
    return cron
