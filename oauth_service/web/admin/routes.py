"""The operator's pages: all workspaces and connections, and what can be done to each."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from http import HTTPStatus
from typing import Annotated
from urllib.parse import urlencode

from fastapi import APIRouter, Depends, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response
from starlette.concurrency import run_in_threadpool

from integrations.contracts import IntegrationPlugin, check_workspace_id
from oauth_service.ops.request_context import about
from oauth_service.security.crypto import ExpiredError, ForgedError
from oauth_service.security.sessions import AdminSession
from oauth_service.store import Connection, OverviewRow, Workspace
from oauth_service.web.access import (
    cookie_name,
    end_session,
    form_of,
    keep_session,
    require_a_visit,
)
from oauth_service.web.admin import actions as admin_actions
from oauth_service.web.admin import errors as admin_errors
from oauth_service.web.admin.actions import Notice, note
from oauth_service.web.admin.filter import (
    AGE_CHOICES,
    EVENT_CHOICES,
    NEVER_CONNECTED,
    ORDER_CHOICES,
    STATE_CHOICES,
    filter_of,
    plain_text,
)
from oauth_service.web.admin.view import STATES, AdminRow, event_of, row_of
from oauth_service.web.services import Services, ServicesOf, services_of

PATH = "/admin"
COOKIE = "zebbra_admin"
ROWS_A_PAGE = 50
_EVENTS_SHOWN = 100
_LONGEST_NAME = 200
router = APIRouter(prefix=PATH, include_in_schema=False, dependencies=[Depends(require_a_visit)])


def _current(request: Request) -> AdminSession | None:
    services = services_of(request)
    return services.admin.read(request.cookies.get(cookie_name(services, COOKIE)))


async def _session(request: Request) -> AdminSession:
    session = _current(request)
    if session is None:
        raise admin_errors.no_session()
    return session


Operator = Annotated[AdminSession, Depends(_session)]


@dataclass(frozen=True, slots=True)
class _Named:
    """The connection that a path names, and its integration where that is installed."""

    workspace: Workspace
    connection: Connection
    plugin: IntegrationPlugin | None


async def _named(workspace_id: str, slug: str, _session: Operator, services: ServicesOf) -> _Named:
    try:
        check_workspace_id(workspace_id)
    except ValueError:
        raise admin_errors.unknown_connection(workspace_id, slug) from None
    if not (slug.isascii() and slug.isalnum()):
        raise admin_errors.unknown_connection(workspace_id, slug)
    store = services.store
    workspace = await run_in_threadpool(store.workspaces.get, workspace_id)
    connection = await run_in_threadpool(store.connections.get, workspace_id, slug)
    if workspace is None or connection is None:
        raise admin_errors.unknown_connection(workspace_id, slug)
    return _Named(workspace, connection, services.registry.plugins.get(slug))


@router.get("")
async def overview(request: Request, services: ServicesOf) -> Response:
    """Show workspaces and connections; a link's token is exchanged for a session first."""
    link = request.query_params.get("session")
    if link is not None:
        return _open_link(request, services, link)
    session = await _session(request)
    chosen, now = filter_of(request.query_params), services.clock()
    store = services.store
    found = await run_in_threadpool(
        store.overview.page, chosen.wanted(now), number=chosen.page, size=ROWS_A_PAGE
    )
    states = await run_in_threadpool(store.overview.states)
    rows = await run_in_threadpool(
        lambda: [row_of(store, services.registry, row, now=now) for row in found.rows]
    )
    page = found.offset // ROWS_A_PAGE + 1
    return services.pages.page(
        "admin.html",
        session=session,
        notice=_told(request, services, session),
        counts=[
            (STATES[state], NEVER_CONNECTED if state is None else state.value, count)
            for state, count in states.items()
        ],
        chosen=chosen,
        choices={
            "state": STATE_CHOICES,
            "integration": (
                ("", "Any integration"),
                *((plugin.slug, plugin.name) for plugin in services.registry),
            ),
            "age": AGE_CHOICES,
            "event": EVENT_CHOICES,
            "order": ORDER_CHOICES,
        },
        rows=rows,
        total=found.total,
        first=found.offset + 1,
        page=page,
        pages=max(1, -(-found.total // ROWS_A_PAGE)),
    )


@router.get("/connections/{workspace_id}/{slug}")
async def connection_page(
    request: Request,
    named: Annotated[_Named, Depends(_named)],
    session: Operator,
    services: ServicesOf,
) -> HTMLResponse:
    """Show one connection with its history."""
    entries = await run_in_threadpool(
        services.store.history.of,
        named.workspace.workspace_id,
        named.connection.integration,
        latest=_EVENTS_SHOWN,
    )
    now = services.clock()
    return services.pages.page(
        "admin_connection.html",
        session=session,
        notice=_told(request, services, session),
        row=await _row(services, named),
        events=[event_of(entry, now=now) for entry in reversed(entries)],
    )


@router.post("/connections/{workspace_id}/{slug}/refresh")
async def refresh(
    request: Request,
    named: Annotated[_Named, Depends(_named)],
    session: Operator,
    services: ServicesOf,
) -> RedirectResponse:
    """Refresh a connection now."""
    await form_of(request, session)
    connection, plugin = named.connection, _installed(named)
    note(session, "refresh", connection.workspace_id, plugin.slug)
    notice = await admin_actions.refresh(services, connection, plugin)
    return _back_to(services, session, named, notice)


@router.get("/connections/{workspace_id}/{slug}/disconnect")
async def confirm_disconnect(
    named: Annotated[_Named, Depends(_named)], session: Operator, services: ServicesOf
) -> HTMLResponse:
    """Say what disconnecting does, and ask."""
    _installed(named)
    row = await _row(services, named)
    return services.pages.page("admin_disconnect.html", session=session, row=row)


@router.post("/connections/{workspace_id}/{slug}/disconnect")
async def disconnect(
    request: Request,
    named: Annotated[_Named, Depends(_named)],
    session: Operator,
    services: ServicesOf,
) -> RedirectResponse:
    """End a connection."""
    await form_of(request, session)
    connection, plugin = named.connection, _installed(named)
    note(session, "disconnect", connection.workspace_id, plugin.slug)
    notice = await admin_actions.disconnect(services, connection, plugin)
    return _back_to(services, session, named, notice)


@router.post("/links")
async def make_link(request: Request, session: Operator, services: ServicesOf) -> RedirectResponse:
    """Make a connect link; the workspace is known from then on."""
    form = await form_of(request, session)
    workspace_id = form.get("workspace_id", "").strip()
    try:
        check_workspace_id(workspace_id)
    except ValueError:
        raise admin_errors.malformed(
            "A workspace id has 1 to 64 letters, digits, “_” or “-”, such as “acme”"
        ) from None
    name = plain_text(form.get("workspace_name", ""))
    if len(name) > _LONGEST_NAME:
        raise admin_errors.malformed(f"A name has at most {_LONGEST_NAME} characters")
    about(workspace_id)
    note(session, "connect link", workspace_id)
    workspace = await run_in_threadpool(
        services.store.workspaces.remember, workspace_id, name or None, now=services.clock()
    )
    link = services.links.create(workspace_id)
    made = services.admin.hand_over(
        session,
        {
            "url": link.url,
            "valid_until": link.expires_at.isoformat(),
            "workspace_id": workspace_id,
            "workspace_name": workspace.name,
        },
    )
    return _redirect(services, f"{PATH}/link?{urlencode({'made': made})}")


@router.get("/link")
async def show_link(request: Request, session: Operator, services: ServicesOf) -> HTMLResponse:
    """Show a connect link that was just made."""
    made = services.admin.handed_over(session, request.query_params.get("made", ""))
    if made is None or "url" not in made:
        raise admin_errors.link_no_longer_shown()
    return services.pages.page(
        "admin_link.html",
        session=session,
        made=made,
        valid_until=datetime.fromisoformat(made["valid_until"]),
    )


@router.post("/leave")
async def leave(request: Request, session: Operator, services: ServicesOf) -> HTMLResponse:
    """Let the browser forget the session."""
    await form_of(request, session)
    note(session, "left")
    answer = services.pages.page("admin_left.html")
    end_session(answer, services, COOKIE, PATH)
    return answer


def _open_link(request: Request, services: Services, link: str) -> RedirectResponse:
    admin = services.admin
    try:
        session = admin.start(link, _current(request))
    except ExpiredError:
        raise admin_errors.expired_link() from None
    except ForgedError:
        raise admin_errors.forged_link() from None
    note(session, "opened the operator's page")
    response = _redirect(services, PATH)
    keep_session(response, services, COOKIE, admin.cookie_value(session), PATH)
    return response


def _told(request: Request, services: Services, session: AdminSession) -> Mapping[str, str] | None:
    """Return what has just been done; only the service itself can have written it."""
    told = services.admin.handed_over(session, request.query_params.get("told", ""))
    return told if told is not None and "text" in told else None


def _installed(named: _Named) -> IntegrationPlugin:
    if named.plugin is None:
        raise admin_errors.not_installed(named.connection.integration)
    return named.plugin


async def _row(services: Services, named: _Named) -> AdminRow:
    row = OverviewRow(named.workspace, named.connection, None)
    return await run_in_threadpool(
        row_of, services.store, services.registry, row, now=services.clock()
    )


def _back_to(
    services: Services, session: AdminSession, named: _Named, notice: Notice
) -> RedirectResponse:
    told = urlencode({"told": services.admin.hand_over(session, notice)})
    connection = named.connection
    return _redirect(
        services,
        f"{PATH}/connections/{connection.workspace_id}/{connection.integration}?{told}",
    )


def _redirect(services: Services, path: str) -> RedirectResponse:
    return RedirectResponse(f"{services.settings.oauth_url}{path}", HTTPStatus.SEE_OTHER)
