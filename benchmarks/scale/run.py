"""One whole run: the world is built, everything fetched, refreshed, and checked."""

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import dagster as dg

from benchmarks.scale.calls import asked
from benchmarks.scale.checking import check
from benchmarks.scale.connecting import connect_all
from benchmarks.scale.driving import Driver, driver
from benchmarks.scale.memory import Peaks, size_of, watching
from benchmarks.scale.models import write_models
from benchmarks.scale.options import Options
from benchmarks.scale.processes import LAUNCHER, Processes, services
from benchmarks.scale.report import Report
from benchmarks.scale.troubles import befall, mend, restate
from benchmarks.scale.world import Phase, World, build_world
from integrations.contracts import months_back
from integrations.sandbox_kit import SandboxControl

_DOWN_S = 5.0
"""How long the daemon stays dead."""
_TIMEOUT_S = 300.0
_SOON = timedelta(seconds=90)
"""Time for Dagster to see the new code server before its schedule is due."""


def run(options: Options, home: Path, tell: Callable[[str], None]) -> Report:
    """Do all of it in the folder *home*; nothing is left running."""
    report, world = Report(), build_world(options)
    report.note(
        "world",
        workspaces=options.workspaces,
        organisations=len(world.companies),
        workspaces_that_fail=len(list(world.troubled())),
        workspaces_in_a_run=options.batch,
        provider_time_is_faster_by=options.time_scale,
    )
    with services(options, home) as processes, watching(processes.pids, LAUNCHER) as peaks:
        with _timed(report, "connecting", tell):
            connect_all(world, processes.settings)
            first = months_back(options.today, processes.settings.history_months)
            write_models(world, processes.settings.models, first)
        with _timed(report, "code_server_starting", tell):
            processes.start_code_server()
        _backfill(report, options, world, processes, tell)
        _refresh(report, options, world, processes, tell)
        _measure(report, options, world, processes, peaks)
    return report


def _backfill(
    report: Report,
    options: Options,
    world: World,
    processes: Processes,
    tell: Callable[[str], None],
) -> None:
    def daemon_dies() -> None:
        tell("the daemon is killed")
        processes.kill_daemon()
        time.sleep(_DOWN_S)
        processes.start_daemon()
        tell("the daemon is started again")

    befall(_control(processes), world, Phase.BACKFILL)
    with _driver(processes, tell) as dagster:
        dagster.add_partitions([item.id for item in world.workspaces])
        processes.start_daemon()
        runs = -(-options.workspaces // options.batch)
        with _timed(report, "backfill", tell):
            backfill = dagster.launch_backfill()
            status = dagster.wait_for_backfill(backfill, runs=runs, half_way=daemon_dies)
        report.note("backfill", status=status, **duration_of_runs(dagster.runs(backfill)))
        if report.sections["backfill"]["runs"] != runs:
            report.wrong.append(f"the backfill took another number of runs than {runs}")
        check(report, options, world, processes.settings, dagster.instance, Phase.BACKFILL)
        tell(f"checked: {len(report.wrong)} things are wrong")


def _refresh(
    report: Report,
    options: Options,
    world: World,
    processes: Processes,
    tell: Callable[[str], None],
) -> None:
    control = _control(processes)
    mend(control, world)
    befall(control, world, Phase.REFRESH)
    restate(control, world, options.today)
    processes.stop_code_server()
    with _timed(report, "code_server_starting_again", tell):
        due = (datetime.now(UTC) + _SOON).replace(second=0, microsecond=0)
        processes.start_code_server(due)
    with _driver(processes, tell) as dagster:
        tell(f"refresh, due at {due:%H:%M}")
        dagster.refresh()
        landed = time.time()
        with _timed(report, "models_after_the_refresh", tell):
            following = dagster.wait_for_models()
        report.note("wall time", refresh_s=round(landed - due.timestamp(), 1))
        report.note(
            "refresh",
            to_queue_the_runs_s=round(dagster.tick_s, 1),
            runs_that_merge_models=following,
            **duration_of_runs(dagster.runs()),
        )
        check(report, options, world, processes.settings, dagster.instance, Phase.REFRESH)
        tell(f"checked: {len(report.wrong)} things are wrong")


def _measure(
    report: Report, options: Options, world: World, processes: Processes, peaks: Peaks
) -> None:
    settings = processes.settings
    counted = asked(_control(processes), world, settings, options.today)
    report.note(
        "calls",
        to_the_provider=counted.calls,
        refreshes_of_tokens=counted.refreshes,
        of_the_busiest_organisation=counted.most,
        of_the_organisation_in_the_middle=counted.median,
        over_a_limit=counted.throttled,
        of_those_whose_day_was_used_up=counted.put_off,
    )
    report.wrong += counted.wrong
    if counted.throttled:
        report.wrong.append(f"{counted.throttled} calls went over a limit")
    report.note(
        "memory at most",
        **{f"{kind.replace(' ', '_')}_bytes": size for kind, size in sorted(peaks.bytes.items())},
    )
    report.note(
        "on disk",
        warehouse_bytes=size_of(Path(settings.warehouse)),
        published_copy_bytes=size_of(settings.published),
        dagster_bytes=size_of(settings.dagster_home),
        token_store_bytes=size_of(settings.home / "oauth.sqlite"),
        logs_bytes=size_of(settings.home / "logs"),
    )


def duration_of_runs(records: Sequence[dg.RunRecord]) -> dict[str, float]:
    """Return how many runs have ended, and how long they took, in seconds."""
    seconds = sorted(
        record.end_time - record.start_time
        for record in records
        if record.end_time and record.start_time
    )
    return {
        "runs": len(records),
        "shortest_run_s": round(seconds[0], 1),
        "median_run_s": round(seconds[len(seconds) // 2], 1),
        "longest_run_s": round(seconds[-1], 1),
    }


def _control(processes: Processes) -> SandboxControl:
    return SandboxControl(processes.sandbox, timeout_s=_TIMEOUT_S)


def _driver(processes: Processes, tell: Callable[[str], None]) -> AbstractContextManager[Driver]:
    home = str(processes.settings.dagster_home)
    return driver(home, processes.code_server_port, tell)


@contextmanager
def _timed(report: Report, what: str, tell: Callable[[str], None]) -> Iterator[None]:
    tell(what.replace("_", " "))
    started = time.monotonic()
    yield
    report.note("wall time", **{f"{what}_s": round(time.monotonic() - started, 1)})
