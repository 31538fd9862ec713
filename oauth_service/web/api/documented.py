"""What the OpenAPI document promises of more than one route: names in paths, and problems."""

from http import HTTPStatus
from typing import Annotated, Any

from pydantic import StringConstraints, WithJsonSchema

from integrations.contracts import INTEGRATION_NAME_PATTERN, WORKSPACE_ID_PATTERN
from oauth_service.web.api.problems import MEDIA_TYPE

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
