"""Which workspaces of a run have new figures or new model documents: a tag that the merge follows."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import dagster as dg

from zebbra_pipeline.assets.specs import MERGED_MODEL
from zebbra_pipeline.outcomes import Done, Outcome

CHANGED_TAG = "zebbra/changed."
"""Followed by the integration's slug; the value has workspace ids, joined by commas."""

DOCUMENTS_KEY = "zebbra/documents_sha256"
_LOOK_BACK = 4


def tag_changes(
    context: dg.AssetExecutionContext, slug: str, outcomes: Sequence[Outcome], models: Path
) -> None:
    """Tag the run with the workspaces that are to be merged, in their order; with none, not."""
    changed = {
        outcome.workspace_id
        for outcome in outcomes
        if isinstance(outcome, Done)
        and any(facts.get("zebbra/changed") for facts in outcome.metadata.values())
    }
    changed |= _with_new_documents(context.instance, context.partition_keys, models)
    if changed:
        value = ",".join(key for key in context.partition_keys if key in changed)
        context.instance.add_run_tags(context.run.run_id, {f"{CHANGED_TAG}{slug}": value})


def changed_workspaces(tags: Mapping[str, str]) -> frozenset[str]:
    """Return the workspaces that a run's tags name as changed."""
    return frozenset(
        workspace
        for name, value in tags.items()
        if name.startswith(CHANGED_TAG)
        for workspace in value.split(",")
    )


def changed_by_events(instance: dg.DagsterInstance, run_id: str) -> frozenset[str]:
    """Return the workspaces whose figures a run has changed; a run that was killed has no tag."""
    logged = instance.all_logs(run_id, of_type=dg.DagsterEventType.ASSET_MATERIALIZATION)
    found = (entry.asset_materialization for entry in logged)
    return frozenset(
        str(event.partition)
        for event in found
        if event is not None and (fact := event.metadata.get("zebbra/changed")) and fact.value
    )


def _with_new_documents(
    instance: dg.DagsterInstance, workspaces: Sequence[str], models: Path
) -> set[str]:
    """Return the workspaces whose documents differ from those that were merged last."""
    from zebbra_pipeline.merge import model_paths
    from zebbra_pipeline.merging import documents_sha256

    found = {workspace: model_paths(models, workspace) for workspace in workspaces}
    now = {workspace: documents_sha256(paths) for workspace, paths in found.items() if paths}
    if not now:
        return set()
    records = instance.fetch_materializations(
        dg.AssetRecordsFilter(asset_key=MERGED_MODEL, asset_partitions=list(now)),
        limit=_LOOK_BACK * len(now),  # one that is not found is merged once more
    ).records
    merged: dict[str, object] = {}
    for record in records:  # the newest first
        event = record.asset_materialization
        known = event.metadata.get(DOCUMENTS_KEY) if event else None
        merged.setdefault(str(record.partition_key), known.value if known else None)
    return {workspace for workspace, digest in now.items() if merged.get(workspace) != digest}
