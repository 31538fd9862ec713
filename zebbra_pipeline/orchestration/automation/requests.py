"""Requests of runs over neighbouring workspaces."""

from collections.abc import Mapping, Sequence
from typing import Any

import dagster as dg

from zebbra_pipeline.orchestration.partitions import RANGE_END, RANGE_START

_PARTITION = "dagster/partition"


def request_for(
    group: Sequence[str],
    run_key: str,
    selection: Sequence[dg.AssetKey],
    run_config: Mapping[str, Any] | None = None,
) -> dg.RunRequest:
    """
    Request one run.

    Args:
        group: Workspaces, neighbours in the order of the partitions.
        run_key: Dagster runs each once.
        selection: The assets to materialize.
        run_config: Of the run.
    """
    if len(group) == 1:
        return dg.RunRequest(
            run_key=run_key,
            run_config=run_config,
            partition_key=group[0],
            tags={_PARTITION: group[0]},  # spares Dagster a look through all partitions
            asset_selection=selection,
        )
    return dg.RunRequest(
        run_key=run_key,
        run_config=run_config,
        tags={RANGE_START: group[0], RANGE_END: group[-1]},
        asset_selection=selection,
    )
