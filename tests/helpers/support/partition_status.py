"""What Dagster's UI shows of each partition of an asset, from the cache that the UI reads."""

from dataclasses import dataclass

import dagster as dg
from dagster._core.definitions.partitions.context import partition_loading_context
from dagster._core.storage.partition_status_cache import get_and_update_asset_status_cache_value

from zebbra_pipeline.orchestration.partitions import WORKSPACES


@dataclass(frozen=True)
class Shown:
    materialized: frozenset[str]
    failed: frozenset[str]
    in_progress: frozenset[str]


def shown(instance: dg.DagsterInstance, key: dg.AssetKey) -> Shown:
    """Return the keys by status; one that has failed may have been materialized before."""
    with partition_loading_context(None, instance):
        value = get_and_update_asset_status_cache_value(instance, key, WORKSPACES)
        if value is None:
            return Shown(frozenset(), frozenset(), frozenset())
        return Shown(
            frozenset(
                value.deserialize_materialized_partition_subsets(WORKSPACES).get_partition_keys()
            ),
            frozenset(value.deserialize_failed_partition_subsets(WORKSPACES).get_partition_keys()),
            frozenset(
                value.deserialize_in_progress_partition_subsets(WORKSPACES).get_partition_keys()
            ),
        )
