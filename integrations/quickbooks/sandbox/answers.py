"""
Answers and refusals in QuickBooks' words.

A refused token comes as `{"fault": {"error": [{"message", ...}]}}`, a refused request as
`{"Fault": {"Error": [{"Message", ...}]}}`. Everything comes in XML to those who do not ask for
JSON.
"""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response

from integrations.sandbox_kit import Access, Refusal

_BAD_REQUEST, _UNAUTHORIZED, _FORBIDDEN = 400, 401, 403
_TOO_MANY, _GATEWAY_TIMEOUT = 429, 504
_NAMESPACE = "http://schema.intuit.com/finance/v3"


def answered(request: Request, content: Mapping[str, Any]) -> Response:
    """Return data as JSON to those who ask for it, and as XML to all others."""
    if "json" not in request.headers.get("accept", ""):
        xml = f'<IntuitResponse xmlns="{_NAMESPACE}">not real data</IntuitResponse>'
        return Response(xml, media_type="application/xml")
    return JSONResponse(content)


def unauthorized(request: Request, access: Access) -> Response:
    """Return the refusal of a token."""
    detail = {
        "expired": "Token expired",
        "ended": "Token revoked",
    }.get(str(access.problem), "Malformed bearer token: too short or too long")
    if "json" not in request.headers.get("accept", ""):
        xml = (
            f'<IntuitResponse xmlns="{_NAMESPACE}"><Fault type="AUTHENTICATION">'
            f'<Error code="3200"><Message>message=AuthenticationFailed; errorCode=003200; '
            f"statusCode=401</Message><Detail>{detail}</Detail></Error></Fault></IntuitResponse>"
        )
        return Response(xml, status_code=_UNAUTHORIZED, media_type="application/xml")
    return _refused_token(detail)


def forbidden() -> Response:
    """Return the refusal of a company that the token does not cover."""
    return _lower_case(_FORBIDDEN, "SERVICE", "ApplicationAuthorizationFailed", "3100", None)


def invalid(detail: str) -> Response:
    """Return the refusal of a request."""
    return _upper_case(
        _BAD_REQUEST, "ValidationFault", "Invalid or unsupported parameter", "2010", detail
    )


def not_found() -> Response:
    """Return what an unknown report or object gets."""
    return _upper_case(
        _BAD_REQUEST, "ValidationFault", "Object Not Found", "610", "Object Not Found"
    )


def throttled(_refusal: Refusal) -> Response:
    """Return the refusal of a call over a limit; nothing says how long to wait."""
    return _upper_case(
        _TOO_MANY,
        "THROTTLE",
        "message=ThrottleExceeded; errorCode=003001; statusCode=429",
        "3001",
        None,
    )


def timed_out() -> Response:
    """Return what the gateway says when a report takes too long."""
    return PlainTextResponse("upstream request timeout", status_code=_GATEWAY_TIMEOUT)


def failed(status: int) -> Response:
    """Return what QuickBooks answers with a given error status."""
    special: Mapping[int, Callable[[], Response]] = {
        _UNAUTHORIZED: lambda: _refused_token(None),
        _FORBIDDEN: forbidden,
        _BAD_REQUEST: lambda: invalid("The request was not valid"),
        _TOO_MANY: lambda: throttled(Refusal("minute", None)),
        _GATEWAY_TIMEOUT: timed_out,
    }
    if status in special:
        return special[status]()
    return _upper_case(
        status, "SystemFault", "An application error has occurred", "10000", "Unexpected error"
    )


def _refused_token(detail: str | None) -> JSONResponse:
    return _lower_case(_UNAUTHORIZED, "AUTHENTICATION", "AuthenticationFailed", "3200", detail)


def _lower_case(
    status: int, type_: str, message: str, code: str, detail: str | None
) -> JSONResponse:
    error = {
        "message": f"message={message}; errorCode=00{code}; statusCode={status}",
        "detail": detail,
        "code": code,
        "element": None,
    }
    return JSONResponse(
        {
            "warnings": None,
            "intuitObject": None,
            "fault": {"error": [error], "type": type_},
            "report": None,
            "queryResponse": None,
            "batchItemResponse": [],
            "attachableResponse": [],
            "syncErrorResponse": None,
            "requestId": None,
            "time": int(datetime.now(UTC).timestamp() * 1000),
            "status": None,
            "cdcresponse": [],
        },
        status_code=status,
    )


def _upper_case(
    status: int, type_: str, message: str, code: str, detail: str | None
) -> JSONResponse:
    error = {"Message": message, "Detail": detail, "code": code, "element": ""}
    return JSONResponse(
        {
            "Fault": {"Error": [error], "type": type_},
            "time": datetime.now(UTC).isoformat(timespec="milliseconds"),
        },
        status_code=status,
    )
