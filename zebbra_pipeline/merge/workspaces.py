"""Merges the landed figures of a workspace into its model documents, and stores the result."""

from collections.abc import Iterable
from datetime import UTC, date, datetime
from hashlib import sha256
from pathlib import Path

from zebbra_pipeline.figures import MergedModel
from zebbra_pipeline.merge import ModelDocumentError, load_model, merge_model, model_paths
from zebbra_pipeline.outcomes import Failed, Merged
from zebbra_pipeline.warehouse import Warehouse, WriteSession


def merge_workspaces(
    workspace_ids: list[str], *, models: Path, warehouse: Warehouse, today: date
) -> list[Merged | Failed]:
    """
    Merge every model of every workspace; one that fails does not stop the others.

    Returns:
        `Merged` or `Failed` for each workspace, in their order.

    Raises:
        WarehouseError: If the warehouse cannot be written.
    """
    outcomes: list[Merged | Failed] = []
    with warehouse.write(f"merging models of {len(workspace_ids)} workspaces") as session:
        figures = session.figures_sha256(workspace_ids)
        for workspace_id in workspace_ids:
            digest = documents_sha256(model_paths(models, workspace_id))  # before they are read
            results, problems = _merge_one(workspace_id, models, session, today)
            if problems:
                error = ModelDocumentError("; ".join(map(str, problems)))
                outcomes.append(Failed(workspace_id, error))
            else:
                outcomes.append(
                    Merged(workspace_id, tuple(results), digest, figures.get(workspace_id, ""))
                )
    warehouse.publish()
    return outcomes


def documents_sha256(paths: Iterable[Path]) -> str:
    """Return a fingerprint of the names and texts of model documents; empty if there are none."""
    texts = [(path.name, sha256(path.read_bytes()).hexdigest()) for path in paths]
    return sha256(repr(texts).encode()).hexdigest() if texts else ""


def _merge_one(
    workspace_id: str, models: Path, session: WriteSession, today: date
) -> tuple[list[MergedModel], list[ModelDocumentError]]:
    paths = model_paths(models, workspace_id)
    results: list[MergedModel] = []
    problems: list[ModelDocumentError] = []
    if not paths:
        return results, problems
    figures = session.figures(workspace_id)
    for path in paths:
        try:
            document = load_model(path)
            result = merge_model(document, figures, model_id=path.stem, today=today)
        except ModelDocumentError as exc:
            problems.append(exc)
            continue
        session.save_model(workspace_id, result, merged_at=datetime.now(UTC))
        results.append(result)
    return results, problems
