"""
The names of Dagster that are not public, each with what happens without it.

No other module imports from `dagster._core` or another private package of Dagster.
`GRPC_INFO_TAG` names the code server of a run; without it a run of the local launcher whose process
is not recorded is left to Dagster.
"""

from typing import Any

import dagster as dg

# Run launchers and executors are extension points of Dagster, but their base classes and results
# have no public names. Without them the launchers of `run_launchers` cannot be configured, and a
# dead run is ended at the next start of `zebbra refresh` or `zebbra dev` only.
from dagster import _check as check
from dagster._core.execution.context.system import PlanOrchestrationContext
from dagster._core.execution.plan.plan import ExecutionPlan
from dagster._core.execution.retries import RetryMode
from dagster._core.execution.step_dependency_config import StepDependencyConfig
from dagster._core.launcher import (
    CheckRunHealthResult,
    DefaultRunLauncher,
    LaunchRunContext,
    WorkerStatus,
)
from dagster._core.storage.tags import GRPC_INFO_TAG

__all__ = [
    "GRPC_INFO_TAG",
    "LOGGED_BY_STEP",
    "CheckRunHealthResult",
    "DefaultRunLauncher",
    "ExecutionPlan",
    "LaunchRunContext",
    "PlanOrchestrationContext",
    "RetryMode",
    "StepDependencyConfig",
    "WorkerStatus",
    "check",
    "is_valid_cron",
    "materialization_target",
    "new_run_id",
]

try:
    from dagster._core.definitions.source_asset import (
        SYSTEM_METADATA_KEY_SOURCE_ASSET_OBSERVATION,
    )

    LOGGED_BY_STEP: dict[str, bool] = {SYSTEM_METADATA_KEY_SOURCE_ASSET_OBSERVATION: True}
except ImportError:
    LOGGED_BY_STEP = {}
"""
Metadata of an output for which Dagster logs no event, as the step has logged it itself.

Materializations are logged as each workspace lands, so that a run that is killed keeps them;
Dagster has no public way to end a step without logging them a second time. Without the name
(empty metadata) each materialization is logged twice.
"""


def materialization_target(record: dg.EventLogRecord) -> Any:
    """
    Return the reference from a check's evaluation to the materialization that it is about.

    `AssetCheckEvaluation.target_materialization_data` is public, its type is not. Without the
    reference Dagster shows the check of that partition as missing.
    """
    from dagster._core.definitions.asset_checks.asset_check_evaluation import (
        AssetCheckEvaluationTargetMaterializationData,
    )

    return AssetCheckEvaluationTargetMaterializationData(
        storage_id=record.storage_id, run_id=record.run_id, timestamp=record.timestamp
    )


def new_run_id() -> str:
    """
    Return an id for a run that is about to be executed.

    `execute_in_process` takes one, and its signs of life have to begin before the run exists.
    Without the name any UUID in text form would serve.
    """
    from dagster._core.utils import make_new_run_id

    return make_new_run_id()


def is_valid_cron(expression: str) -> bool:
    """
    Return whether Dagster accepts a cron expression.

    Dagster checks it when a schedule is built, with an error that does not name the setting.
    Without the name a malformed setting is reported by that error.
    """
    from dagster._utils.schedules import is_valid_cron_string

    return is_valid_cron_string(expression)
