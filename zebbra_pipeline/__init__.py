"""
The pipeline: fetch into the warehouse, merge into the models, run by Dagster.

`dg` finds the component `zebbra_pipeline.ZebbraPipelineComponent` here. It is imported when it
is asked for: importing Dagster takes over a second, and most commands do not need it.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from zebbra_pipeline.orchestration.components.pipeline import ZebbraPipelineComponent

__all__ = ["ZebbraPipelineComponent"]


def __getattr__(name: str) -> Any:
    if name in __all__:
        from zebbra_pipeline.orchestration.components.pipeline import ZebbraPipelineComponent

        return ZebbraPipelineComponent
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
