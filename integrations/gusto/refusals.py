"""Gusto's error answers: a list of errors that may hold further ones (docs.gusto.com, "Errors")."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from integrations.contracts import RefusalReader, RefusedAnswer

_MOST_NESTING = 4


class GustoRefusalReader(RefusalReader):
    """Reads `errors[]` at every depth, each as `message (category)`."""

    def messages(self, refused: RefusedAnswer) -> Iterable[str]:
        """Return the message and category of each error, nested ones after their parent."""
        errors = tuple(_errors(refused.payload))
        return map(_described, errors) if errors else super().messages(refused)

    def missing_scope(self, refused: RefusedAnswer) -> str | None:
        """Return the scope that the category `missing_oauth_scopes` names."""
        for error in _errors(refused.payload):
            if error.get("category") == "missing_oauth_scopes":
                metadata = error.get("metadata")
                named = metadata if isinstance(metadata, dict) else {}
                return _text(named, "missing_scope_name")
        return super().missing_scope(refused)


def _errors(payload: Any, depth: int = 0) -> Iterator[Mapping[str, Any]]:
    listed = payload.get("errors") if isinstance(payload, dict) else None
    for error in listed if isinstance(listed, list) else ():
        if isinstance(error, dict):
            yield error
            if depth < _MOST_NESTING:
                yield from _errors(error, depth + 1)


def _described(error: Mapping[str, Any]) -> str:
    message = _text(error, "message")
    category = _text(error, "category") or _text(error, "error_key")
    return f"{message} ({category})" if message and category else message or category


def _text(fields: Mapping[str, Any], name: str) -> str:
    value = fields.get(name)
    return value if isinstance(value, str) and value.strip() else ""
