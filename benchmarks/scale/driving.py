"""Drives Dagster as its UI does: through its GraphQL API, against a code server and a daemon."""

import asyncio
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import dagster as dg
from dagster._core.execution.backfill import BulkActionStatus
from dagster._core.scheduler.instigation import TickStatus
from dagster._core.workspace.context import WorkspaceProcessContext
from dagster._core.workspace.load_target import GrpcServerTarget
from dagster_graphql.schema import create_schema

from zebbra_pipeline.orchestration.automation.following import FOLLOWING_JOB
from zebbra_pipeline.orchestration.automation.schedules import REFRESH_JOB, SCHEDULE_NAME
from zebbra_pipeline.orchestration.partitions import WORKSPACES
from zebbra_pipeline.orchestration.run_tags import CHANGED_TAG

ASSETS = (dg.AssetKey(["xero", "balance_sheet"]), dg.AssetKey(["xero", "profit_and_loss"]))
_ENDED = (
    dg.DagsterRunStatus.SUCCESS,
    dg.DagsterRunStatus.FAILURE,
    dg.DagsterRunStatus.CANCELED,
)
_BACKFILL = """
mutation ($params: LaunchBackfillParams!) {
  launchPartitionBackfill(backfillParams: $params) {
    __typename
    ... on LaunchBackfillSuccess { backfillId }
    ... on PythonError { message }
  }
}
"""
_POLL_S = 1.0
_STUCK_S = 600.0
"""Nothing new for so long means that it hangs."""


class StuckError(Exception):
    """Dagster makes no progress any more."""


class Driver:
    """
    Asks Dagster for runs and waits for them.

    Args:
        tell: Called with a line whenever there is progress.

    Attributes:
        tick_s: How long the schedule's tick took, its runs queued.
    """

    def __init__(
        self,
        instance: dg.DagsterInstance,
        context: WorkspaceProcessContext,
        tell: Callable[[str], None],
    ) -> None:
        self.instance = instance
        self._context = context
        self._tell = tell
        self._schema = create_schema()
        self.tick_s = 0.0

    def add_partitions(self, workspace_ids: list[str]) -> None:
        """Make the workspaces known, with the sensor off that would pull them at once."""
        sensor = self._repository().get_sensor("workspace_connections")
        self.instance.stop_sensor(sensor.get_remote_origin_id(), sensor.selector_id, sensor)
        self.instance.add_dynamic_partitions(str(WORKSPACES.name), workspace_ids)

    def launch_backfill(self) -> str:
        """Ask for all workspaces of the accounting assets, as the UI's dialog does; return its id."""
        answer = self._graphql(
            _BACKFILL,
            {
                "params": {
                    "assetSelection": [{"path": list(key.path)} for key in ASSETS],
                    "allPartitions": True,
                    "title": "everything",
                }
            },
        )["launchPartitionBackfill"]
        if "backfillId" not in answer:
            raise StuckError(f"the backfill was refused: {answer}")
        return str(answer["backfillId"])

    def wait_for_backfill(
        self, backfill_id: str, *, runs: int, half_way: Callable[[], None]
    ) -> str:
        """Wait until it has ended, calling *half_way* once on the way; return its status."""
        mine = dg.RunsFilter(tags={"dagster/backfill": backfill_id})
        called = False
        for ended in self._progress(mine, "backfill", runs):
            if not called and ended * 2 >= runs:
                half_way()
                called = True
            found = self.instance.get_backfill(backfill_id)
            if found is not None and found.status not in {
                BulkActionStatus.REQUESTED,
                BulkActionStatus.CANCELING,
                BulkActionStatus.FAILING,
            }:
                return found.status.value
        raise StuckError("unreachable")

    def refresh(self) -> None:
        """Turn the schedule on, and wait until it is due and what it asked for has ended."""
        schedule = self._repository().get_schedule(SCHEDULE_NAME)
        self.instance.start_schedule(schedule)
        origin, selector = schedule.get_remote_origin_id(), schedule.selector_id
        deadline = time.monotonic() + _STUCK_S
        while not (ticks := self.instance.get_ticks(origin, selector, limit=1)) or (
            ticks[0].status is TickStatus.STARTED
        ):
            if time.monotonic() > deadline:
                raise StuckError("the schedule does not tick")
            time.sleep(_POLL_S)
        if ticks[0].status is not TickStatus.SUCCESS:
            raise StuckError(f"the schedule's tick: {ticks[0].status.value} {ticks[0].error}")
        self.tick_s = (ticks[0].end_timestamp or ticks[0].timestamp) - ticks[0].timestamp
        runs = len(ticks[0].run_ids)
        mine = dg.RunsFilter(tags={"dagster/schedule_name": SCHEDULE_NAME})
        for ended in self._progress(mine, "refresh", runs):
            if ended >= runs:
                return

    def wait_for_models(self) -> int:
        """Wait until every refresh that changed something is followed; return by how many runs."""
        changed = {
            run.run_id
            for run in self.instance.get_runs(dg.RunsFilter(job_name=REFRESH_JOB))
            if any(name.startswith(CHANGED_TAG) for name in run.tags)
        }
        for ended in self._progress(dg.RunsFilter(job_name=FOLLOWING_JOB), "models", len(changed)):
            if ended >= len(changed):
                break
        return len(changed)

    def runs(self, backfill_id: str | None = None) -> list[dg.RunRecord]:
        """Return the runs of a backfill, or those of the schedule."""
        tags = (
            {"dagster/backfill": backfill_id}
            if backfill_id
            else {"dagster/schedule_name": SCHEDULE_NAME}
        )
        return list(self.instance.get_run_records(dg.RunsFilter(tags=tags)))

    def _progress(self, wanted: dg.RunsFilter, what: str, of: int) -> Iterator[int]:
        """Yield from time to time how many of the runs have ended."""
        last, since = -1, time.monotonic()
        ended_runs = dg.RunsFilter(
            tags=wanted.tags, job_name=wanted.job_name, statuses=list(_ENDED)
        )
        while True:
            ended = self.instance.get_runs_count(ended_runs)
            if ended != last:
                last, since = ended, time.monotonic()
                self._tell(f"{what}: {ended} of {of} runs have ended")
            if time.monotonic() - since > _STUCK_S:
                raise StuckError(f"{what}: no run has ended for {_STUCK_S:.0f} s")
            yield ended
            time.sleep(_POLL_S)

    def _repository(self) -> Any:
        location = self._context.create_request_context().get_code_location("scale")
        return next(iter(location.get_repositories().values()))

    def _graphql(self, query: str, variables: Mapping[str, Any]) -> dict[str, Any]:
        context = self._context.create_request_context()
        result = asyncio.run(
            self._schema.execute_async(
                query, context_value=context, variable_values=dict(variables)
            )
        )
        if result.errors:
            raise StuckError(f"GraphQL: {result.errors[0]}")
        return dict(result.data)


@contextmanager
def driver(home: str, port: int, tell: Callable[[str], None]) -> Iterator[Driver]:
    """Give a driver of the Dagster instance at *home* and the code server at *port*."""
    target = GrpcServerTarget(host="127.0.0.1", port=port, socket=None, location_name="scale")
    with (
        dg.DagsterInstance.from_config(home) as instance,
        WorkspaceProcessContext(instance, target) as context,
    ):
        yield Driver(instance, context, tell)
