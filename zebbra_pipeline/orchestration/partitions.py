"""Workspaces are the partitions; months are data."""

from collections.abc import Container, Iterator, Sequence

import dagster as dg

WORKSPACES = dg.DynamicPartitionsDefinition(name="workspace")
"""One definition for all assets: a run may hold assets of several integrations."""

RANGE_START, RANGE_END = (
    "dagster/asset_partition_range_start",
    "dagster/asset_partition_range_end",
)
"""Tags of a run over neighbouring partitions."""


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
