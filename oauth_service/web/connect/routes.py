"""Pages for a person with a connect link."""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any
from urllib.parse import urlencode

from fastapi import APIRouter, Depends, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response
from starlette.concurrency import run_in_threadpool

from integrations.contracts import IntegrationPlugin, ProviderUnavailableError
from oauth_service.grants.consent import ChoiceNeeded
from oauth_service.ops.request_context import about
from oauth_service.security.crypto import ExpiredError, ForgedError
from oauth_service.security.sessions import Session
from oauth_service.store import ConnectionState, Workspace
from oauth_service.web.access import (
    COOKIE,
    PersonSession,
    form_of,
    keep_session,
    plugin_for_person,
    require_a_visit,
    session_of,
)
from oauth_service.web.connect import errors as person_errors
from oauth_service.web.connect.cards import cards_of
from oauth_service.web.services import Services, ServicesOf

router = APIRouter(include_in_schema=False, dependencies=[Depends(require_a_visit)])
_SWITCHED = "switched"
_SWITCHED_TEXT = (
    "This browser had the page of another workspace open, which this link has closed. Check that "
    "the workspace below is the one that you want to connect."
)


@router.get("/")
async def root(services: ServicesOf) -> HTMLResponse:
    """Say what this is."""
    return services.pages.page("root.html")


@router.get("/connect")
async def connect(request: Request, services: ServicesOf) -> Response:
    """Show a workspace's integrations; a link's token is exchanged for a session first."""
    link = request.query_params.get("session")
    if link is not None:
        return _open_link(request, services, link)
    session = session_of(request)
    if session is None:
        raise person_errors.no_session()
    workspace = await _workspace(services, session)
    cards = await run_in_threadpool(
        cards_of, services.store, services.apps, session, services.clock()
    )
    notice = await _notice(services, session, request.query_params)
    return services.pages.page(
        "connect.html",
        leaving=True,
        workspace=workspace,
        cards=cards,
        session=session,
        notice=notice,
    )


@router.get("/integration/{slug}/login")
async def ask_before_login(
    request: Request, slug: str, session: PersonSession, services: ServicesOf
) -> HTMLResponse:
    """Name the workspace and the provider, and ask: any page can lead a browser here."""
    plugin = plugin_for_person(services, slug)
    _same_workspace(request, session)
    services.consent.check_configured(plugin)
    workspace = await _workspace(services, session)
    return services.pages.page(
        "login.html", leaving=True, plugin=plugin, session=session, workspace=workspace
    )


@router.post("/integration/{slug}/login")
async def login(
    request: Request, slug: str, session: PersonSession, services: ServicesOf
) -> RedirectResponse:
    """Send the person to the provider's consent page, if a form of ours asks for it."""
    plugin = plugin_for_person(services, slug)
    _same_workspace(request, session)
    await form_of(request, session)
    url = await services.consent.begin(session, plugin)
    return RedirectResponse(url, HTTPStatus.SEE_OTHER)


@router.get("/integration/{slug}/callback")
async def callback(
    request: Request, slug: str, session: PersonSession, services: ServicesOf
) -> RedirectResponse:
    """Take the provider's answer."""
    plugin = plugin_for_person(services, slug)
    result = await services.consent.complete(session, plugin, dict(request.query_params))
    if isinstance(result, ChoiceNeeded):
        query = urlencode({"grant": result.grant_id})
        return _redirect(services, f"/integration/{plugin.slug}/tenant?{query}")
    return _done(services, plugin, "connected")


@router.get("/integration/{slug}/tenant")
async def offer_tenants(
    request: Request, slug: str, session: PersonSession, services: ServicesOf
) -> HTMLResponse:
    """Let the person choose one of the organisations that a grant covers."""
    plugin = plugin_for_person(services, slug)
    grant_id = request.query_params.get("grant", "")
    grant = await services.consent.offered(session, plugin, grant_id)
    workspace = await _workspace(services, session)
    earlier = await run_in_threadpool(
        services.store.connections.get, session.workspace_id, plugin.slug
    )
    return services.pages.page(
        "tenant.html",
        plugin=plugin,
        session=session,
        grant=grant,
        workspace_name=workspace.name,
        pinned_id=earlier.tenant.id if earlier else None,
    )


