"""Dagster events of outcomes: one materialization a workspace, failures at the end of the step."""

from collections.abc import Callable, Iterator, Sequence

import dagster as dg

from integrations.contracts import OperatorError
from integrations.contracts.display import printable
from zebbra_pipeline.orchestration.dagster_private import LOGGED_BY_STEP
from zebbra_pipeline.orchestration.metadata import keys, markdown
from zebbra_pipeline.orchestration.metadata.facts import (
    connect_link,
    data_version,
    facts_of,
    reason_of,
)
from zebbra_pipeline.outcomes import Deferred, Failed, Finished, Outcome, by_reason, named

PageOf = Callable[[str], str]
"""Returns the operator's page of a workspace's connection."""

_REASONS = 10
"""As many are in the message itself; all of them are in its metadata."""


def log_outcome(
    context: dg.AssetExecutionContext, outcome: Outcome, *, page: PageOf | None = None
) -> None:
    """
    Log the outcome of one workspace: materializations, or observations that say why not.

    Dagster shows a workspace as failed that was planned, has not been materialized, and belongs
    to a run that failed; the observation gives the reason on the workspace's own page. What
    concerns every workspace alike, such as a refused app, is left to the run.

    Args:
        context: Of the step.
        outcome: Of a workspace of it.
        page: Returns the operator's page of a workspace's connection, where there is one.
    """
    url = page(outcome.workspace_id) if page else None
    for key in sorted(context.selected_asset_keys):
        if not isinstance(outcome, Failed):
            context.log_event(_materialization(context, key, outcome, url))
        elif not isinstance(outcome.error, OperatorError):
            facts = reason_of(outcome, page=url)
            context.log_event(
                dg.AssetObservation(key, partition=outcome.workspace_id, metadata=facts)
            )


def report(
    context: dg.AssetExecutionContext,
    outcomes: Sequence[Outcome],
    *,
    whole: bool = True,
    logged: bool = False,
    page: PageOf | None = None,
) -> Iterator[dg.MaterializeResult[None] | dg.Output[None]]:
    """
    Report every workspace on its own; fail the run at its end if any failed.

    Args:
        context: Of the step.
        outcomes: Of its workspaces.
        whole: Whether they are all of the step's workspaces; the others are left as they are.
        logged: Whether `log_outcome` has been called with each of them.
        page: See `log_outcome`.

    Raises:
        dagster.Failure: Naming the workspaces that failed, each with its reason.
    """
    failures = sorted(
        (outcome for outcome in outcomes if isinstance(outcome, Failed)),
        key=lambda item: item.workspace_id,
    )
    if not logged and (failures or not whole):
        for outcome in outcomes:
            log_outcome(context, outcome, page=page)
        logged = True
    if failures:
        raise _failure(failures, len(outcomes))
    for key in sorted(context.selected_asset_keys) if whole else ():
        if logged and LOGGED_BY_STEP:
            name = context.assets_def.get_output_name_for_asset_key(key)
            yield dg.Output(None, output_name=name, metadata=LOGGED_BY_STEP)
            continue
        for outcome in outcomes:
            if not isinstance(outcome, Failed):
                url = page(outcome.workspace_id) if page else None
                context.add_asset_metadata(
                    facts_of(outcome, key.path[-1], page=url),
                    asset_key=key,
                    partition_key=outcome.workspace_id,
                )
        yield dg.MaterializeResult(asset_key=key)


def _materialization(
    context: dg.AssetExecutionContext, key: dg.AssetKey, outcome: Finished, page: str | None
) -> dg.AssetMaterialization:
    asset = key.path[-1]
    version = data_version(outcome, asset) or context.run.run_id
    return dg.AssetMaterialization(
        key,
        partition=outcome.workspace_id,
        metadata=facts_of(outcome, asset, page=page),
        tags={keys.DATA_VERSION: version},
    )


def failure_of(error: Exception) -> dg.Failure:
    """Return the failure of a step that *error* has stopped, for all of its workspaces."""
    text = printable(" ".join(str(error).split()))  # the UI shows it as it is, not as markdown
    return dg.Failure(description=text, allow_retries=False)


def _failure(failures: Sequence[Failed], count: int) -> dg.Failure:
    groups = by_reason(failures)
    who = named(item.workspace_id for item in failures)
    listed = "".join(
        f"\n- {_who(group)}: {reason}" for reason, group in list(groups.items())[:_REASONS]
    )
    first = (
        f": {next(iter(groups))}" if len(groups) == 1 else f", for {len(groups)} reasons:{listed}"
    )
    resets = [item.until for item in failures if isinstance(item, Deferred)]
    links = {item.workspace_id: item.connect_url for item in failures if item.connect_url}
    return dg.Failure(
        description=f"{len(failures)} of {count} workspaces failed ({who}){first}",
        metadata={
            keys.WHAT_HAPPENED: markdown.value("\n".join(map(_markdown, groups.values()))),
            keys.FAILED: dg.MetadataValue.json(
                {item.workspace_id: item.reason for item in failures}
            ),
            **({keys.CONNECT_LINKS: dg.MetadataValue.json(links)} if links else {}),
            **(
                {keys.COME_BACK_AT: dg.MetadataValue.timestamp(max(resets).timestamp())}
                if resets
                else {}
            ),
        },
        allow_retries=False,
    )


def _markdown(group: Sequence[Failed]) -> str:
    """Return one list entry for failures of the same reason, with links to resolve them."""
    links = [connect_link(item) for item in group if item.connect_url]
    parts = [f"- **{markdown.escaped(_who(group))}**: {markdown.quoted(group[0].reason)}"]
    parts += [f"*{group[0].what_to_do}*"] if group[0].what_to_do else []
    return "; ".join([*parts, *links])


def _who(group: Sequence[Failed]) -> str:
    return named(item.workspace_id for item in group)
