"""Reads a provider's own words out of a refusal, from well-known fields only."""

from collections.abc import Iterator, Mapping
from typing import Any

from integrations.contracts.display import printable
from integrations.contracts.errors import PayloadError
from integrations.runtime.answers import RawAnswer, parse_json

_MOST_CHARACTERS = 200
_MOST_NESTING = 4


def provider_message(answer: RawAnswer) -> str:
    """
    Return what the provider says is wrong, in at most 200 characters; empty if nothing.

    Read are the error bodies of Xero (`Elements[].ValidationErrors[].Message`, `Detail`,
    `Message`), Gusto (`errors[].message` and `category` or `error_key`) and QuickBooks
    (`Fault.Error[]`, in both casings that it sends). No other field is repeated.
    """
    payload = _payload(answer)
    texts = dict.fromkeys(filter(None, map(one_line, _texts(payload))))
    return one_line("; ".join(texts))


def missing_scope(answer: RawAnswer) -> str | None:
    """
    Return the scope that Gusto's `missing_oauth_scopes` names; None if it is another refusal.

    Empty if the scope is not named. Source: docs.gusto.com, "Errors".
    """
    for error in _errors(_payload(answer)):
        if error.get("category") == "missing_oauth_scopes":
            name = _fields(error.get("metadata")).get("missing_scope_name")
            return one_line(name) if isinstance(name, str) else ""
    return None


def one_line(text: str, most: int = _MOST_CHARACTERS) -> str:
    """Return *text* with single spaces, other control characters as escapes, cut to length."""
    plain = printable(" ".join(text.split()))
    return plain if len(plain) <= most else f"{plain[: most - 3]}..."


def _payload(answer: RawAnswer) -> Mapping[str, Any]:
    try:
        return _fields(parse_json(answer, answer.url))
    except PayloadError:
        return {}


def _texts(payload: Mapping[str, Any]) -> Iterator[str]:
    found = False
    for text in (*_validation(payload), *_listed(payload), *_fault(payload)):
        found = True
        yield text
    if not found:
        yield _first_text(payload, "detail", "message")


def _validation(payload: Mapping[str, Any]) -> Iterator[str]:
    for element in _items(payload.get("elements")):
        for error in _items(element.get("validationerrors")):
            yield _first_text(error, "message")


def _listed(payload: Mapping[str, Any]) -> Iterator[str]:
    for error in _errors(payload):
        message = _first_text(error, "message")
        category = _first_text(error, "category", "error_key")
        yield f"{message} ({category})" if message and category else message or category


def _fault(payload: Mapping[str, Any]) -> Iterator[str]:
    for error in _items(_fields(payload.get("fault")).get("error")):
        yield _first_text(error, "detail", "message")


def _errors(payload: Mapping[str, Any], depth: int = 0) -> Iterator[Mapping[str, Any]]:
    for error in _items(payload.get("errors")):
        yield error
        if depth < _MOST_NESTING:
            yield from _errors(error, depth + 1)


def _items(value: Any) -> list[Mapping[str, Any]]:
    return [_fields(item) for item in value] if isinstance(value, list) else []


def _fields(value: Any) -> Mapping[str, Any]:
    return {key.lower(): item for key, item in value.items()} if isinstance(value, dict) else {}


def _first_text(fields: Mapping[str, Any], *names: str) -> str:
    for name in names:
        value = fields.get(name)
        if isinstance(value, str) and value.strip():
            return value
    return ""
