"""The API of the pipeline and of other services that hold the service key."""

from collections.abc import Callable, Coroutine, Mapping
from dataclasses import asdict
from datetime import datetime
from http import HTTPStatus
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from fastapi.responses import Response
from fastapi.routing import APIRoute
from pydantic import BaseModel, ConfigDict, StringConstraints
from starlette.concurrency import run_in_threadpool

from integrations.contracts import (
    Connection,
    ConnectionList,
    ConnectionState,
    IntegrationError,
    IntegrationPlugin,
    NotConnectedError,
)
from oauth_service.grants.reasons import not_checked
from oauth_service.ops.request_context import about
from oauth_service.store import ListedConnection, Outcome
from oauth_service.web.access import known_workspace, require_service_key
from oauth_service.web.api.answers import TokenAnswer
from oauth_service.web.api.problems import (
    SlugOfPath,
    WorkspaceId,
    WorkspaceIdOfPath,
    of_error,
    problems,
    unknown_integration,
)
from oauth_service.web.services import Services, ServicesOf


class KeyFirst(APIRoute):
    """Asks for the service key before the body is looked at."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """Return the handler, behind the key."""
        handle = super().get_route_handler()

        async def handle_with_key(request: Request) -> Response:
            require_service_key(request)
            return await handle(request)

        return handle_with_key


router = APIRouter(
    prefix="/api",
    route_class=KeyFirst,
    tags=["pipeline"],
    responses=problems(
        HTTPStatus.UNAUTHORIZED,
        HTTPStatus.UNPROCESSABLE_ENTITY,
        HTTPStatus.SERVICE_UNAVAILABLE,
    ),
)

_SOME_TEXT = r"^[^\x00]*[^\x00\s][^\x00]*$"  # PostgreSQL stores no NUL
WorkspaceName = Annotated[
    str,
    StringConstraints(strip_whitespace=True, min_length=1, max_length=200, pattern=_SOME_TEXT),
]
Fingerprint = Annotated[str, StringConstraints(max_length=100)]


class ConnectLinkRequest(BaseModel):
    """
    Whom to make a connect link for.

    Attributes:
        workspace_name: Display name; omitted, a known workspace keeps its name.
    """

    model_config = ConfigDict(extra="forbid")

    workspace_id: WorkspaceId
    workspace_name: WorkspaceName | None = None


class ConnectLinkAnswer(BaseModel):
    """A link to hand to a person; whoever has it can connect this workspace."""

    url: str
    expires_at: datetime


class AdminLinkAnswer(BaseModel):
    """A link for the operator; whoever has it can see and change all connections."""

    url: str
    expires_at: datetime


class HistoryItem(BaseModel):
    """
    One thing that happened to a connection's grant.

    Attributes:
        outcome: `connected`, `refreshed`, `answer_lost` (the provider may have acted, but no
            usable answer came), `unavailable`, `grant_refused`, `app_refused`, `superseded` (a
            newer grant had been stored meanwhile), `disconnected` or `restored` (from a backup).
        detail: Status or OAuth error code of the provider's answer, with the cause of a grant's
            end, or the settings that the operator has to check.
        trace_id: What the provider's support asks for.
        token_fingerprint: Of the refresh token that was sent; the token cannot be found from it.
    """

    at: datetime
    outcome: Outcome
    detail: str | None
    trace_id: str | None
    token_fingerprint: str | None


class HistoryAnswer(BaseModel):
    """What happened to a connection's grant, oldest first."""

    history: tuple[HistoryItem, ...]


@router.post(
    "/connect-links",
    responses=problems(HTTPStatus.BAD_REQUEST, HTTPStatus.REQUEST_ENTITY_TOO_LARGE),
)
async def make_connect_link(body: ConnectLinkRequest, services: ServicesOf) -> ConnectLinkAnswer:
    """Make a connect link; the workspace is known from then on."""
    about(body.workspace_id)
    await run_in_threadpool(
        services.store.workspaces.remember,
        body.workspace_id,
        body.workspace_name,
        now=services.clock(),
    )
    link = services.links.create(body.workspace_id)
    return ConnectLinkAnswer(url=link.url, expires_at=link.expires_at)


@router.post("/admin-links", responses=problems(HTTPStatus.REQUEST_ENTITY_TOO_LARGE))
async def make_admin_link(services: ServicesOf) -> AdminLinkAnswer:
    """Make a link that opens the operator's page."""
    link = services.admin.create_link()
    return AdminLinkAnswer(url=link.url, expires_at=link.expires_at)


@router.get("/workspaces")
async def list_workspaces(services: ServicesOf) -> Mapping[str, Any]:
    """List all workspaces."""
    known = await run_in_threadpool(services.store.workspaces.all)
    return {
        "workspaces": [
            {"workspace_id": item.workspace_id, "workspace_name": item.name} for item in known
        ]
    }


