"""Turns an answer that is no success into the error that says what to do."""

import logging
from http import HTTPStatus
from itertools import islice

from pydantic import SecretStr

from integrations.contracts.display import printable
from integrations.contracts.errors import (
    AccessDeniedError,
    ConfigurationError,
    IntegrationError,
    PayloadError,
    ProviderUnavailableError,
    ReconnectRequiredError,
    RequestRefusedError,
    TooSlowError,
)
from integrations.contracts.facts import ApiFacts
from integrations.contracts.refusals import RefusalReader, RefusedAnswer
from integrations.runtime.answers import RawAnswer, parse_json
from integrations.runtime.retry import trouble_of

_MOST_CHARACTERS = 200
_MOST_TEXTS = 1000
"""More would not fit into the characters, unless most of them are empty or equal."""

_log = logging.getLogger(__name__)


def provider_message(
    reader: RefusalReader, answer: RawAnswer, token: SecretStr | None = None
) -> str:
    """
    Return what the provider says is wrong, in at most 200 characters; empty if nothing.

    Args:
        reader: Knows the provider's error answers.
        answer: Any answer that is no success.
        token: Replaced by `***` where the provider repeats it.
    """
    try:
        read = islice(reader.messages(_refused(answer)), _MOST_TEXTS)
        texts = dict.fromkeys(one_line(_without(token, text)) for text in read)
    except Exception as exc:  # noqa: BLE001 -- a faulty reader must not hide the refusal itself
        _log_faulty(reader, exc)
        return ""
    return one_line("; ".join(filter(None, texts)))


def missing_scope(
    reader: RefusalReader, answer: RawAnswer, token: SecretStr | None = None
) -> str | None:
    """
    Return the scope that a 401 or 403 says is missing; None if it is another refusal.

    Empty if the scope is not named. The arguments are those of `provider_message`.
    """
    try:
        scope = reader.missing_scope(_refused(answer))
        return None if scope is None else one_line(_without(token, scope))
    except Exception as exc:  # noqa: BLE001 -- as above
        _log_faulty(reader, exc)
        return None


def one_line(text: str, most: int = _MOST_CHARACTERS) -> str:
    """Return *text* with single spaces, other control characters as escapes, cut to length."""
    plain = printable(" ".join(text.split()))
    return plain if len(plain) <= most else f"{plain[: most - 3]}..."


def _refused(answer: RawAnswer) -> RefusedAnswer:
    try:
        payload = parse_json(answer, answer.url)
    except PayloadError:
        payload = None
    return RefusedAnswer(answer.status, answer.headers, payload)


def _without(token: SecretStr | None, text: str) -> str:
    secret = token.get_secret_value() if token else ""
    return text.replace(secret, "***") if secret else text


def _log_faulty(reader: RefusalReader, exc: Exception) -> None:
    # Without the exception's text, which may repeat what the answer holds.
    kind = f"{type(reader).__module__}.{type(reader).__qualname__}"
    _log.warning("%s could not read an error answer: %s", kind, type(exc).__name__)


_DEFAULT_WAIT_S = 60.0


def trace_note(answer: RawAnswer, trace_header: str | None) -> str:
    """Return ` (X-Request-Id: abc)`, for the provider's support; empty if there is none."""
    value = one_line(answer.headers.get((trace_header or "").lower(), ""), 80)
    return f" ({trace_header}: {value})" if value else ""


def error_for(
    answer: RawAnswer,
    where: str,
    api: ApiFacts,
    *,
    asked_s: float | None = None,
    token: SecretStr | None = None,
) -> IntegrationError:
    """
    Return the error for an answer outside 2xx. Nothing is raised here.

    Args:
        answer: Any answer that is no success.
        where: Provider, method and path: `Xero: GET api.xro/2.0/Organisation`.
        api: How the provider words its error answers, and the trace header.
        asked_s: What the provider asked for in `Retry-After`.
        token: Hidden should the provider repeat it in its message.
    """
    message = provider_message(api.refusals, answer, token)
    said = f": {message}" if message else ""
    end = f"{said}{trace_note(answer, api.trace_header)}"
    status = answer.status
    if status == HTTPStatus.TOO_MANY_REQUESTS:
        text = f"{where}: the provider throttles us (429){end}"
        return ProviderUnavailableError(text, retry_after_s=asked_s or _DEFAULT_WAIT_S)
    if trouble_of(status) is not None:
        text = f"{where}: the provider is down or faulty ({status}){end}"
        slow = status == HTTPStatus.GATEWAY_TIMEOUT
        kind = TooSlowError if slow else ProviderUnavailableError
        return kind(text, retry_after_s=asked_s or _DEFAULT_WAIT_S)
    if status in {HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN}:
        return _denied(answer, where, missing_scope(api.refusals, answer, token), end)
    if status == HTTPStatus.NOT_ACCEPTABLE:
        return ConfigurationError(
            f"{where}: the provider no longer serves the API version or format that this "
            f"integration asks for (406); update the integration{end}"
        )
    if HTTPStatus.MULTIPLE_CHOICES <= status < HTTPStatus.BAD_REQUEST:
        text = f"{where}: expected an answer, found a redirect ({status}), which is not followed"
        return RequestRefusedError(f"{text}{trace_note(answer, api.trace_header)}", status=status)
    return RequestRefusedError(
        f"{where}: the provider refuses the request ({status}){end}", status=status
    )


def _denied(answer: RawAnswer, where: str, scope: str | None, end: str) -> IntegrationError:
    if scope is not None:
        name = f" {scope!r}" if scope else ""
        return AccessDeniedError(
            f"{where}: the connection lacks a scope{name} that this request needs; add it to "
            f"the app's scopes and connect again ({answer.status}){end}"
        )
    if answer.status == HTTPStatus.FORBIDDEN:
        return AccessDeniedError(f"{where}: the provider denies access (403){end}")
    return ReconnectRequiredError(
        f"{where}: the provider refuses a token that was just refreshed (401); connect again{end}"
    )
