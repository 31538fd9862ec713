"""
Finds runs whose process is gone, and ends them.

The process that executes a run records itself in Dagster's storage and repeats that every few
seconds. Where the record names this machine's own process table, the operating system says
whether the process exists. Of a process elsewhere only its signs of life say something: it is
gone once they have stopped.

The records are cursor values rather than run tags: Dagster rewrites a run's tags as a whole, so
that a sign of life could drop a tag that a step adds at the same moment.
"""

import logging
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import dagster as dg
from dagster import DagsterRunStatus

from zebbra_pipeline.orchestration.run_process import RunProcess, exists, this_process

_log = logging.getLogger(__name__)

EXECUTED_BY = "zebbra/executed_by"
"""Tag of a run that no run launcher launched: `zebbra refresh` executes it in its own process."""

BEAT_S = 5.0
SILENT_S = 35.0
"""How long a watcher that keeps looking sees no sign of life before a process counts as gone."""
SILENT_BY_CLOCK_S = 120.0
"""The same for a single look, which compares the clocks of two machines."""
_LONGEST_GAP_S = 60.0

UNFINISHED = (
    DagsterRunStatus.NOT_STARTED,
    DagsterRunStatus.STARTING,
    DagsterRunStatus.STARTED,
    DagsterRunStatus.CANCELING,
)
"""Runs that have, or are about to have, a process. Queued runs have none."""


def process_of(instance: dg.DagsterInstance, run_id: str) -> RunProcess | None:
    """Return the process that executes a run; None if it has not recorded itself."""
    key = _key(run_id)
    value = instance.daemon_cursor_storage.get_cursor_values({key}).get(key)
    return RunProcess.from_json(value) if value else None


def record(instance: dg.DagsterInstance, run_id: str, process: RunProcess) -> None:
    """Record which process executes a run."""
    instance.daemon_cursor_storage.set_cursor_values({_key(run_id): process.to_json()})


def _key(run_id: str) -> str:
    return f"zebbra/run_process/{run_id}"


@contextmanager
def signs_of_life(instance: dg.DagsterInstance, run_id: str) -> Iterator[None]:
    """Record this process as the one that executes a run, again and again until the block ends."""
    process, ended = this_process(), threading.Event()
    record(instance, run_id, process)

    def beat() -> None:
        while not ended.wait(BEAT_S):
            try:
                record(instance, run_id, process.beat_now())
            except Exception as exc:  # noqa: BLE001 -- a storage that is away is no reason to stop
                _log.debug("run %s: no sign of life recorded: %s", run_id, type(exc).__name__)

    thread = threading.Thread(target=beat, name="signs-of-life", daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()


@dataclass
class _Seen:
    beat: float
    since: float
    last: float


class Watcher:
    """
    Decides again and again, for the same runs, whether their processes are gone.

    Times are those of its own monotonic clock, so that clocks of other machines do not matter.
    """

    def __init__(self) -> None:
        self._seen: dict[str, _Seen] = {}

    def reason_gone(self, run_id: str, process: RunProcess) -> str:
        """Return why a run's process counts as gone; empty if it does not."""
        known = exists(process)
        if known is not None:
            self._seen.pop(run_id, None)
            return "" if known else _gone(process)
        if not process.beating:
            return ""
        now = time.monotonic()
        seen = self._seen.get(run_id)
        # Where nothing was seen for a while, the storage was away or this process was suspended:
        # the run's process could not give a sign of life either.
        if seen is None or seen.beat != process.beat or now - seen.last > _LONGEST_GAP_S:
            self._seen[run_id] = _Seen(process.beat, now, now)
            return ""
        seen.last = now
        silent = now - seen.since
        return _gone(process, silent) if silent >= SILENT_S else ""


def reason_gone_now(process: RunProcess) -> str:
    """Return why a process counts as gone by a single look; empty if it does not."""
    known = exists(process)
    if known is not None:
        return "" if known else _gone(process)
    silent = time.time() - process.beat
    return _gone(process, silent) if process.beating and silent >= SILENT_BY_CLOCK_S else ""


def _gone(process: RunProcess, silent_s: float = 0.0) -> str:
    silence = f": no sign of life for {silent_s:.0f} s" if silent_s else ""
    return f"its process ({process.name}) is gone{silence}"


@dataclass(frozen=True, slots=True)
class UnfinishedRun:
    """
    A run that has not finished.

    Attributes:
        since: Unix time of its start, or else of its creation, in seconds.
        gone: Why its process counts as gone; empty if it does not.
        recorded: Whether its process has recorded itself; if not, nothing can be said.
    """

    run: dg.DagsterRun
    since: float
    gone: str
    recorded: bool


def unfinished_runs(instance: dg.DagsterInstance) -> list[UnfinishedRun]:
    """Return all runs that have not finished, judged by a single look."""
    found = []
    for item in instance.get_run_records(dg.RunsFilter(statuses=list(UNFINISHED))):
        process = process_of(instance, item.dagster_run.run_id)
        found.append(
            UnfinishedRun(
                item.dagster_run,
                item.start_time or item.create_timestamp.timestamp(),
                reason_gone_now(process) if process else "",
                recorded=process is not None,
            )
        )
    return found


def end_dead_runs(instance: dg.DagsterInstance) -> list[UnfinishedRun]:
    """
    End the runs whose process is gone, as failed; return them.

    A run that was being canceled ends as canceled. What has landed stays materialized; queued
    runs that waited for such a run go on.
    """
    return [item for item in unfinished_runs(instance) if item.gone and _end(instance, item)]


def _end(instance: dg.DagsterInstance, item: UnfinishedRun) -> bool:
    run = instance.get_run_by_id(item.run.run_id)  # it may have finished just before its process
    if run is None or run.is_finished:
        return False
    instance.report_engine_event(item.gone, run)
    if run.status is DagsterRunStatus.CANCELING:
        instance.report_run_canceled(run, f"Run canceled: {item.gone}")
    else:
        instance.report_run_failed(run, f"Run failed: {item.gone}")
    return True
