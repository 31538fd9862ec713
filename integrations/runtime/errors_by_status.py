"""Turns an answer that is no success into the error that says what to do."""

from http import HTTPStatus

from pydantic import SecretStr

from integrations.contracts.errors import (
    AccessDeniedError,
    ConfigurationError,
    IntegrationError,
    ProviderUnavailableError,
    ReconnectRequiredError,
    RequestRefusedError,
    TooSlowError,
)
from integrations.contracts.facts import ApiFacts
from integrations.runtime.answers import RawAnswer
from integrations.runtime.provider_messages import missing_scope, one_line, provider_message
from integrations.runtime.retry import trouble_of

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
