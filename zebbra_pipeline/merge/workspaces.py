"""Merges the landed figures of a workspace into its model documents, and stores the result."""

from collections.abc import Iterable
from datetime import UTC, date, datetime
from hashlib import sha256
from pathlib import Path

from zebbra_pipeline.figures import MergedModel
from zebbra_pipeline.merge import ModelDocumentError, load_model, merge_model, model_paths
from zebbra_pipeline.orchestration.metadata.markdown import code, escaped
from zebbra_pipeline.orchestration.metadata.tables import rows_by_status
from zebbra_pipeline.outcomes import Done, Failed, Outcome
from zebbra_pipeline.warehouse import Warehouse, WriteSession


def merge_workspaces(
    workspace_ids: list[str], *, models: Path, warehouse: Warehouse, today: date
) -> tuple[list[Outcome], dict[str, list[MergedModel]]]:
    """
    Merge every model of every workspace; one that fails does not stop the others.

    Returns:
        What came of each workspace, and the merged models by workspace.

    Raises:
        WarehouseError: If the warehouse cannot be written.
    """
    outcomes: list[Outcome] = []
    merged: dict[str, list[MergedModel]] = {}
    with warehouse.write(f"merging models of {len(workspace_ids)} workspaces") as session:
        figures = session.figures_sha256(workspace_ids)
        for workspace_id in workspace_ids:
            digest = documents_sha256(model_paths(models, workspace_id))  # before they are read
            results, problems = _merge_one(workspace_id, models, session, today)
            merged[workspace_id] = results
            if problems:
                outcomes.append(
                    Failed(workspace_id, ModelDocumentError("; ".join(map(str, problems))))
                )
            else:
                outcomes.append(_done(workspace_id, results, digest, figures.get(workspace_id, "")))
    warehouse.publish()
    return outcomes, merged


def documents_sha256(paths: Iterable[Path]) -> str:
    """Return a fingerprint of model documents, of their names and texts; empty for none."""
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


def _done(workspace_id: str, results: list[MergedModel], digest: str, figures: str) -> Done:
    rows = sum(len(result.rows) for result in results)
    unresolved = [row for result in results for row in result.rows if row.note]
    lines = [f"- {code(row.row_name)} ({row.status}): {escaped(row.note)}" for row in unresolved]
    lines += [f"- {escaped(note)}" for result in results for note in result.notes]
    notes = "\n".join(lines)
    statuses = rows_by_status(row.status for result in results for row in result.rows)
    metadata = {
        "dagster/row_count": rows,
        "zebbra/models": len(results),
        "zebbra/documents_sha256": digest,
        "zebbra/figures_sha256": figures,
        "zebbra/rows_unresolved": sum(result.rows_unresolved for result in results),
        **({"zebbra/rows_by_status_md": statuses} if statuses else {}),
        **({"zebbra/notes_md": notes} if notes else {}),
    }
    return Done(workspace_id, {"merged_model": metadata}, f"{len(results)} models, {rows} rows")
