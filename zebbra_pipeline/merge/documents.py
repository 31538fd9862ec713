"""Model documents on disk: `<folder>/<workspace_id>/<model_id>.json`. Read, never written."""

import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from integrations.contracts import check_workspace_id
from integrations.contracts.numbers import TooDeepError, load_json
from zebbra_pipeline.merge.schema import Model, json_type, problem_text


class ModelDocumentError(ValueError):
    """
    A model document that Zebbra's planner could not read.

    Attributes:
        problems: One text a problem: `path: expected ..., found ...`, preceded by the file if
            the document came from one. Values are not repeated: documents contain salaries.
    """

    def __init__(self, *problems: str) -> None:
        shown = "; ".join(problems[:_SHOWN])
        more = len(problems) - _SHOWN
        super().__init__(f"{shown}; and {more} more" if more > 0 else shown)
        self.problems = problems


_SHOWN = 5


def check_document(document: Mapping[str, Any]) -> Model:
    """
    Return a typed view of *document*.

    Raises:
        ModelDocumentError: If it is not a model; names the JSON path of every problem, e.g.
            `sheets[0].sections[1].rows[3].val_type`.
    """
    try:
        return Model.model_validate(document)
    except ValidationError as exc:
        problems = [problem_text(error) for error in exc.errors(include_url=False)]
    raise ModelDocumentError(*problems)


def load_model(path: Path) -> dict[str, Any]:
    """
    Return the checked document in the file *path*.

    Raises:
        ModelDocumentError: If it cannot be read, is not JSON, or not a model; names the file.
    """
    try:
        # Fractions stay floats, as the document is passed on unchanged.
        document = load_json(path.read_text(encoding="utf-8-sig"), fraction=_finite)
    except OSError as exc:
        raise ModelDocumentError(f"{path}: cannot be read: {exc.strerror}") from exc
    except json.JSONDecodeError as exc:
        # Without the cause: it contains the whole text.
        place = f"{exc.msg} at line {exc.lineno} column {exc.colno}"
        raise ModelDocumentError(f"{path}: expected JSON, found {place}") from None
    except UnicodeDecodeError:
        raise ModelDocumentError(f"{path}: expected JSON in UTF-8, found other bytes") from None
    except TooDeepError:
        raise ModelDocumentError(f"{path}: expected a model, found JSON nested too deep") from None
    except ValueError as exc:
        raise ModelDocumentError(f"{path}: expected JSON, found {exc}") from None
    if not isinstance(document, dict):
        raise ModelDocumentError(f"{path}: expected an object, found {json_type(document)}")
    try:
        check_document(document)
    except ModelDocumentError as exc:
        raise ModelDocumentError(*(f"{path}: {problem}" for problem in exc.problems)) from None
    return document


def model_paths(folder: Path, workspace_id: str) -> list[Path]:
    """
    Return the model files of a workspace, by name; their stems are the model ids.

    Raises:
        ValueError: If *workspace_id* is malformed.
    """
    place = folder / check_workspace_id(workspace_id)
    return sorted(path for path in place.glob("*.json") if not path.name.startswith("."))


def load_models(folder: Path, workspace_id: str) -> list[tuple[str, dict[str, Any]]]:
    """
    Return `(model_id, document)` of every model of a workspace.

    To load the valid models although one is corrupt, call `load_model` for each of `model_paths`.

    Raises:
        ModelDocumentError: If a file is corrupt; all are read first, and it names every corrupt file.
    """
    documents: list[tuple[str, dict[str, Any]]] = []
    problems: list[str] = []
    for path in model_paths(folder, workspace_id):
        try:
            documents.append((path.stem, load_model(path)))
        except ModelDocumentError as exc:
            problems.extend(exc.problems)
    if problems:
        raise ModelDocumentError(*problems)
    return documents


def _finite(text: str) -> float:
    """Return the float nearest to *text*; infinity is refused, as JSON cannot express it."""
    number = float(text)
    if math.isinf(number):
        raise ValueError("a number with too large an exponent")
    return number
