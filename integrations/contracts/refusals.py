"""`RefusalReader`: where an API's error answers say what is wrong, and which scope is missing."""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import chain
from typing import Any

STANDARD_PATHS = (
    "errors[].message|detail|title",  # JSON:API, and many others
    "detail",  # RFC 9457
    "message",
    "error_description",  # RFC 6749 and RFC 6750
    "error.message",
    "title",  # RFC 9457
)
"""Where most APIs put their error texts; tried after a provider's own paths."""

_PATH = re.compile(r"([\w-]+(\[\])?\.)*[\w-]+(\[\])?(\|[\w-]+(\[\])?)*")
_INSUFFICIENT_SCOPE = "insufficient_scope"
_SCOPE = re.compile(r'scope="([^"]{1,120})"')


@dataclass(frozen=True, slots=True)
class RefusedAnswer:
    """
    An answer of the data API outside 2xx. Printed without headers and payload.

    Attributes:
        headers: Lower-case names.
        payload: Parsed JSON; None if the body is empty or not JSON.
    """

    status: int
    headers: Mapping[str, str] = field(repr=False)
    payload: Any = field(repr=False)


@dataclass(frozen=True, slots=True)
class RefusalReader:
    """
    How the provider's data API words its error answers.

    The defaults read the standard fields (`STANDARD_PATHS`) and RFC 6750's challenge. An API
    that only uses other field names needs `message_paths`; one with a structure that paths
    cannot express overrides `messages`. Error answers hold customers' data as well, so only
    named fields are read. The runtime limits each text to 200 printable characters and
    removes the access token from it.

    Attributes:
        message_paths: Where the error texts are, tried in order before the standard paths;
            the first path with a text is used. A path is made of field names with dots
            between them, in any casing. `[]` after a name reads each item of a list, and `|`
            between the last names gives alternatives: `Fault.Error[].Detail|Message`.
        scope_errors: Further words for RFC 6750's `insufficient_scope` in the
            `WWW-Authenticate` header, in lower case.
    """

    message_paths: tuple[str, ...] = ()
    scope_errors: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        """Refuse paths that could never match."""
        for name, values in (
            ("message_paths", self.message_paths),
            ("scope_errors", self.scope_errors),
        ):
            if isinstance(values, str):
                raise TypeError(f"{name}: expected a tuple of texts, found a single text")
        for path in self.message_paths:
            if not _PATH.fullmatch(path):
                raise ValueError(
                    f"message_paths: {path!r}: expected field names such as 'errors[].text|code'"
                )

    def messages(self, refused: RefusedAnswer) -> Iterable[str]:
        """Return what the provider says is wrong, in its order; empty if it says nothing."""
        for path in (*self.message_paths, *STANDARD_PATHS):
            found = _texts_at(refused.payload, path)
            first = next(found, None)
            if first is not None:
                return chain((first,), found)
        return ()

    def missing_scope(self, refused: RefusedAnswer) -> str | None:
        """
        Return the scope that a 401 or 403 says is missing; None if it is another refusal.

        Empty if the answer does not name the scope. The client does not refresh the token
        after such an answer, since a new one would have the same scopes.
        """
        challenge = refused.headers.get("www-authenticate", "")
        words = (_INSUFFICIENT_SCOPE, *self.scope_errors)
        if not any(word in challenge.lower() for word in words):
            return None
        named = _SCOPE.search(challenge)
        return named.group(1) if named else ""


def _texts_at(payload: Any, path: str) -> Iterator[str]:
    *parents, last = path.split(".")
    items = iter((payload,))
    for segment in parents:
        items = _below(items, segment)
    for item in items:
        for name in last.split("|"):
            texts = [text for text in _children(item, name) if isinstance(text, str)]
            texts = [text for text in texts if text.strip()]
            if texts:
                yield from texts
                break


def _below(items: Iterable[Any], segment: str) -> Iterator[Any]:
    return chain.from_iterable(_children(item, segment) for item in items)


def _children(item: Any, segment: str) -> list[Any]:
    """Return the field's value, or its items if *segment* ends with `[]`."""
    if not isinstance(item, dict):
        return []
    name = segment.removesuffix("[]").lower()
    values = [value for key, value in item.items() if key.lower() == name]
    if segment.endswith("[]"):
        values = [child for value in values if isinstance(value, list) for child in value]
    return values
