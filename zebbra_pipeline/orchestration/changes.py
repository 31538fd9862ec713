"""Which workspaces of a run have models that are behind: a tag that the merge follows."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import dagster as dg

from integrations.contracts.display import printable
from zebbra_pipeline.orchestration.assets.specs import MERGED_MODEL
from zebbra_pipeline.outcomes import Done, Outcome

if TYPE_CHECKING:
    from zebbra_pipeline.warehouse import Warehouse

CHANGED_TAG = "zebbra/changed."
"""Followed by the integration's slug; the value has workspace ids, joined by commas."""

_MERGED_FROM = ("zebbra/documents_sha256", "zebbra/figures_sha256")
_LOOK_BACK = 4


def tag_changes(
    context: dg.AssetExecutionContext,
    slug: str,
    outcomes: Sequence[Outcome],
    *,
    models: Path,
    warehouse: "Warehouse",
) -> None:
    """
    Tag the run with the workspaces that are to be merged, in their order; with none, not.

    They are those that the run has changed, and those whose models are behind what is stored:
    figures may have landed in a run that died before it could tell, or beside others that were
    refused, and a merge may have failed.

    Args:
        context: Of the step.
        slug: The integration.
        outcomes: What came of the step's workspaces.
        models: The folder of the model documents.
        warehouse: Its published copy is asked.
    """
    from zebbra_pipeline.warehouse import WarehouseError

    changed = {
        outcome.workspace_id
        for outcome in outcomes
        if isinstance(outcome, Done)
        and any(facts.get("zebbra/changed") for facts in outcome.metadata.values())
    }
    try:
        changed |= _behind(context.instance, context.partition_keys, models, warehouse)
    except WarehouseError as exc:
        context.log.warning("whether models are behind is left to the next run: %s", printable(exc))
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


def _behind(
    instance: dg.DagsterInstance,
    workspaces: Sequence[str],
    models: Path,
    warehouse: "Warehouse",
) -> set[str]:
    """Return the workspaces whose documents or figures differ from those that were merged last."""
    from zebbra_pipeline.merge import model_paths
    from zebbra_pipeline.merge.workspaces import documents_sha256

    found = {workspace: model_paths(models, workspace) for workspace in workspaces}
    documents = {workspace: documents_sha256(paths) for workspace, paths in found.items() if paths}
    if not documents:
        return set()
    with warehouse.read() as session:
        figures = session.figures_sha256(list(documents))
    records = instance.fetch_materializations(
        dg.AssetRecordsFilter(asset_key=MERGED_MODEL, asset_partitions=list(documents)),
        limit=_LOOK_BACK * len(documents),  # one that is not found is merged once more
    ).records
    merged: dict[str, tuple[object, ...]] = {}
    for record in records:  # the newest first
        event = record.asset_materialization
        facts = event.metadata if event else {}
        known = tuple(facts[key].value if key in facts else None for key in _MERGED_FROM)
        merged.setdefault(str(record.partition_key), known)
    return {
        workspace
        for workspace, digest in documents.items()
        if merged.get(workspace) != (digest, figures.get(workspace, ""))
    }
