"""What a request, or work without one, is about: for the lines that are logged meanwhile."""

import re
import secrets
from collections.abc import Iterable
from contextvars import ContextVar
from dataclasses import dataclass

from fastapi import Request

from integrations.contracts import check_workspace_id

HEADER = "X-Request-ID"

_HEADER = HEADER.lower().encode()
_SANE = re.compile(rb"[A-Za-z0-9._-]{1,64}")
_SLUG = re.compile(r"[a-z0-9]{1,64}")


@dataclass(slots=True)
class RequestContext:
    """
    Filled in as it becomes known; threads and tasks that a request starts share it.

    Attributes:
        request_id: The caller's own, or one that was made for it; None without a request.
        workspace: Id.
        integration: Slug.
    """

    request_id: str | None = None
    workspace: str | None = None
    integration: str | None = None


_current: ContextVar[RequestContext | None] = ContextVar("request_context", default=None)


def current() -> RequestContext | None:
    """Return what the present request, or the present task without one, is about."""
    return _current.get()


def begin(headers: Iterable[tuple[bytes, bytes]]) -> RequestContext:
    """
    Let a request begin; its id is `X-Request-ID` where that is short and plain.

    It never ends: each request is a task of its own, and what fails is logged last of all.
    """
    given = [value for name, value in headers if name == _HEADER]
    if len(given) == 1 and _SANE.fullmatch(given[0]):
        request_id = given[0].decode()
    else:
        request_id = secrets.token_hex(8)
    context = RequestContext(request_id)
    _current.set(context)
    return context


def about(workspace_id: str | None = None, integration: str | None = None) -> None:
    """Note whom the following lines are about; what cannot be an id or a slug is ignored."""
    context = _current.get()
    if context is None:
        context = RequestContext()
        _current.set(context)
    if workspace_id is not None and _is_workspace_id(workspace_id):
        context.workspace = workspace_id
    if integration is not None and _SLUG.fullmatch(integration):
        context.integration = integration


async def note_path(request: Request) -> None:
    """Note whom a path names; runs before each route."""
    about(request.path_params.get("workspace_id"), request.path_params.get("slug"))


def _is_workspace_id(text: str) -> bool:
    try:
        check_workspace_id(text)
    except ValueError:
        return False
    return True
