"""The former home of the Dagster resources; import them from `zebbra_pipeline`."""

import warnings

from zebbra_pipeline.orchestration.resources import Connections, Warehouse

__all__ = ["Connections", "Warehouse"]

warnings.warn(
    "zebbra_pipeline.resources has moved: import Connections and Warehouse from zebbra_pipeline",
    DeprecationWarning,
    stacklevel=2,
)
