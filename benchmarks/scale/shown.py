"""What Dagster's UI shows of each workspace, compared with what happened to it."""

from collections.abc import Mapping

import dagster as dg
from dagster._core.definitions.partitions.context import partition_loading_context
from dagster._core.storage.partition_status_cache import get_and_update_asset_status_cache_value

from benchmarks.scale.driving import ASSETS
from benchmarks.scale.world import Kind, Phase, World
from zebbra_pipeline.orchestration.partitions import WORKSPACES

_SAYS: Mapping[Kind, tuple[str, str]] = {
    Kind.DEAD_GRANT: ("failed", "must reconnect"),
    Kind.VANISHED: ("failed", "no longer connected"),
    Kind.PROVIDER_ERROR: ("failed", "503"),
    Kind.DAY_LIMIT: ("put off", "come back at"),
}
"""Status and a part of the reason."""


def problems_shown(instance: dg.DagsterInstance, world: World, phase: Phase) -> list[str]:
    """Return what is shown otherwise than it happened, one line each."""
    found: list[str] = []
    failing = world.failing(phase)
    for key in ASSETS:
        failed, materialized = _statuses(instance, key)
        found += [f"{item}: {key.path[-1]} is not shown as failed" for item in failing - failed]
        found += [f"{item}: {key.path[-1]} is shown as failed" for item in failed - failing]
        missing = world.landing(phase) - failing - materialized
        found += [f"{item}: {key.path[-1]} is not shown as materialized" for item in missing]
        found += _wrong_reasons(instance, key, world, phase)
    return sorted(found)


def _statuses(
    instance: dg.DagsterInstance, key: dg.AssetKey
) -> tuple[frozenset[str], frozenset[str]]:
    """Return the failed and the materialized partitions, from the cache that the UI reads."""
    with partition_loading_context(None, instance):
        value = get_and_update_asset_status_cache_value(instance, key, WORKSPACES)
        if value is None:
            return frozenset(), frozenset()
        failed = value.deserialize_failed_partition_subsets(WORKSPACES)
        materialized = value.deserialize_materialized_partition_subsets(WORKSPACES)
        return (
            frozenset(failed.get_partition_keys()),
            frozenset(materialized.get_partition_keys()),
        )


def _wrong_reasons(
    instance: dg.DagsterInstance, key: dg.AssetKey, world: World, phase: Phase
) -> list[str]:
    """Compare the latest observation of each failing workspace with its trouble."""
    found = []
    for workspace, trouble in world.troubled():
        if not trouble.hits(phase):
            continue
        records = instance.fetch_observations(
            dg.AssetRecordsFilter(asset_key=key, asset_partitions=[workspace.id]), limit=1
        ).records
        event = records[0].asset_observation if records else None
        facts = {} if event is None else {name: v.value for name, v in event.metadata.items()}
        status, words = _SAYS[trouble.kind]
        reason = str(facts.get("zebbra/reason", "no reason"))
        if facts.get("zebbra/status") != status or words not in reason:
            found.append(f"{workspace.id}: {trouble.kind.value}: shown as {reason!r}")
        if trouble.kind in {Kind.DEAD_GRANT, Kind.VANISHED} and "zebbra/connect" not in facts:
            found.append(f"{workspace.id}: {trouble.kind.value}: no link to reconnect")
    return found
