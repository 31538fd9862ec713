"""`RawAnswer`: what came back over the wire, and how its JSON is read."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from integrations.contracts.errors import PayloadError
from integrations.contracts.numbers import load_json

_CONTENT_TYPE = re.compile(r"[\w.+-]{1,40}/[\w.+-]{1,40}", re.ASCII)
_UNSTORABLE = re.compile("[\0\ud800-\udfff]")
_MAY_NOT_BE_STORABLE = re.compile(rb"\\u(?:0000|[dD][89a-fA-F])|\xed[\xa0-\xbf]|\0")
"""Its escapes in JSON, bytes of a surrogate in UTF-8, and of any other encoding than UTF-8."""


@dataclass(frozen=True, slots=True)
class RawAnswer:
    """
    An HTTP answer of any status. Printed without headers and body: they may hold secrets.

    Attributes:
        headers: Lower-case names.
        body: Decompressed bytes.
        url: What was asked, without query and user information.
    """

    status: int
    headers: Mapping[str, str] = field(repr=False)
    body: bytes = field(repr=False)
    url: str

    def json(self) -> Any:
        """
        Return the parsed body with every fraction as `Decimal`.

        Raises:
            PayloadError: If it is not JSON, such as an HTML page or a truncated body.
        """
        return parse_json(self, self.url)


def parse_json(answer: RawAnswer, where: str, *, odd_as_text: bool = False) -> Any:
    """
    Return the parsed body of *answer* with every fraction as `Decimal`.

    NUL and half of a surrogate pair, which no database stores, become U+FFFD in its texts.

    Args:
        answer: Whose body is read.
        where: Names the request in errors.
        odd_as_text: Numbers out of bounds arrive as text; see `contracts.numbers.load_json`.

    Raises:
        PayloadError: If it is not JSON, or has numbers or nesting out of bounds. *where*, kind
            and length are named, never the content.
    """
    try:
        parsed = load_json(answer.body, odd_as_text=odd_as_text)
        return _storable(parsed) if _MAY_NOT_BE_STORABLE.search(answer.body) else parsed
    except ValueError:
        # Not chained: a JSONDecodeError carries the whole document.
        raise PayloadError(f"{where}: expected JSON, found {_described(answer)}") from None


def _storable(value: Any) -> Any:
    if isinstance(value, str):
        return _UNSTORABLE.sub("\N{REPLACEMENT CHARACTER}", value)
    if isinstance(value, list):
        return [_storable(item) for item in value]
    if isinstance(value, dict):
        return {key: _storable(item) for key, item in value.items()}
    return value


def _described(answer: RawAnswer) -> str:
    start = answer.body[:200].lstrip(b"\xef\xbb\xbf \t\r\n")
    if not start:
        kind = "an empty body"
    elif start[:1] == b"<":
        kind = "HTML" if b"html" in start.lower() else "markup"
    elif start[:1] in b'{["':
        kind = "broken or truncated JSON"
    else:
        kind = "other content"
    type_ = _CONTENT_TYPE.match(answer.headers.get("content-type", ""))
    sent_as = f", sent as {type_.group()}" if type_ else ""
    return f"{kind} ({len(answer.body)} bytes{sent_as})"
