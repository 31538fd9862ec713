"""Writes the files of a new integration from `integrations.templates`; see `zebbra new`."""

from zebbra_pipeline.generating.naming import GenerateError, Naming
from zebbra_pipeline.generating.planning import plan_builtin, plan_external
from zebbra_pipeline.generating.writing import Plan, write

__all__ = ["GenerateError", "Naming", "Plan", "plan_builtin", "plan_external", "write"]
