"""From outcomes to Dagster events: one materialization a workspace, failures told at the end."""

from collections.abc import Iterator, Sequence
from typing import Any

import dagster as dg

from zebbra_pipeline.outcomes import Done, Failed, Outcome, by_reason, named

LINKS_KEY = "zebbra/connect_links"
FAILED_KEY = "zebbra/failed"
COME_BACK_KEY = "zebbra/come_back_at"


def report(
    context: dg.AssetExecutionContext, outcomes: Sequence[Outcome], *, whole: bool = True
) -> Iterator[dg.MaterializeResult[None]]:
    """
    Report every workspace on its own; fail the run at its end if any failed.

    With failures, the good workspaces are logged as materialized and the rest of the range is
    left to the run's failure, which marks just those as failed.

    Args:
        context: Of the step.
        outcomes: What came of its workspaces.
        whole: Whether they are all of the step's workspaces; the others are left as they are.

    Raises:
        dagster.Failure: Naming the workspaces that failed, each with its reason.
    """
    done = [outcome for outcome in outcomes if isinstance(outcome, Done)]
    failed = [outcome for outcome in outcomes if isinstance(outcome, Failed)]
    selected = sorted(context.selected_asset_keys)
    for outcome in done:
        for key in selected:
            metadata = as_metadata(outcome.metadata[key.path[-1]])
            if failed or not whole:
                event = dg.AssetMaterialization(
                    key, partition=outcome.workspace_id, metadata=metadata
                )
                context.log_event(event)
            else:
                context.add_asset_metadata(
                    metadata, asset_key=key, partition_key=outcome.workspace_id
                )
    if failed:
        failed.sort(key=lambda item: item.workspace_id)
        raise _failure(failed, len(outcomes))
    for key in selected if whole else ():
        yield dg.MaterializeResult(asset_key=key)


def as_metadata(values: dict[str, Any]) -> dict[str, Any]:
    """Return *values* for Dagster; texts under a name that ends in `_md` become markdown."""
    return {
        name.removesuffix("_md"): dg.MetadataValue.md(value) if name.endswith("_md") else value
        for name, value in values.items()
    }


def _failure(failed: Sequence[Failed], count: int) -> dg.Failure:
    groups = by_reason(failed)
    who = named(item.workspace_id for item in failed)
    first = f": {next(iter(groups))}" if len(groups) == 1 else f", for {len(groups)} reasons"
    resets = [item.come_back_at for item in failed if item.come_back_at is not None]
    links = {item.workspace_id: item.connect_url for item in failed if item.connect_url}
    return dg.Failure(
        description=f"{len(failed)} of {count} workspaces failed ({who}){first}",
        metadata={
            "what happened": dg.MetadataValue.md(
                "\n".join(_markdown(group) for group in groups.values())
            ),
            FAILED_KEY: dg.MetadataValue.json({item.workspace_id: item.reason for item in failed}),
            **({LINKS_KEY: dg.MetadataValue.json(links)} if links else {}),
            **(
                {COME_BACK_KEY: dg.MetadataValue.timestamp(max(resets).timestamp())}
                if resets
                else {}
            ),
        },
        allow_retries=False,
    )


def _markdown(group: Sequence[Failed]) -> str:
    """Return one list entry for failures of the same reason, with links to mend them."""
    links = [
        f"[{item.workspace_id}: open the connect page]({item.connect_url})"
        for item in group
        if item.connect_url
    ]
    parts = [f"- **{named(item.workspace_id for item in group)}**: {group[0].reason}"]
    parts += [f"*{group[0].what_to_do}*"] if group[0].what_to_do else []
    return "; ".join([*parts, *links])
