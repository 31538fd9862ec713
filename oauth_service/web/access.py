"""Who is asking: a browser with a session, or the pipeline with the service key."""

from collections.abc import Iterable, Mapping
from hmac import compare_digest
from typing import Annotated
from urllib.parse import urlsplit

from fastapi import Depends, Request
from fastapi.responses import Response
from pydantic import SecretStr

from integrations.contracts import IntegrationPlugin, check_workspace_id
from oauth_service.ops.request_context import about
from oauth_service.security.sessions import SESSION_LIFETIME, BrowserSession, Session
from oauth_service.store import Workspace
from oauth_service.web.api import problems
from oauth_service.web.connect import errors as person_errors
from oauth_service.web.services import Services, services_of

COOKIE = "zebbra_session"
_HOST_PREFIX = "__Host-"
_SENT_FROM_HERE = frozenset({"same-origin", "none"})
_PORTS = {"http": 80, "https": 443}
_AHEAD_OF_A_CLICK = ("sec-purpose", "purpose", "x-moz")
"""Headers by which browsers say that they load a page before anyone has asked for it."""


def has_service_key(request: Request) -> bool:
    """Return whether the request shows the service key."""
    return _is_bearer(request.headers.get("authorization", ""), services_of(request).service_key)


def headers_show_key(headers: Iterable[tuple[bytes, bytes]], service_key: SecretStr) -> bool:
    """Return the same of a request of which no more than the headers is there yet."""
    first = next((value for name, value in headers if name == b"authorization"), b"")
    return _is_bearer(first.decode("latin-1"), service_key)


def _is_bearer(authorization: str, service_key: SecretStr) -> bool:
    scheme, _, shown = authorization.partition(" ")
    matches = compare_digest(shown.strip().encode(), service_key.get_secret_value().encode())
    return scheme.lower() == "bearer" and matches


def require_service_key(request: Request) -> None:
    """Refuse a request without the service key."""
    if not has_service_key(request):
        raise problems.wrong_key()


async def require_a_visit(request: Request) -> None:
    """
    Refuse what is not shown to a person: frames, images and prefetches of links to our pages.

    Otherwise a foreign page, or a browser that loads links ahead of a click, could open a link
    and so exchange the browser's session unseen. Programs send none of these headers.
    """
    headers = request.headers
    embedded = headers.get("sec-fetch-dest", "document") != "document"
    early = any("prefetch" in headers.get(name, "").lower() for name in _AHEAD_OF_A_CLICK)
    if embedded or early:
        raise person_errors.not_a_visit()


def session_of(request: Request) -> Session | None:
    """Return the browser session of a request, if it has one."""
    services = services_of(request)
    session = services.sessions.read(request.cookies.get(cookie_name(services, COOKIE)))
    if session is not None:
        about(session.workspace_id)
    return session


def require_session(request: Request) -> Session:
    """Return the browser session, or tell the person how to get one."""
    session = session_of(request)
    if session is None:
        raise person_errors.no_session()
    return session


def cookie_name(services: Services, name: str) -> str:
    """
    Return what the cookie *name* is called where the service is reached.

    By https it has the prefix `__Host-`: browsers then take it from this host only, over https,
    so that no other host of the domain can plant a session. The plain name is not read there.
    """
    return f"{_HOST_PREFIX}{name}" if services.https else name


def keep_session(response: Response, services: Services, name: str, value: str, path: str) -> None:
    """Let the browser keep a session's cookie for the pages below *path*."""
    response.set_cookie(
        cookie_name(services, name),
        value,
        max_age=int(SESSION_LIFETIME.total_seconds()),
        path=_cookie_path(services, path),
        httponly=True,
        samesite="lax",
        secure=services.https,
    )


def end_session(response: Response, services: Services, name: str, path: str) -> None:
    """Let the browser forget the cookie that `keep_session` set."""
    response.delete_cookie(
        cookie_name(services, name),
        path=_cookie_path(services, path),
        httponly=True,
        samesite="lax",
        secure=services.https,
    )


def _cookie_path(services: Services, path: str) -> str:
    """Return the path of a cookie; browsers want `/` where its name begins with `__Host-`."""
    return "/" if services.https else f"{services.pages.base_path}{path}"


async def form_of(request: Request, session: BrowserSession) -> Mapping[str, str]:
    """Return a form's text fields, if a page of *session* sent it."""
    form = await request.form(max_files=0, max_fields=10)
    fields = {name: _encodable(value) for name, value in form.items() if isinstance(value, str)}
    own = session.sent_by_its_own_form(fields.get("csrf_token", ""))
    if not own or _sent_from_elsewhere(request):
        raise person_errors.stale_form()
    return fields


def _sent_from_elsewhere(request: Request) -> bool:
    """
    Return whether the browser says that a page of another origin sent the form.

    Our pages forbid referrers, so that browsers call the origin of their forms `null`.
    """
    if request.headers.get("sec-fetch-site", "same-origin") not in _SENT_FROM_HERE:
        return True
    origin = request.headers.get("origin", "null")
    return origin != "null" and _origin(origin) != _origin(services_of(request).settings.oauth_url)


def _origin(url: str) -> tuple[str, str | None, int | None]:
    """Return scheme, host and port; what is no URL has an origin of its own."""
    try:
        parts = urlsplit(url)
        return parts.scheme, parts.hostname, parts.port or _PORTS.get(parts.scheme)
    except ValueError:
        return url, None, None


def _encodable(text: str) -> str:
    """Return *text* without lone surrogates, which some charsets can spell."""
    return text.encode(errors="replace").decode()


PersonSession = Annotated[Session, Depends(require_session)]


def plugin_for_person(services: Services, slug: str) -> IntegrationPlugin:
    """Return the integration that a page's URL names."""
    plugin = services.registry.plugins.get(slug)
    if plugin is None:
        raise person_errors.unknown_integration(slug)
    return plugin


def known_workspace(services: Services, workspace_id: str) -> Workspace:
    """Return a workspace that a connect link was made for, or answer 404."""
    try:
        check_workspace_id(workspace_id)
    except ValueError as exc:
        raise problems.invalid(str(exc)) from None
    workspace = services.store.workspaces.get(workspace_id)
    if workspace is None:
        raise problems.unknown_workspace(workspace_id)
    return workspace
