"""The problem documents that the OpenAPI document promises."""

from http import HTTPStatus
from typing import Any

from oauth_service.problems import MEDIA_TYPE

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
