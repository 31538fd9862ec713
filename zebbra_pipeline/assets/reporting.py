"""From outcomes to Dagster events: one materialization a workspace, failures told at the end."""

from collections.abc import Iterator, Sequence
from typing import Any

import dagster as dg

from zebbra_pipeline.outcomes import Done, Failed, Outcome

FAILED_KEY = "zebbra/failed"
_SHOWN = 20


def report(
    context: dg.AssetExecutionContext, outcomes: Sequence[Outcome]
) -> Iterator[dg.MaterializeResult[None]]:
    """
    Report every workspace on its own; fail the run at its end if any failed.

    With failures, the good workspaces are logged as materialized and the rest of the range is
    left to the run's failure, which marks just those as failed.

    Raises:
        dagster.Failure: Naming the workspaces that failed, each with its reason.
    """
    done = [outcome for outcome in outcomes if isinstance(outcome, Done)]
    failed = [outcome for outcome in outcomes if isinstance(outcome, Failed)]
    selected = sorted(context.selected_asset_keys)
    for outcome in done:
        for key in selected:
            metadata = as_metadata(outcome.metadata[key.path[-1]])
            if failed:
                event = dg.AssetMaterialization(
                    key, partition=outcome.workspace_id, metadata=metadata
                )
                context.log_event(event)
            else:
                context.add_asset_metadata(
                    metadata, asset_key=key, partition_key=outcome.workspace_id
                )
    if failed:
        raise _failure(failed, len(outcomes))
    for key in selected:
        yield dg.MaterializeResult(asset_key=key)


def as_metadata(values: dict[str, Any]) -> dict[str, Any]:
    """Return *values* for Dagster; texts under a name that ends in `_md` become markdown."""
    return {
        name.removesuffix("_md"): dg.MetadataValue.md(value) if name.endswith("_md") else value
        for name, value in values.items()
    }


def _failure(failed: Sequence[Failed], count: int) -> dg.Failure:
    named = ", ".join(item.workspace_id for item in failed[:_SHOWN])
    more = f" and {len(failed) - _SHOWN} more" if len(failed) > _SHOWN else ""
    lines = [f"- **{item.workspace_id}**: {_markdown(item)}" for item in failed]
    first = f": {failed[0].reason}" if len(failed) == 1 else ""
    return dg.Failure(
        description=f"{len(failed)} of {count} workspaces failed ({named}{more}){first}",
        metadata={
            "what happened": dg.MetadataValue.md("\n".join(lines)),
            FAILED_KEY: dg.MetadataValue.json({item.workspace_id: item.reason for item in failed}),
        },
        allow_retries=False,
    )


def _markdown(item: Failed) -> str:
    link = f" [Open the connect page]({item.connect_url})" if item.connect_url else ""
    return f"{item.reason}{link}"
