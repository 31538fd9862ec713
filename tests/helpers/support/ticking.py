"""Plays Dagster's daemon for one sensor: ticks, partitions added, run keys kept."""

from dataclasses import dataclass, field
from typing import Any

import dagster as dg

from zebbra_pipeline.orchestration.building import build_definitions
from zebbra_pipeline.orchestration.partitions import WORKSPACES
from zebbra_pipeline.orchestration.resources import Connections

SENSOR = "workspace_connections"


@dataclass
class Ticking:
    """
    A sensor with its cursor.

    Attributes:
        launched: Run keys that have been launched already; Dagster launches each once.
    """

    instance: dg.DagsterInstance
    as_of: str = ""
    workspaces_per_run: int = 50
    cursor: str | None = None
    launched: set[str] = field(default_factory=set)
    sensor: str = SENSOR

    def __post_init__(self) -> None:
        self.connections = Connections(as_of=self.as_of)
        self.definitions = build_definitions(
            connections=self.connections, workspaces_per_run=self.workspaces_per_run
        )
        self.repository = self.definitions.get_repository_def()

    @property
    def partitions(self) -> list[str]:
        return list(self.instance.get_dynamic_partitions(str(WORKSPACES.name)))

    def evaluate(self) -> Any:
        """Evaluate a tick as Dagster does; nothing comes of it."""
        context = dg.build_sensor_context(
            instance=self.instance,
            cursor=self.cursor,
            repository_def=self.repository,
            sensor_name=self.sensor,
            resources={"connections": self.connections},
        )
        with context:
            return self.repository.get_sensor_def(self.sensor).evaluate_tick(context)

    def tick(self) -> list[dg.RunRequest]:
        """Evaluate a tick and act on it; return the requests whose run key is new."""
        data = self.evaluate()
        for request in data.dynamic_partitions_requests:
            self.instance.add_dynamic_partitions(
                request.partitions_def_name, request.partition_keys
            )
        self.cursor = data.cursor
        new = [item for item in data.run_requests if item.run_key not in self.launched]
        self.launched |= {item.run_key for item in new}
        return new

    def run(self, request: dg.RunRequest) -> dg.ExecuteInProcessResult:
        """Run what was requested."""
        job = self.definitions.resolve_job_def("refresh_figures")
        ranged = "dagster/asset_partition_range_start" in request.tags
        return job.execute_in_process(
            instance=self.instance,
            asset_selection=list(request.asset_selection or ()),
            raise_on_error=False,
            partition_key=None if ranged else request.partition_key,
            tags=dict(request.tags),
            run_config=request.run_config
            or {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}},
        )
