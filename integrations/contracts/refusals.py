"""`RefusalReader`: reads the messages and the missing scope of an API's error answers."""

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
"""Where most APIs put error messages; tried after a provider's own paths."""

_PATH = re.compile(r"([\w-]+(\[\])?\.)*[\w-]+(\[\])?(\|[\w-]+(\[\])?)*")
_INSUFFICIENT_SCOPE = "insufficient_scope"
_SCOPE = re.compile(r'scope="([^"]{1,120})"')


@dataclass(frozen=True, slots=True)
class RefusedAnswer:
    """
    An answer of the data API other than 2xx. Its repr omits headers and payload.

    Attributes:
        status: HTTP status.
        headers: Response headers, by lower-case name.
        payload: Parsed JSON; None if the body is empty or not JSON.
    """

    status: int
    headers: Mapping[str, str] = field(repr=False)
    payload: Any = field(repr=False)


@dataclass(frozen=True, slots=True)
class RefusalReader:
    """
    The format of the error answers of a provider's data API.

    The defaults read the standard fields (`STANDARD_PATHS`) and the challenge of RFC 6750. Set
    `message_paths` for an API with other field names; override `messages` for a structure that
    paths cannot express. Error answers also contain customers' data, so only named fields are
    read. The runtime limits each message to 200 printable characters and removes the access
    token from it.

    Attributes:
        message_paths: Paths of the error messages, tried in order before the standard paths;
            the first path with a text is used. A path consists of field names joined by dots,
            in any case. `[]` after a name reads each item of a list, and `|` between the last
            names separates alternatives: `Fault.Error[].Detail|Message`.
        scope_errors: Other error codes with the meaning of RFC 6750's `insufficient_scope` in
            the `WWW-Authenticate` header, in lower case.

    Raises:
        TypeError: If an attribute is a single text instead of a tuple.
        ValueError: If a path is malformed.
    """

    message_paths: tuple[str, ...] = ()
    scope_errors: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        """Check the types and the syntax of the paths."""
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
        """
        Return the error messages of *refused*, in the provider's order.

        Empty if there are none.
        """
        for path in (*self.message_paths, *STANDARD_PATHS):
            found = _texts_at(refused.payload, path)
            first = next(found, None)
            if first is not None:
                return chain((first,), found)
        return ()

    def missing_scope(self, refused: RefusedAnswer) -> str | None:
        """
        Return the missing scope of a 401 or 403; None if the answer has another cause.

        Empty if a scope is missing and the answer does not name it. The client does not refresh
        the token after such an answer, since a new one would have the same scopes.
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
