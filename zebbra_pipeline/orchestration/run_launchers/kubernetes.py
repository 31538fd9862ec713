"""Launches each run as a pod on Kubernetes; needs `dagster-k8s`."""

from typing import Any

import dagster as dg
from dagster_k8s import K8sRunLauncher

from zebbra_pipeline.orchestration.dagster_private import CheckRunHealthResult
from zebbra_pipeline.orchestration.run_launchers.health import RUNNING, health_by_process
from zebbra_pipeline.orchestration.run_liveness import EXECUTED_BY, Watcher


class KubernetesRunLauncher(K8sRunLauncher):
    """
    `K8sRunLauncher`, which also knows the runs of `zebbra refresh`.

    Kubernetes itself says whether the pod of a run is gone; a run that `zebbra refresh` executes
    has none.
    """

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self._watcher = Watcher()

    def check_run_worker_health(self, run: dg.DagsterRun) -> CheckRunHealthResult:
        """Return whether the run's pod, or the process of `zebbra refresh`, still works."""
        if EXECUTED_BY in run.tags:
            return health_by_process(self._watcher, self._instance, run) or RUNNING
        found: CheckRunHealthResult = super().check_run_worker_health(run)
        return found
