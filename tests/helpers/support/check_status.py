"""What Dagster's UI shows of the check of each partition."""

import dagster as dg


def shown(instance: dg.DagsterInstance, key: dg.AssetKey, check: str) -> dict[str, bool | None]:
    """Return by workspace whether Dagster shows a check as passed; None: as missing."""
    infos = instance.event_log_storage.get_asset_check_partition_info(
        [dg.AssetCheckKey(key, check)]
    )
    return {
        info.partition_key: info.latest_execution_status.value == "SUCCEEDED"
        if info.is_current
        else None
        for info in infos
        if info.partition_key is not None
    }
