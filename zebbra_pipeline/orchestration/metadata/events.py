"""From outcomes to Dagster events: one materialization a workspace, failures told at the end."""

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import dagster as dg

from integrations.contracts.display import printable
from zebbra_pipeline.orchestration.metadata import markdown
from zebbra_pipeline.outcomes import Done, Failed, OperatorError, Outcome, by_reason, named

LINKS_KEY = "zebbra/connect_links"
FAILED_KEY = "zebbra/failed"
COME_BACK_KEY = "zebbra/come_back_at"
_REASONS = 10
"""As many are told in the message itself; all of them in its metadata."""

_DATA_VERSION = "dagster/data_version"
try:  # a name of Dagster's own: without it each materialization is logged a second time
    from dagster._core.definitions.source_asset import (
        SYSTEM_METADATA_KEY_SOURCE_ASSET_OBSERVATION,
    )

    _LOGGED_BY_US: dict[str, bool] = {SYSTEM_METADATA_KEY_SOURCE_ASSET_OBSERVATION: True}
except ImportError:
    _LOGGED_BY_US = {}
"""Metadata of an output for which Dagster logs no event, as the step has done so itself."""


def log_outcome(
    context: dg.AssetExecutionContext,
    outcome: Outcome,
    *,
    page: Callable[[str], str] | None = None,
) -> None:
    """
    Log what came of one workspace: materializations, or observations that say why not.

    Dagster shows a workspace as failed that was planned, has not been materialized, and whose
    run has failed; the observation tells the reason on the workspace's own page. What concerns
    every workspace alike, such as a refused app, is left to the run.

    Args:
        context: Of the step.
        outcome: Of a workspace of it.
        page: Gives the operator's page of a workspace's connection, where there is one.
    """
    for key in sorted(context.selected_asset_keys):
        if isinstance(outcome, Done):
            context.log_event(_materialization(context, key, outcome))
        elif not isinstance(outcome.error, OperatorError):
            facts = _why_not(outcome)
            if page:
                facts["zebbra/connection_md"] = markdown.link(
                    "operator's page", page(outcome.workspace_id)
                )
            context.log_event(
                dg.AssetObservation(
                    key, partition=outcome.workspace_id, metadata=as_metadata(facts)
                )
            )


def report(
    context: dg.AssetExecutionContext,
    outcomes: Sequence[Outcome],
    *,
    whole: bool = True,
    logged: bool = False,
) -> Iterator[dg.MaterializeResult[None] | dg.Output[None]]:
    """
    Report every workspace on its own; fail the run at its end if any failed.

    Args:
        context: Of the step.
        outcomes: What came of its workspaces.
        whole: Whether they are all of the step's workspaces; the others are left as they are.
        logged: Whether `log_outcome` has been called with each of them.

    Raises:
        dagster.Failure: Naming the workspaces that failed, each with its reason.
    """
    failed = sorted(
        (outcome for outcome in outcomes if isinstance(outcome, Failed)),
        key=lambda item: item.workspace_id,
    )
    if not logged and (failed or not whole):
        for outcome in outcomes:
            log_outcome(context, outcome)
        logged = True
    if failed:
        raise _failure(failed, len(outcomes))
    for key in sorted(context.selected_asset_keys) if whole else ():
        if logged and _LOGGED_BY_US:
            name = context.assets_def.get_output_name_for_asset_key(key)
            yield dg.Output(None, output_name=name, metadata=_LOGGED_BY_US)
            continue
        for outcome in outcomes:
            if isinstance(outcome, Done):
                context.add_asset_metadata(
                    as_metadata(outcome.metadata[key.path[-1]]),
                    asset_key=key,
                    partition_key=outcome.workspace_id,
                )
        yield dg.MaterializeResult(asset_key=key)


