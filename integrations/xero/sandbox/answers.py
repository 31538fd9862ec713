"""Answers and refusals in Xero's words, headers included."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import uuid4

from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, PlainTextResponse, Response

from integrations.sandbox_kit import Access, Refusal
from integrations.xero.sandbox.entities import microsoft

_PROVIDER = "Zebbra sandbox (not real data)"
_OK, _BAD_REQUEST, _UNAUTHORIZED, _FORBIDDEN, _NOT_FOUND = 200, 400, 401, 403, 404
_TOO_MANY, _SERVER_ERROR = 429, 500


def answered(request: Request, content: Mapping[str, Any], *, now: datetime) -> Response:
    """Return data as JSON to those who ask for it, and as XML to all others."""
    if "json" not in request.headers.get("accept", ""):
        xml = f"<Response><Status>OK</Status><ProviderName>{_PROVIDER}</ProviderName></Response>"
        return Response(xml, media_type="text/xml")
    envelope = {
        "Id": str(uuid4()),
        "Status": "OK",
        "ProviderName": _PROVIDER,
        "DateTimeUTC": microsoft(now),
    }
    return JSONResponse({**envelope, **content}, status_code=_OK)


def invalid(message: str) -> Response:
    """Return the refusal of a parameter."""
    return JSONResponse(
        {
            "ErrorNumber": 10,
            "Type": "ValidationException",
            "Message": "A validation exception occurred",
            "Elements": [{"ValidationErrors": [{"Message": message}]}],
        },
        status_code=_BAD_REQUEST,
    )


def unauthorized(access: Access) -> Response:
    """Return the refusal of a token, with the reason where Xero gives one."""
    detail = "AuthenticationUnsuccessful"
    if access.problem == "expired" and access.expires_at is not None:
        detail = f"TokenExpired: token expired at {access.expires_at:%m/%d/%Y %H:%M:%S}"
    return _problem(_UNAUTHORIZED, "Unauthorized", detail)


def lacks_scope() -> Response:
    """Return the refusal of a token without the scope; Xero's header is misspelt like this."""
    response = _problem(_UNAUTHORIZED, "Unauthorized", "AuthorizationUnsuccessful")
    response.headers["WWW-Authenticate"] = "insufficent_scope"
    return response


def forbidden() -> Response:
    """Return the refusal of an organisation that the token does not cover."""
    return _problem(_FORBIDDEN, "Forbidden", "AuthenticationUnsuccessful")


def not_found() -> Response:
    """Return what an unknown report or connection gets."""
    return PlainTextResponse(
        "The resource you're looking for cannot be found", status_code=_NOT_FOUND
    )


def throttled(refusal: Refusal) -> Response:
    """Return the refusal of a call over a limit: an empty body, the reason in headers."""
    headers = {"X-Rate-Limit-Problem": refusal.name}
    if refusal.retry_after_s is not None:
        headers["Retry-After"] = str(refusal.retry_after_s)
    return Response(status_code=_TOO_MANY, headers=headers)


def failed(status: int) -> Response:
    """Return what Xero answers with a given error status."""
    if status == _UNAUTHORIZED:
        return _problem(status, "Unauthorized", "AuthenticationUnsuccessful")
    if status == _FORBIDDEN:
        return forbidden()
    if status == _BAD_REQUEST:
        return invalid("The request was not valid")
    if status == _SERVER_ERROR:
        return HTMLResponse("<html><body>An error occurred</body></html>", status_code=status)
    return PlainTextResponse(
        "The Xero API is currently offline for maintenance", status_code=status
    )


def _problem(status: int, title: str, detail: str) -> JSONResponse:
    return JSONResponse(
        {
            "Type": None,
            "Title": title,
            "Status": status,
            "Detail": detail,
            "Instance": str(uuid4()),
            "Extensions": {},
        },
        status_code=status,
    )
