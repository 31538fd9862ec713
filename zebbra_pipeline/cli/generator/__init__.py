"""Writes the files of a new integration from `integrations.templates`; see `zebbra new`."""

from zebbra_pipeline.cli.generator.naming import GenerateError, Naming
from zebbra_pipeline.cli.generator.planning import plan_builtin, plan_external
from zebbra_pipeline.cli.generator.writing import Plan, write

__all__ = ["GenerateError", "Naming", "Plan", "plan_builtin", "plan_external", "write"]
