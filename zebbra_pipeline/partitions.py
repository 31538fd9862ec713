"""The former home of the partitions; import them from `zebbra_pipeline`."""

import warnings

from zebbra_pipeline.orchestration.partitions import RANGE_END, RANGE_START, WORKSPACES

__all__ = ["RANGE_END", "RANGE_START", "WORKSPACES"]

warnings.warn(
    "zebbra_pipeline.partitions has moved: import WORKSPACES from zebbra_pipeline",
    DeprecationWarning,
    stacklevel=2,
)