@router.post("/integration/{slug}/tenant")
async def choose_tenant(
    request: Request, slug: str, session: PersonSession, services: ServicesOf
) -> RedirectResponse:
    """Pin the chosen organisation."""
    plugin = plugin_for_person(services, slug)
    form = await form_of(request, session)
    await services.consent.choose(session, plugin, form.get("grant", ""), form.get("tenant_id", ""))
    return _done(services, plugin, "connected")


@router.post("/integration/{slug}/disconnect")
async def disconnect(
    request: Request, slug: str, session: PersonSession, services: ServicesOf
) -> RedirectResponse:
    """End a connection."""
    plugin = plugin_for_person(services, slug)
    await form_of(request, session)
    try:
        confirmed = await services.disconnector.disconnect(session.workspace_id, plugin)
    except ProviderUnavailableError:
        raise person_errors.unavailable(plugin) from None
    return _done(services, plugin, "disconnected" if confirmed else "forgotten")


def _same_workspace(request: Request, session: Session) -> None:
    """Refuse a URL for another workspace: this browser has opened that one's link since."""
    workspace_id = request.query_params.get("workspace_id", session.workspace_id)
    if workspace_id != session.workspace_id:
        raise person_errors.other_workspace()


def _open_link(request: Request, services: Services, link: str) -> RedirectResponse:
    try:
        workspace_id = services.links.workspace_of(link)
    except ExpiredError:
        raise person_errors.expired_link() from None
    except ForgedError:
        raise person_errors.forged_link() from None
    current = session_of(request)
    session = services.sessions.start(workspace_id, current)
    about(workspace_id)
    switched = current is not None and current.workspace_id != workspace_id
    response = _redirect(services, f"/connect?done={_SWITCHED}" if switched else "/connect")
    keep_session(response, services, COOKIE, services.sessions.cookie_value(session), "/")
    return response


async def _workspace(services: Services, session: Session) -> Workspace:
    workspace = await run_in_threadpool(services.store.workspaces.get, session.workspace_id)
    if workspace is None:  # the store was replaced after the link was made
        raise person_errors.no_session()
    return workspace


async def _notice(
    services: Services, session: Session, query: Mapping[str, str]
) -> Mapping[str, Any] | None:
    """Return what has just been done, if the store agrees that it was."""
    if query.get("done") == _SWITCHED:
        return {"tone": "attention", "text": _SWITCHED_TEXT}
    plugin = services.registry.plugins.get(query.get("integration", ""))
    if plugin is None:
        return None
    connection = await run_in_threadpool(
        services.store.connections.get, session.workspace_id, plugin.slug
    )
    if connection is None:
        return None
    name = plugin.name
    notices = {
        ("connected", ConnectionState.CONNECTED): (
            "good",
            f"{name} is connected: {connection.tenant.name}.",
        ),
        ("disconnected", ConnectionState.DISCONNECTED): ("neutral", f"{name} is disconnected."),
        ("forgotten", ConnectionState.DISCONNECTED): (
            "attention",
            f"{name} did not confirm it; to be sure, remove this app in {name}'s settings too.",
        ),
    }
    found = notices.get((query.get("done", ""), connection.state))
    return None if found is None else {"tone": found[0], "text": found[1]}


def _done(services: Services, plugin: IntegrationPlugin, what: str) -> RedirectResponse:
    query = urlencode({"done": what, "integration": plugin.slug})
    return _redirect(services, f"/connect?{query}")


def _redirect(services: Services, path: str) -> RedirectResponse:
    return RedirectResponse(f"{services.settings.oauth_url}{path}", HTTPStatus.SEE_OTHER)
