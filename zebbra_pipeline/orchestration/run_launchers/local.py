"""Launches each run as a process of the code server, as Dagster does by default."""

import dataclasses
import json
import time
from typing import Any

import dagster as dg
from dagster import DagsterEventType

from zebbra_pipeline.orchestration.dagster_private import (
    GRPC_INFO_TAG,
    CheckRunHealthResult,
    DefaultRunLauncher,
    LaunchRunContext,
)
from zebbra_pipeline.orchestration.run_launchers.health import RUNNING, health_by_process
from zebbra_pipeline.orchestration.run_liveness import Watcher, process_of, record
from zebbra_pipeline.orchestration.run_process import RunProcess, start_of, this_process

_LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})


class LocalRunLauncher(DefaultRunLauncher):
    """
    `DefaultRunLauncher`, which also checks whether the processes of runs still exist.

    Dagster's code servers end a run whose process dies, but only as long as they live themselves,
    and no run of `zebbra refresh`.
    """

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self._watcher = Watcher()

    @property
    def supports_check_run_worker_health(self) -> bool:
        """Dagster's run monitoring asks only launchers that say so."""
        return True

    def launch_run(self, context: LaunchRunContext) -> None:
        """Launch a run, and record which process table it is in if the code server is local."""
        super().launch_run(context)
        run_id = context.dagster_run.run_id
        run = self._instance.get_run_by_id(run_id)
        where = json.loads(run.tags.get(GRPC_INFO_TAG, "{}")) if run else {}
        is_local = "socket" in where or where.get("host") in _LOOPBACK
        if is_local and process_of(self._instance, run_id) is None:
            # Jobs of others do not record their process. Ours overwrites this when it starts.
            unknown = dataclasses.replace(this_process(), pid=0, started="", beating=False)
            record(self._instance, run_id, unknown)

    def check_run_worker_health(self, run: dg.DagsterRun) -> CheckRunHealthResult:
        """Return whether the process that executes the run still exists."""
        process = process_of(self._instance, run.run_id)
        if process is not None and process.pid == 0:
            process = self._find_pid(run, process)
            if process is None:
                return RUNNING
        return health_by_process(self._watcher, self._instance, run, process) or RUNNING

    def _find_pid(self, run: dg.DagsterRun, unknown: RunProcess) -> RunProcess | None:
        """Complete the record of a run by what Dagster logged when its process started."""
        for entry in self._instance.all_logs(run.run_id, of_type=DagsterEventType.ENGINE_EVENT):
            data = entry.dagster_event.engine_event_data if entry.dagster_event else None
            pid = data.metadata.get("pid") if data else None
            if pid is not None and str(pid.value).isdigit():
                number = int(str(pid.value))
                found = dataclasses.replace(
                    unknown, pid=number, started=start_of(number) or "", beat=time.time()
                )
                if found.started:
                    record(self._instance, run.run_id, found)
                return found
        return None
