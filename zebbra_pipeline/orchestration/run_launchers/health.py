"""The health of a run by the process that executes it, for every run launcher alike."""

import dagster as dg

from zebbra_pipeline.orchestration.dagster_private import CheckRunHealthResult, WorkerStatus
from zebbra_pipeline.orchestration.run_liveness import Watcher, process_of
from zebbra_pipeline.orchestration.run_process import RunProcess

RUNNING = CheckRunHealthResult(WorkerStatus.RUNNING)


def health_by_process(
    watcher: Watcher,
    instance: dg.DagsterInstance,
    run: dg.DagsterRun,
    process: RunProcess | None = None,
) -> CheckRunHealthResult | None:
    """
    Return whether the process of a run is gone.

    Args:
        watcher: The launcher's own, which remembers signs of life.
        instance: Where the run is stored.
        run: A run that has not finished.
        process: What executes it; what it has recorded by default.

    Returns:
        None if the run's process has not recorded itself.
    """
    process = process or process_of(instance, run.run_id)
    if process is None:
        return None
    reason = watcher.reason_gone(run.run_id, process)
    if not reason:
        return RUNNING
    now = instance.get_run_by_id(run.run_id)
    if now is None or now.is_finished:  # it finished, and then its process ended
        return CheckRunHealthResult(WorkerStatus.SUCCESS)
    instance.report_engine_event(reason, now)
    return CheckRunHealthResult(WorkerStatus.FAILED, reason)
