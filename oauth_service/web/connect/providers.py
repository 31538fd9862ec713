"""The list of integrations, for a browser session or the service key."""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from fastapi import APIRouter, Request
from starlette.concurrency import run_in_threadpool

from oauth_service.ops.request_context import about
from oauth_service.store import ConnectionState
from oauth_service.web.access import has_service_key, known_workspace, session_of
from oauth_service.web.api import problems
from oauth_service.web.api.problems import WorkspaceIdOfPath
from oauth_service.web.api.problems import problems as documented
from oauth_service.web.services import ServicesOf

PATH = "/integration/providers"
router = APIRouter(tags=["pipeline"])


@router.get(
    PATH,
    responses=documented(
        HTTPStatus.UNAUTHORIZED,
        HTTPStatus.FORBIDDEN,
        HTTPStatus.NOT_FOUND,
        HTTPStatus.UNPROCESSABLE_ENTITY,
        HTTPStatus.SERVICE_UNAVAILABLE,
    ),
)
async def providers(
    request: Request, workspace_id: WorkspaceIdOfPath, services: ServicesOf
) -> list[Mapping[str, Any]]:
    """List every installed integration with its state for one workspace."""
    if not has_service_key(request):
        session = session_of(request)
        if session is None:
            raise problems.wrong_key()
        if session.workspace_id != workspace_id:
            raise problems.other_workspace()
    about(workspace_id)
    await run_in_threadpool(known_workspace, services, workspace_id)
    connections = await run_in_threadpool(services.store.connections.of_workspace, workspace_id)
    answer: list[Mapping[str, Any]] = []
    for plugin in services.registry:
        connection = connections.get(plugin.slug)
        state = ConnectionState.DISCONNECTED if connection is None else connection.shown_state
        live = state is not ConnectionState.DISCONNECTED
        answer.append(
            {
                "name": plugin.name,
                "connected": state is ConnectionState.CONNECTED,
                "requires_reconnect": state is ConnectionState.REQUIRES_RECONNECT,
                "configured": services.apps.configured(plugin) is not None,
                "tenant_name": connection.tenant.name if connection is not None and live else None,
            }
        )
    return answer
