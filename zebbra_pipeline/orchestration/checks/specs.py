"""The checks that each workspace of each asset is held to. Nothing here executes."""

import warnings
from collections.abc import Sequence
from typing import Any

import dagster as dg
from pydantic import Field

from integrations.contracts import IntegrationPlugin
from zebbra_pipeline.ingest.batches import ASSET_NAMES
from zebbra_pipeline.orchestration.checks.findings import COMPLETE, CONNECTION, FRESH, PROVEN
from zebbra_pipeline.orchestration.partitions import WORKSPACES

_MEANINGS = {
    FRESH: "The workspace has landed within {days} days. A warning: old figures are not wrong.",
    COMPLETE: "No month is missing among those covered, up to the newest pull's last, and each has a "
    "row of every account and section total; people have all landed with the same pull.",
    PROVEN: "The newest pull was not refused, and what has landed of it adds up: accounts to their "
    "section's total, parts of payroll cost to its total, jobs end after they start. Computed "
    "totals, such as a profit, are not compared.",
    CONNECTION: "The connection works, and more than a quarter of the time is left that the "
    "provider waits for the next use. Told by the OAuth service, without a call to the provider.",
}


CHECK_JOB = "check_figures"


class Checks(dg.Model, dg.Resolvable):
    """What the checks hold the landed figures to."""

    stale_after_days: int = Field(
        default=3,
        ge=1,
        description="Warn of a workspace that has landed nothing new for more days than this.",
    )
    every_result_up_to: int | None = Field(
        default=None,
        ge=0,
        description="A run of more workspaces than this logs only what fails, or passes after it "
        "had failed: fewer events, but Dagster shows workspaces that pass as missing. None: every "
        "run logs each result.",
    )


def keys_of(plugin: IntegrationPlugin) -> list[dg.AssetKey]:
    """Return the keys of the assets that *plugin* feeds."""
    return [dg.AssetKey([plugin.slug, name]) for name in ASSET_NAMES[plugin.api_type]]


def build_workspace_check_specs(
    plugin: IntegrationPlugin, checks: Checks
) -> Sequence[dg.AssetCheckSpec]:
    """Return `fresh`, `complete`, `proven` and `connection` of each asset, by workspace."""
    with warnings.catch_warnings():  # that checks by partition are new would be told at each load
        warnings.filterwarnings("ignore", category=dg.BetaWarning)
        warnings.filterwarnings("ignore", category=dg.PreviewWarning)
        return [
            dg.AssetCheckSpec(
                name=name,
                asset=key,
                description=text.format(days=checks.stale_after_days),
                partitions_def=WORKSPACES,
            )
            for key in keys_of(plugin)
            for name, text in _MEANINGS.items()
        ]


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
