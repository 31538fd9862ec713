"""Executors that give signs of life of the process that executes a run."""

from collections.abc import Iterator
from typing import Any, cast

import dagster as dg

from zebbra_pipeline.orchestration.dagster_private import (
    ExecutionPlan,
    PlanOrchestrationContext,
    RetryMode,
    StepDependencyConfig,
    check,
)
from zebbra_pipeline.orchestration.run_liveness import signs_of_life


class _WithSignsOfLife(dg.Executor):
    """Another executor; meanwhile this process says that it executes the run."""

    def __init__(self, executor: dg.Executor) -> None:
        self._executor = executor

    def execute(
        self, plan_context: PlanOrchestrationContext, execution_plan: ExecutionPlan
    ) -> Iterator[dg.DagsterEvent]:
        with signs_of_life(plan_context.instance, plan_context.run_id):
            yield from self._executor.execute(plan_context, execution_plan)

    @property
    def retries(self) -> RetryMode:
        return self._executor.retries

    @property
    def step_dependency_config(self) -> StepDependencyConfig:
        return self._executor.step_dependency_config


def with_signs_of_life(executor: dg.ExecutorDefinition) -> dg.ExecutorDefinition:
    """
    Return *executor*, which now records the run's process while it executes a run.

    Name, configuration and requirements stay the same.
    """
    create = check.not_none(executor.executor_creation_fn)
    return dg.ExecutorDefinition(
        name=executor.name,
        config_schema=cast("Any", executor.config_schema),
        requirements=executor.get_requirements,
        executor_creation_fn=lambda context: _WithSignsOfLife(create(context)),
        description=executor.description,
    )
