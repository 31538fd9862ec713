"""
The pipeline: fetch into the warehouse, merge into the models, run by Dagster.

The public names are imported when they are first used: importing Dagster takes over a second,
and most commands do not need it. `dg` finds the component `ZebbraPipelineComponent` here.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from zebbra_pipeline.orchestration.building import (
        Checks,
        RefreshSchedule,
        build_definitions,
        build_integration_assets,
    )
    from zebbra_pipeline.orchestration.components.pipeline import ZebbraPipelineComponent
    from zebbra_pipeline.orchestration.partitions import RANGE_END, RANGE_START, WORKSPACES
    from zebbra_pipeline.orchestration.resources import Connections, Warehouse

__all__ = [
    "RANGE_END",
    "RANGE_START",
    "WORKSPACES",
    "Checks",
    "Connections",
    "RefreshSchedule",
    "Warehouse",
    "ZebbraPipelineComponent",
    "build_definitions",
    "build_integration_assets",
]

_ORCHESTRATION = "zebbra_pipeline.orchestration"
_MODULES = {
    "RANGE_END": f"{_ORCHESTRATION}.partitions",
    "RANGE_START": f"{_ORCHESTRATION}.partitions",
    "WORKSPACES": f"{_ORCHESTRATION}.partitions",
    "Connections": f"{_ORCHESTRATION}.resources",
    "Warehouse": f"{_ORCHESTRATION}.resources",
    "ZebbraPipelineComponent": f"{_ORCHESTRATION}.components.pipeline",
}


def __getattr__(name: str) -> Any:
    if name in __all__:
        module = _MODULES.get(name, f"{_ORCHESTRATION}.building")
        return getattr(import_module(module), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
