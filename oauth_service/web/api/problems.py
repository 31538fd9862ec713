"""Problem documents (RFC 9457) for the API."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Annotated, Any

from fastapi.responses import JSONResponse
from pydantic import StringConstraints, WithJsonSchema

from integrations.contracts import (
    INTEGRATION_NAME_PATTERN,
    WORKSPACE_ID_PATTERN,
    ConfigurationError,
    IntegrationError,
    NotConnectedError,
    ProviderUnavailableError,
    ReconnectRequiredError,
)
from oauth_service.security.crypto import UnreadableTokensError

WorkspaceId = Annotated[str, StringConstraints(pattern=WORKSPACE_ID_PATTERN)]
WorkspaceIdOfPath = Annotated[
    str, WithJsonSchema({"type": "string", "pattern": WORKSPACE_ID_PATTERN})
]
"""Looked at by the route, after the key: its answer says what a workspace id looks like."""
SlugOfPath = Annotated[
    str, WithJsonSchema({"type": "string", "pattern": INTEGRATION_NAME_PATTERN, "maxLength": 64})
]
"""Looked up by the route: what names no integration is 404, with those that are installed."""

_TEXT = {"type": "string"}
_PROBLEM = {
    "title": "Problem",
    "description": "RFC 9457. `code` is stable; `detail` is for people.",
    "type": "object",
    "required": ["type", "code", "title", "status", "detail"],
    "properties": {
        "type": _TEXT,
        "code": _TEXT,
        "title": _TEXT,
        "status": {"type": "integer"},
        "detail": _TEXT,
        "connect_url": {**_TEXT, "description": "where a person can connect (status 409)"},
    },
}


def problems(*statuses: HTTPStatus) -> dict[int | str, dict[str, Any]]:
    """Return what a route's `responses` say: a problem document for each of *statuses*."""
    content = {MEDIA_TYPE: {"schema": _PROBLEM}}
    return {
        int(status): {"description": status.phrase, "content": content}
        for status in (HTTPStatus.TOO_MANY_REQUESTS, *statuses)
    }


MEDIA_TYPE = "application/problem+json"


@dataclass
class ProblemError(Exception):
    """
    Ends an API request with a problem document.

    Attributes:
        code: Stable name of the kind of problem; its `type` is `urn:zebbra:problem:<code>`.
        title: The same for people.
        detail: This occurrence.
        extra: Further members.
    """

    status: HTTPStatus
    code: str
    title: str
    detail: str
    headers: Mapping[str, str] = field(default_factory=dict)
    extra: Mapping[str, Any] = field(default_factory=dict)

    def response(self) -> JSONResponse:
        """Return the document."""
        return JSONResponse(
            {
                "type": f"urn:zebbra:problem:{self.code}",
                "code": self.code,
                "title": self.title,
                "status": int(self.status),
                "detail": self.detail,
                **self.extra,
            },
            status_code=self.status,
            headers=dict(self.headers),
            media_type=MEDIA_TYPE,
        )


def wrong_key() -> ProblemError:
    return ProblemError(
        HTTPStatus.UNAUTHORIZED,
        "unauthorized",
        "The service key is missing or wrong",
        "send the service key as 'Authorization: Bearer <ZEBBRA_SERVICE_KEY>'",
        headers={"WWW-Authenticate": "Bearer"},
    )


def other_workspace() -> ProblemError:
    return ProblemError(
        HTTPStatus.FORBIDDEN,
        "other_workspace",
        "This session is for another workspace",
        "a connect link opens one workspace only",
    )


def unknown_workspace(workspace_id: str) -> ProblemError:
    return ProblemError(
        HTTPStatus.NOT_FOUND,
        "unknown_workspace",
        "There is no such workspace",
        f"no workspace called {workspace_id[:80]!r}; a connect link makes it known",
    )


def unknown_integration(detail: str) -> ProblemError:
    return ProblemError(
        HTTPStatus.NOT_FOUND, "unknown_integration", "There is no such integration", detail
    )


def invalid(detail: str) -> ProblemError:
    return ProblemError(
        HTTPStatus.UNPROCESSABLE_ENTITY, "invalid_request", "The request is malformed", detail
    )


def of_error(error: IntegrationError, *, connect_url: str) -> ProblemError:
    """
    Return the problem that stands for *error*.

    Args:
        error: What the token endpoint, the store or the settings led to.
        connect_url: Link for the person who can connect.
    """
    detail = str(error)
    if isinstance(error, ReconnectRequiredError):
        return ProblemError(
            HTTPStatus.CONFLICT,
            "requires_reconnect",
            "The connection must be made again",
            detail,
            extra={"connect_url": connect_url},
        )
    if isinstance(error, NotConnectedError):
        return ProblemError(
            HTTPStatus.CONFLICT,
            "not_connected",
            "The workspace has not connected this integration",
            detail,
            extra={"connect_url": connect_url},
        )
    if isinstance(error, ProviderUnavailableError):
        return ProblemError(
            HTTPStatus.SERVICE_UNAVAILABLE,
            "provider_unavailable",
            "The provider gives no tokens at the moment",
            detail,
            headers={"Retry-After": str(max(1, math.ceil(error.retry_after_s)))},
        )
    if isinstance(error, UnreadableTokensError):
        return ProblemError(
            HTTPStatus.INTERNAL_SERVER_ERROR,
            "configuration",
            "The stored tokens cannot be read",
            detail,
        )
    if isinstance(error, ConfigurationError):
        return ProblemError(
            HTTPStatus.BAD_GATEWAY,
            "configuration",
            "The operator's app at the provider needs attention",
            detail,
        )
    return ProblemError(
        HTTPStatus.BAD_GATEWAY, "provider_answer", "The provider's answer is not understood", detail
    )


def store_away() -> ProblemError:
    return ProblemError(
        HTTPStatus.SERVICE_UNAVAILABLE,
        "store_unavailable",
        "The service's database does not answer",
        "ask again later; connections are kept, and the service's log says what is wrong",
        headers={"Retry-After": "10"},
    )


def of_status(status: int) -> ProblemError:
    """Return the problem of a bare HTTP status."""
    known = HTTPStatus(status)
    code = known.phrase.lower().replace(" ", "_")
    return ProblemError(known, code, known.phrase, known.description or known.phrase)
