"""Composition: the public API for one's own Dagster project."""

import os
from collections.abc import Iterable, Sequence

import dagster as dg

from integrations.contracts import IntegrationPlugin
from integrations.runtime.registry import load_registry
from integrations.runtime.settings import load_settings
from zebbra_pipeline.orchestration.assets.integration import OnOutcomes, build_integration_assets
from zebbra_pipeline.orchestration.assets.merged import build_merged_model
from zebbra_pipeline.orchestration.automation.day_limits import build_day_limits_sensor
from zebbra_pipeline.orchestration.automation.following import (
    build_following_job,
    build_following_sensors,
)
from zebbra_pipeline.orchestration.automation.schedules import (
    RefreshSchedule,
    build_check_schedule,
    build_refresh_job,
    build_refresh_schedules,
)
from zebbra_pipeline.orchestration.automation.sensor import build_connections_sensor
from zebbra_pipeline.orchestration.checks.freshness import build_freshness_check, build_stale_check
from zebbra_pipeline.orchestration.checks.specs import Checks, build_check_job
from zebbra_pipeline.orchestration.checks.workspaces import build_workspace_checks
from zebbra_pipeline.orchestration.executors import with_signs_of_life
from zebbra_pipeline.orchestration.resources import Connections, Warehouse

__all__ = ["Checks", "RefreshSchedule", "build_definitions", "build_integration_assets"]

_EVERY_MORNING = RefreshSchedule()
_USUAL_CHECKS = Checks()


def build_definitions(
    plugins: Iterable[IntegrationPlugin] | None = None,
    *,
    connections: Connections | None = None,
    warehouse: Warehouse | None = None,
    workspaces_per_run: int | None = None,
    schedule: RefreshSchedule | None = _EVERY_MORNING,
    checks: Checks | None = _USUAL_CHECKS,
    executor: dg.ExecutorDefinition = dg.in_process_executor,
    on_outcomes: OnOutcomes | None = None,
) -> dg.Definitions:
    """
    Build the whole pipeline: an asset family for each integration, and `merged_model`.

    The sensor on connections pulls a workspace as soon as it connects, the one on day limits as
    soon as the limit that it met has reset.

    Args:
        plugins: Integrations to include; all installed ones by default.
        connections: Resource that reaches the OAuth service; from the settings by default.
        warehouse: Resource that figures land in; from the settings by default.
        workspaces_per_run: The most workspaces that a backfill or a schedule puts in one run;
            ZEBBRA_WORKSPACES_PER_RUN by default.
        schedule: When all workspaces are refreshed and checked; the usual ones wait until
            somebody turns them on. None for no schedules.
        checks: What the landed figures are held to; None for no checks.
        executor: What executes a run's steps, one for each integration. In the run's own
            process by default: a step fetches its workspaces side by side, so that processes of
            their own mostly cost their start.
        on_outcomes: Called with the name and the typed outcomes of each step that is executed
            in this process, e.g. by `execute_in_process`.

    Raises:
        ConfigurationError: If a setting is malformed, by name.
    """
    settings = load_settings()
    most = workspaces_per_run or settings.workspaces_per_run
    installed = list(load_registry() if plugins is None else plugins)
    families = {
        plugin.slug: build_integration_assets(
            plugin, workspaces_per_run=most, checks=checks, on_outcomes=on_outcomes
        )
        for plugin in installed
    }
    upstream = sorted(key for family in families.values() for key in family.keys)
    merged = build_merged_model(upstream, workspaces_per_run=most, on_outcomes=on_outcomes)
    by_workspace, of_all = _checks(installed, checks) if checks else ([], [])
    refresh = build_refresh_job(list(families.values()))
    follow = build_following_job()
    check = [build_check_job(of_all)] if of_all else []
    on_connections = build_connections_sensor(
        refresh,
        {slug: sorted(family.keys) for slug, family in families.items()},
        workspaces_per_run=most,
    )
    after_limits = build_day_limits_sensor(refresh, families, workspaces_per_run=most)
    by_the_clock = (
        build_refresh_schedules(
            schedule,
            refresh,
            steps=[family.op.name for family in families.values()],
            slugs=families.keys(),
            workspaces_per_run=most,
            settings=settings,
        )
        if schedule
        else []
    )
    if schedule and check:
        by_the_clock += build_check_schedule(schedule, check[0], settings)
    return dg.Definitions(
        assets=[*families.values(), merged],
        asset_checks=[*by_workspace, *of_all],
        jobs=[refresh, follow, *check],
        schedules=by_the_clock,
        sensors=[on_connections, after_limits, *build_following_sensors(refresh, follow)],
        resources={
            "connections": connections or _connections(),
            "warehouse": warehouse or Warehouse(),
        },
        executor=with_signs_of_life(executor),
    )


def _checks(
    plugins: Sequence[IntegrationPlugin], checks: Checks
) -> tuple[list[dg.AssetChecksDefinition], list[dg.AssetChecksDefinition]]:
    """Return the checks of each workspace, and those of all workspaces together."""
    if not plugins:
        return [], []
    of_all = [build_freshness_check(plugin, checks) for plugin in plugins]
    by_workspace = [build_workspace_checks(plugin, checks) for plugin in plugins]
    return by_workspace, [*of_all, build_stale_check(plugins, checks)]


def _connections() -> Connections:
    """Feed the key by environment variable, so that Dagster never stores it."""
    if os.environ.get("ZEBBRA_SERVICE_KEY"):
        return Connections(service_key=dg.EnvVar("ZEBBRA_SERVICE_KEY"))
    return Connections()
