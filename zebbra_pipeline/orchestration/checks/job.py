"""`check_figures`: everything that has landed is checked by the clock, whatever was fetched."""

from collections.abc import Sequence
from typing import Any

import dagster as dg

CHECK_JOB = "check_figures"


def build_check_job(checks: Sequence[dg.AssetChecksDefinition]) -> Any:
    """
    Build the job `check_figures`: *checks* alone, of all workspaces in one run.

    A job of its own, as what becomes stale does so where nothing is fetched or merged.
    """
    keys = sorted(key for check in checks for key in check.check_keys)
    return dg.define_asset_job(
        CHECK_JOB,
        selection=dg.AssetSelection.checks(*keys),
        description=(
            "Checks what has landed of every workspace, whether or not anything was fetched. "
            "Reads the warehouse's published copy; calls no provider."
        ),
    )
