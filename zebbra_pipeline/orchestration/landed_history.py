"""What Dagster's history knows of landed figures, for a warehouse that is not there."""

from typing import TYPE_CHECKING

from integrations.runtime.registry import load_registry
from integrations.runtime.settings import Settings
from zebbra_pipeline.ingest.batches import ASSET_NAMES
from zebbra_pipeline.orchestration.metadata import keys

if TYPE_CHECKING:  # imported where a history is read: commands start without
    import dagster as dg

_MOST = 1000


def landed_in_history(instance: "dg.DagsterInstance") -> frozenset[str]:
    """Return workspaces that have landed figures, as the newest events of each asset say."""
    import dagster as dg

    landed = set()
    for plugin in load_registry():
        for name in ASSET_NAMES[plugin.api_type]:
            key = dg.AssetKey([plugin.slug, name])
            for record in instance.fetch_materializations(key, limit=_MOST).records:
                event = record.asset_materialization
                # Without a batch it had nothing connected.
                if event is not None and event.partition and keys.BATCH_ID in event.metadata:
                    landed.add(event.partition)
    return frozenset(landed)


def landed_in_home(settings: Settings) -> frozenset[str]:
    """Return the same of the Dagster home of the settings; nothing where there is none yet."""
    if not (settings.dagster_home / "dagster.yaml").exists():
        return frozenset()
    from zebbra_pipeline.orchestration.dagster_home import open_instance

    with open_instance(settings.dagster_home) as instance:
        return landed_in_history(instance)
