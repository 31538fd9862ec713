"""Composition: the public API for one's own Dagster project."""

import os
from collections.abc import Iterable

import dagster as dg

from integrations.contracts import IntegrationPlugin
from integrations.runtime.registry import load_registry
from zebbra_pipeline.assets.integration import WORKSPACES_PER_RUN, build_integration_assets
from zebbra_pipeline.assets.merged import build_merged_model
from zebbra_pipeline.resources import Connections, Warehouse

__all__ = ["build_definitions", "build_integration_assets"]


def build_definitions(
    plugins: Iterable[IntegrationPlugin] | None = None,
    *,
    connections: Connections | None = None,
    warehouse: Warehouse | None = None,
    workspaces_per_run: int = WORKSPACES_PER_RUN,
) -> dg.Definitions:
    """
    Build the whole pipeline: an asset family for each integration, and `merged_model`.

    Args:
        plugins: Integrations to include; all installed ones by default.
        connections: Resource that reaches the OAuth service; from the settings by default.
        warehouse: Resource that figures land in; from the settings by default.
        workspaces_per_run: The most workspaces that a backfill puts in one run.
    """
    families = [
        build_integration_assets(plugin, workspaces_per_run=workspaces_per_run)
        for plugin in (load_registry() if plugins is None else plugins)
    ]
    upstream = sorted(key for family in families for key in family.keys)
    merged = build_merged_model(upstream, workspaces_per_run=workspaces_per_run)
    return dg.Definitions(
        assets=[*families, merged],
        resources={
            "connections": connections or _connections(),
            "warehouse": warehouse or Warehouse(),
        },
        executor=dg.in_process_executor,
    )


def _connections() -> Connections:
    """Feed the key by environment variable, so that Dagster never stores it."""
    if os.environ.get("ZEBBRA_SERVICE_KEY"):
        return Connections(service_key=dg.EnvVar("ZEBBRA_SERVICE_KEY"))
    return Connections()
