"""
Tags by which a run passes on what is left to do for its workspaces.

`zebbra/changed.<slug>`     workspaces with changed figures; `refresh_models` follows them
`zebbra/come_back`          marks a run with deferred workspaces; `after_day_limits` finds it
`zebbra/come_back.<slug>`   those workspaces, by the time at which their day limit resets
"""

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import dagster as dg

from zebbra_pipeline.orchestration.assets.specs import MERGED_MODEL
from zebbra_pipeline.orchestration.metadata import keys
from zebbra_pipeline.outcomes import Deferred, Outcome

if TYPE_CHECKING:
    from zebbra_pipeline.warehouse import ReadSession

CHANGED_TAG = "zebbra/changed."
COME_BACK_TAG = "zebbra/come_back"  # Dagster warns of a key with a second slash
WANTED = "wanted"
_MINUTE = timedelta(minutes=1)
_MERGED_FROM = (keys.DOCUMENTS_SHA256, keys.FIGURES_SHA256)
_LOOK_BACK = 4


@dataclass(frozen=True, slots=True)
class ComeBack:
    """
    Workspaces with a quota that resets at the same minute.

    Attributes:
        slug: The integration.
        at: The first full minute after the reset, in UTC.
        full: Whether the whole history was fetched.
    """

    slug: str
    at: datetime
    workspaces: tuple[str, ...]
    full: bool


def tag_changes(context: dg.AssetExecutionContext, slug: str, changed: Collection[str]) -> None:
    """
    Tag the run with the workspaces to merge, in order. No tag if there are none.

    Args:
        context: Of the step.
        slug: The integration.
        changed: The workspaces that the run has changed, and those with models that are behind.
    """
    if changed:
        value = ",".join(key for key in context.partition_keys if key in changed)
        context.instance.add_run_tags(context.run.run_id, {f"{CHANGED_TAG}{slug}": value})


def models_behind(
    instance: dg.DagsterInstance,
    workspaces: Sequence[str],
    models: Path,
    session: "ReadSession",
) -> set[str]:
    """
    Return the workspaces whose documents or figures differ from those that were merged last.

    Figures may have landed in a run that died before it could tag itself, or together with
    others that were refused, and a merge may have failed.

    Args:
        instance: Asked for the last merge of each workspace.
        workspaces: The customers.
        models: The folder of the model documents.
        session: The published copy, as it is after the landing.

    Raises:
        WarehouseError: If the published copy cannot be read.
    """
    from zebbra_pipeline.merge import model_paths
    from zebbra_pipeline.merge.workspaces import documents_sha256

    found = {workspace: model_paths(models, workspace) for workspace in workspaces}
    documents = {workspace: documents_sha256(paths) for workspace, paths in found.items() if paths}
    if not documents:
        return set()
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
        if event is not None and (fact := event.metadata.get(keys.CHANGED)) and fact.value
    )


def tag_come_back(
    context: dg.AssetExecutionContext, slug: str, outcomes: Sequence[Outcome], *, full: bool
) -> None:
    """
    Tag the run with its deferred workspaces. No tag if there are none.

    The run is tagged with `zebbra/come_back`, by which it is found, and, for each step, with
    `zebbra/come_back.<slug>`: JSON of the run's id (a rerun inherits the tags of its run),
    `full`, and the workspaces by the time of their reset.
    """
    resets: dict[str, list[str]] = {}
    for outcome in outcomes:
        if isinstance(outcome, Deferred):
            at = minute_after(outcome.until)
            resets.setdefault(at.isoformat(), []).append(outcome.workspace_id)
    if not resets:
        return
    run_id = context.run.run_id
    value = {"run": run_id, "full": full, "at": {at: sorted(resets[at]) for at in sorted(resets)}}
    tags = {
        COME_BACK_TAG: WANTED,
        f"{COME_BACK_TAG}.{slug}": json.dumps(value, separators=(",", ":")),
    }
    context.instance.add_run_tags(run_id, tags)


def minute_after(reset: datetime) -> datetime:
    """Return the first full minute after *reset*, when its workspaces are fetched again."""
    return (reset + _MINUTE).replace(second=0, microsecond=0)


def wanted_back(run_id: str, tags: Mapping[str, str]) -> list[ComeBack]:
    """Return what the steps of a run deferred, without what it inherited from another run."""
    found = []
    for name, value in sorted(tags.items()):
        if not name.startswith(f"{COME_BACK_TAG}."):
            continue
        content = json.loads(value)
        if content["run"] != run_id:
            continue
        found += [
            ComeBack(
                slug=name.removeprefix(f"{COME_BACK_TAG}."),
                at=datetime.fromisoformat(at).astimezone(UTC),
                workspaces=tuple(workspaces),
                full=content["full"],
            )
            for at, workspaces in content["at"].items()
        ]
    return found
