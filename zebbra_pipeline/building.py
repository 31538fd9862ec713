"""The former home of `build_definitions`; import it from `zebbra_pipeline`."""

import warnings

from zebbra_pipeline.orchestration.building import (
    Checks,
    RefreshSchedule,
    build_definitions,
    build_integration_assets,
)

__all__ = ["Checks", "RefreshSchedule", "build_definitions", "build_integration_assets"]

warnings.warn(
    "zebbra_pipeline.building has moved: import build_definitions from zebbra_pipeline",
    DeprecationWarning,
    stacklevel=2,
)
