"""Classifies the answers of token endpoints by what to do next. Only `ask` does I/O."""

import asyncio
import logging
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from http import HTTPStatus
from typing import Any

from authlib.oauth2.rfc6749 import (  # type: ignore[import-untyped]
    InvalidClientError,
    InvalidGrantError,
    InvalidScopeError,
    UnauthorizedClientError,
)

from integrations.contracts import (
    ConfigurationError,
    IntegrationPlugin,
    OutboundRequest,
    PayloadError,
    ProviderUnavailableError,
    TokenSet,
)
from integrations.contracts.numbers import usable_lifetime_s
from integrations.runtime.answers import parse_json
from integrations.runtime.http import HttpSession, RawAnswer
from integrations.runtime.retry import retry_after_s

_MOST_BYTES = 1_000_000
"""Size limit of a decompressed token answer; a pair takes a few kilobytes."""
_log = logging.getLogger(__name__)
_ERROR_CODE = re.compile(r"[a-z_]{1,40}")
_TEMPORARY = frozenset({"server_error", "temporarily_unavailable", "slow_down"})
_SETTINGS = {
    InvalidClientError.error: "{slug}_CLIENT_ID and {slug}_CLIENT_SECRET",
    UnauthorizedClientError.error: "{slug}_CLIENT_ID (the app's type and permissions at the provider)",
    InvalidScopeError.error: "{slug}_SCOPES",
}
_OTHER_SETTINGS = "{slug}_CLIENT_ID and the app's settings at the provider"


@dataclass(frozen=True, slots=True)
class Granted:
    """The provider issued a new token pair."""

    tokens: TokenSet = field(repr=False)
    trace_id: str | None = None


@dataclass(frozen=True, slots=True)
class GrantRefused:
    """`invalid_grant`: the provider rejected the code or refresh token."""

    detail: str
    trace_id: str | None = None


@dataclass(frozen=True, slots=True)
class AppRefused:
    """
    The provider rejected the operator's app; the connection itself may be fine.

    Attributes:
        detail: Error code or status.
        settings: Names of the settings to check.
        trace_id: Request id for the provider's support.
    """

    detail: str
    settings: str
    trace_id: str | None = None


@dataclass(frozen=True, slots=True)
class Unavailable:
    """
    There is no usable answer; the same request may work later.

    Attributes:
        detail: Error code, status or description.
        asked_s: `Retry-After` of the provider in seconds; None if it gave none.
        may_be_spent: Whether the provider may have processed the request nevertheless.
        trace_id: Request id for the provider's support.
    """

    detail: str
    asked_s: float | None = None
    may_be_spent: bool = False
    trace_id: str | None = None


Verdict = Granted | GrantRefused | AppRefused | Unavailable


async def ask(
    http: HttpSession,
    plugin: IntegrationPlugin,
    request: OutboundRequest,
    *,
    now: datetime,
    timeout_s: float,
    previous: TokenSet | None = None,
) -> Verdict:
    """
    Send one request to *plugin*'s token endpoint and classify its answer.

    Args:
        http: Session to send it with.
        plugin: The integration.
        request: The token or refresh request.
        now: Current time, timezone-aware.
        timeout_s: Time limit for the whole answer, in seconds.
        previous: The pair to refresh; None for an authorization code.
    """
    try:
        async with asyncio.timeout(timeout_s):
            answer = await http.send(request, timeout_s=timeout_s, most_bytes=_MOST_BYTES)
    except (ProviderUnavailableError, PayloadError, TimeoutError):
        return Unavailable("no answer", may_be_spent=True)
    except ConfigurationError:
        return AppRefused("the request cannot be sent", f"{plugin.slug.upper()}_TOKEN_URL")
    return read_answer(plugin, answer, now=now, previous=previous)


def read_answer(
    plugin: IntegrationPlugin,
    answer: RawAnswer,
    *,
    now: datetime,
    previous: TokenSet | None = None,
) -> Verdict:
    """
    Classify an answer of *plugin*'s token endpoint.

    Args:
        plugin: The integration.
        answer: Answer of any status.
        now: When the request was sent, timezone-aware.
        previous: The pair to refresh; None for an authorization code.
    """
    trace_id = _trace_id(plugin, answer)
    content = _content(answer)
    code = _error_code(plugin, content)
    if code is not None:
        return _by_code(plugin, answer, code, trace_id, now)
    if answer.status == HTTPStatus.OK:
        try:
            usable = _with_usable_lifetime(plugin, content or {})
            tokens = plugin.oauth.token_set(usable, now=now, previous=previous)
        except PayloadError:
            return Unavailable("an answer without tokens", may_be_spent=True, trace_id=trace_id)
        return Granted(tokens, trace_id)
    detail = f"status {answer.status}"
    if answer.status in (HTTPStatus.UNAUTHORIZED, HTTPStatus.NOT_FOUND):
        slug = plugin.slug.upper()
        unauthorized = answer.status == HTTPStatus.UNAUTHORIZED
        settings = _SETTINGS[InvalidClientError.error] if unauthorized else "{slug}_TOKEN_URL"
        return AppRefused(detail, settings.format(slug=slug), trace_id)
    return _unavailable(answer, detail, trace_id, now)


def _by_code(
    plugin: IntegrationPlugin, answer: RawAnswer, code: str, trace_id: str | None, now: datetime
) -> Verdict:
    if code == InvalidGrantError.error:
        return GrantRefused(code, trace_id)
    throttled = answer.status == HTTPStatus.TOO_MANY_REQUESTS
    if throttled or code in _TEMPORARY or answer.status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        return _unavailable(answer, code, trace_id, now)
    settings = _SETTINGS.get(code, _OTHER_SETTINGS).format(slug=plugin.slug.upper())
    return AppRefused(code, settings, trace_id)


def _unavailable(
    answer: RawAnswer, detail: str, trace_id: str | None, now: datetime
) -> Unavailable:
    throttled = answer.status == HTTPStatus.TOO_MANY_REQUESTS
    return Unavailable(
        detail,
        asked_s=retry_after_s(answer.headers.get("retry-after"), now=now),
        may_be_spent=not throttled,
        trace_id=trace_id,
    )


def _content(answer: RawAnswer) -> Mapping[str, Any] | None:
    try:
        content = parse_json(answer, answer.url, odd_as_text=True)
    except PayloadError:
        return None
    return content if isinstance(content, dict) else None


def _with_usable_lifetime(
    plugin: IntegrationPlugin, content: Mapping[str, Any]
) -> Mapping[str, Any]:
    """Return *content* without an unusable `expires_in`, so that no plugin reads it."""
    given = content.get("expires_in")
    if given is None or usable_lifetime_s(given) is not None:
        return content
    _log.warning(
        "%s: token answer: expires_in: expected seconds from 1 to ten years, found other %s; "
        "taken as %d s",
        plugin.name,
        "text" if isinstance(given, str) else type(given).__name__,
        plugin.oauth.access_lifetime_s,
    )
    return {name: value for name, value in content.items() if name != "expires_in"}


def _error_code(plugin: IntegrationPlugin, content: Mapping[str, Any] | None) -> str | None:
    code = plugin.oauth.token_error(content or {})
    if code is None:
        return None
    return code if _ERROR_CODE.fullmatch(code) else "an unknown error"


def _trace_id(plugin: IntegrationPlugin, answer: RawAnswer) -> str | None:
    header = plugin.oauth.trace_header
    value = answer.headers.get(header.lower()) if header else None
    return value[:100] if value else None
