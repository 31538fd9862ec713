"""Launches each run as a Celery task; needs `dagster-celery`."""

from typing import Any

import dagster as dg
from dagster_celery.launcher import CeleryRunLauncher

from zebbra_pipeline.orchestration.dagster_private import CheckRunHealthResult
from zebbra_pipeline.orchestration.run_launchers.health import RUNNING, health_by_process
from zebbra_pipeline.orchestration.run_liveness import EXECUTED_BY, Watcher


class WatchedCeleryRunLauncher(CeleryRunLauncher):
    """
    `CeleryRunLauncher`, which also knows that a worker is gone.

    Celery keeps the task of a worker that was killed as started, so that its run would never end.
    The signs of life of the run's process tell, once there is one; until then Celery's task does.
    """

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self._watcher = Watcher()

    def check_run_worker_health(self, run: dg.DagsterRun) -> CheckRunHealthResult:
        """Return whether the process that executes the run still works."""
        found = health_by_process(self._watcher, self._instance, run)
        if found is not None:
            return found
        return RUNNING if EXECUTED_BY in run.tags else super().check_run_worker_health(run)
