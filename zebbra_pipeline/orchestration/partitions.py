"""Workspaces are the partitions, and runs cover ranges of them; months are data."""

from collections.abc import Container, Iterator, Mapping, Sequence
from typing import Any

import dagster as dg

WORKSPACES = dg.DynamicPartitionsDefinition(name="workspace")
"""One definition for all assets: a run may hold assets of several integrations."""

RANGE_START, RANGE_END = (
    "dagster/asset_partition_range_start",
    "dagster/asset_partition_range_end",
)
"""Tags of a run over neighbouring partitions."""

PARTITION = "dagster/partition"


def contiguous_ranges(
    order: Sequence[str], wanted: Container[str], most: int
) -> Iterator[list[str]]:
    """
    Yield the *wanted* keys as runs of neighbours in *order*, at most *most* in each.

    Args:
        order: All keys in the order of their definition; Dagster reads a range by it.
        wanted: The keys to run.
        most: The most keys in one run.
    """
    group: list[str] = []
    for key in order:
        if key in wanted:
            group.append(key)
        if group and (key not in wanted or len(group) == most):
            yield group
            group = []
    if group:
        yield group


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
            tags={PARTITION: group[0]},  # spares Dagster a look through all partitions
            asset_selection=selection,
        )
    return dg.RunRequest(
        run_key=run_key,
        run_config=run_config,
        tags={RANGE_START: group[0], RANGE_END: group[-1]},
        asset_selection=selection,
    )