def _materialization(
    context: dg.AssetExecutionContext, key: dg.AssetKey, done: Done
) -> dg.AssetMaterialization:
    facts = done.metadata[key.path[-1]]
    # By its version Dagster tells that what is downstream has become stale.
    version = str(facts.get("zebbra/batch_id", context.run.run_id))
    return dg.AssetMaterialization(
        key,
        partition=done.workspace_id,
        metadata=as_metadata(facts),
        tags={_DATA_VERSION: version},
    )


def _why_not(failed: Failed) -> dict[str, Any]:
    put_off = failed.come_back_at
    return {  # in the order in which a person asks
        "zebbra/reason": failed.reason,
        **({"zebbra/connect_md": _link(failed)} if failed.connect_url else {}),
        **({COME_BACK_KEY: dg.MetadataValue.timestamp(put_off)} if put_off else {}),
        **({"zebbra/what_to_do": failed.what_to_do} if failed.what_to_do else {}),
        "zebbra/status": "failed" if put_off is None else "put off",
    }


def as_metadata(values: dict[str, Any]) -> dict[str, Any]:
    """
    Return *values* for Dagster; texts under a name that ends in `_md` become markdown.

    Control characters in any text are shown as escapes. What is foreign within markdown is the
    caller's to escape; see `zebbra_pipeline.orchestration.metadata.markdown`.
    """
    return {
        name.removesuffix("_md"): dg.MetadataValue.md(markdown.lines(value))  # noqa: TID251 -- here alone
        if name.endswith("_md")
        else _shown(value)
        for name, value in values.items()
    }


def failure_of(error: Exception) -> dg.Failure:
    """Return the failure of a step that *error* has stopped, for all of its workspaces."""
    text = printable(" ".join(str(error).split()))  # the UI shows it as it is, not as markdown
    return dg.Failure(description=text, allow_retries=False)


def _shown(value: Any) -> Any:
    if isinstance(value, str):
        return printable(value)
    if isinstance(value, list):  # not a tuple: Dagster's own metadata values are
        return [_shown(item) for item in value]
    return value


def _failure(failed: Sequence[Failed], count: int) -> dg.Failure:
    groups = by_reason(failed)
    who = named(item.workspace_id for item in failed)
    said = "".join(
        f"\n- {_who(group)}: {reason}" for reason, group in list(groups.items())[:_REASONS]
    )
    first = f": {next(iter(groups))}" if len(groups) == 1 else f", for {len(groups)} reasons:{said}"
    resets = [item.come_back_at for item in failed if item.come_back_at is not None]
    links = {item.workspace_id: item.connect_url for item in failed if item.connect_url}
    return dg.Failure(
        description=f"{len(failed)} of {count} workspaces failed ({who}){first}",
        metadata=as_metadata(
            {
                "what happened_md": "\n".join(map(_markdown, groups.values())),
                FAILED_KEY: dg.MetadataValue.json(
                    {item.workspace_id: item.reason for item in failed}
                ),
                **({LINKS_KEY: dg.MetadataValue.json(links)} if links else {}),
                **(
                    {COME_BACK_KEY: dg.MetadataValue.timestamp(max(resets).timestamp())}
                    if resets
                    else {}
                ),
            }
        ),
        allow_retries=False,
    )


def _markdown(group: Sequence[Failed]) -> str:
    """Return one list entry for failures of the same reason, with links to mend them."""
    links = [_link(item) for item in group if item.connect_url]
    parts = [f"- **{markdown.escaped(_who(group))}**: {markdown.quoted(group[0].reason)}"]
    parts += [f"*{group[0].what_to_do}*"] if group[0].what_to_do else []
    return "; ".join([*parts, *links])


def _who(group: Sequence[Failed]) -> str:
    return named(item.workspace_id for item in group)


def _link(failed: Failed) -> str:
    who = failed.workspace_id
    page = markdown.link(f"{who}: open the connect page", failed.connect_url or "")
    return f"{page} (for 30 minutes; then: {markdown.code(f'zebbra connect {who}')})"