@router.get(
    "/workspaces/{workspace_id}/integrations/{slug}/token",
    responses=problems(
        HTTPStatus.NOT_FOUND,
        HTTPStatus.CONFLICT,
        HTTPStatus.INTERNAL_SERVER_ERROR,
        HTTPStatus.BAD_GATEWAY,
        HTTPStatus.SERVICE_UNAVAILABLE,
    ),
)
async def access_token(
    workspace_id: WorkspaceIdOfPath,
    slug: SlugOfPath,
    services: ServicesOf,
    rejected: Annotated[
        Fingerprint | None,
        Query(description="fingerprint of an access token that the provider refused"),
    ] = None,
) -> TokenAnswer:
    """Hand out a fresh access token, refreshed first where it is stale."""
    if slug not in services.registry.plugins:
        await run_in_threadpool(known_workspace, services, workspace_id)
    plugin = _plugin(services, slug)
    try:
        access = await services.refresher.access(workspace_id, plugin, rejected=rejected)
    except IntegrationError as exc:
        if isinstance(exc, NotConnectedError):  # asked only now: a warm request reads one row
            await run_in_threadpool(known_workspace, services, workspace_id)
        problem = of_error(exc, connect_url=services.links.create(workspace_id).url)
        services.metrics.token_request(plugin.slug, problem.code)
        raise problem from exc
    services.metrics.token_request(plugin.slug, "ok")
    return TokenAnswer.of(access)


@router.get(
    "/workspaces/{workspace_id}/integrations/{slug}/history",
    responses=problems(HTTPStatus.NOT_FOUND),
)
async def history(
    workspace_id: WorkspaceIdOfPath,
    slug: SlugOfPath,
    services: ServicesOf,
    latest: Annotated[int, Query(ge=1, le=1000, description="so many of the latest")] = 50,
) -> HistoryAnswer:
    """Tell what happened to a connection's grant: times, outcomes, fingerprints, never a token."""
    await run_in_threadpool(known_workspace, services, workspace_id)
    entries = await run_in_threadpool(
        services.store.history.of, workspace_id, _plugin(services, slug).slug, latest=latest
    )
    return HistoryAnswer(history=tuple(HistoryItem(**asdict(entry)) for entry in entries))


@router.get("/connections")
async def list_connections(
    services: ServicesOf,
    changed_since: Annotated[
        str | None, Query(pattern=r"^[0-9]{1,18}$", description="cursor of an earlier answer")
    ] = None,
    workspace_id: Annotated[WorkspaceId | None, Query()] = None,
) -> ConnectionList:
    """
    List connections, all or those changed since a cursor.

    Of each: `last_refresh`, when the provider last gave tokens; `idle_limit_s`, how many seconds it
    waits for the next time (null: for ever); and, while the connection works, `idle_expires_at`,
    when that is over. `restored_at`, where it is set: the connection came out of a backup then, and
    its provider has not been asked since. It counts as `requires_reconnect` until it has been, which
    happens by itself, and with the first request for its token.
    """
    about(workspace_id)
    latest = await run_in_threadpool(services.store.connections.latest_change)
    since = int(changed_since or 0)
    if since > latest:  # a cursor of a store that was replaced
        since = 0
    listed = await run_in_threadpool(
        services.store.connections.listed, changed_since=since, workspace_id=workspace_id
    )
    cursor = max([since, *(item.connection.change for item in listed)])
    return ConnectionList(
        connections=tuple(_listed(services, item) for item in listed), cursor=str(cursor)
    )


def _plugin(services: Services, slug: str) -> IntegrationPlugin:
    try:
        return services.registry.get(slug)
    except LookupError as exc:
        raise unknown_integration(str(exc)) from None


def _listed(services: Services, listed: ListedConnection) -> Connection:
    stored = listed.connection
    plugin = services.registry.plugins.get(stored.integration)
    worked_at = stored.last_worked_at or stored.connected_at
    limit = None if plugin is None else plugin.oauth.idle_limit
    works = stored.shown_state is ConnectionState.CONNECTED
    name = stored.integration if plugin is None else plugin.name
    return Connection(
        workspace_id=stored.workspace_id,
        workspace_name=listed.workspace_name,
        integration=name,
        slug=stored.integration,
        state=stored.shown_state,
        reason=not_checked(name) if stored.unchecked else stored.reason,
        tenant_id=stored.tenant.id,
        tenant_name=stored.tenant.name,
        connected_at=stored.connected_at,
        changed_at=stored.changed_at,
        restored_at=stored.restored_at if stored.unchecked else None,
        last_refresh=stored.last_worked_at,
        idle_limit_s=None if limit is None else int(limit.total_seconds()),
        idle_expires_at=worked_at + limit if works and limit is not None else None,
    )
