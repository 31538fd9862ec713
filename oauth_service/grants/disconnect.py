"""Disconnects: revokes the grant at the provider, then deletes the tokens. The history stays."""

import asyncio
import logging
from collections.abc import Callable
from datetime import datetime
from http import HTTPStatus

from starlette.concurrency import run_in_threadpool

from integrations.contracts import (
    IntegrationError,
    IntegrationPlugin,
    OAuthApp,
    OutboundRequest,
    ProviderUnavailableError,
)
from integrations.runtime.http import HttpSession
from oauth_service.grants.apps import OperatorApps
from oauth_service.grants.lease import ConnectionLock, RefreshPolicy
from oauth_service.grants.refresh import Refresher
from oauth_service.store import Connection, ConnectionState, Store

_TIMEOUT_S = 15.0
_log = logging.getLogger(__name__)


class Disconnector:
    """Revokes grants and deletes their tokens."""

    def __init__(
        self,
        *,
        store: Store,
        apps: OperatorApps,
        http: HttpSession,
        refresher: Refresher,
        clock: Callable[[], datetime],
        policy: RefreshPolicy,
    ) -> None:
        self._store = store
        self._apps = apps
        self._http = http
        self._refresher = refresher
        self._clock = clock
        self._lock = ConnectionLock(store, clock=clock, policy=policy)

    async def disconnect(self, workspace_id: str, plugin: IntegrationPlugin) -> bool:
        """
        Delete a connection's tokens, whether or not the provider confirms the revocation.

        Returns:
            True if the provider confirmed it, or there was no grant to revoke.

        Raises:
            ProviderUnavailableError: If a refresh holds the lease for too long, or a user
                reconnected in the meantime; that grant is kept.
        """
        connection = await run_in_threadpool(self._store.connections.get, workspace_id, plugin.slug)
        if connection is None or connection.state is ConnectionState.DISCONNECTED:
            return True
        app = self._apps.configured(plugin)
        if app is not None and connection.state is ConnectionState.CONNECTED:
            try:  # some providers need a valid access token to revoke
                await self._refresher.access(workspace_id, plugin)
            except IntegrationError as exc:
                _log.info(
                    "workspace %s: no fresh access token to revoke with: %s", workspace_id, exc
                )
        async with self._lock.hold(workspace_id, plugin.slug):
            connection = await run_in_threadpool(
                self._store.connections.get, workspace_id, plugin.slug
            )
            if connection is None or connection.sealed_tokens is None:
                return True
            confirmed = app is not None and await self._revoke(plugin, app, connection)
            forgotten = await run_in_threadpool(
                self._store.connections.disconnect,
                connection,
                now=self._clock(),
                detail=None if confirmed else "not confirmed by the provider",
            )
        if not forgotten:
            raise ProviderUnavailableError(
                f"{plugin.name}: it was reconnected in the meantime", retry_after_s=1.0
            )
        return confirmed

    async def _revoke(
        self, plugin: IntegrationPlugin, app: OAuthApp, connection: Connection
    ) -> bool:
        try:
            tokens = self._store.connections.tokens(connection)
            requests = plugin.oauth.disconnect_requests(app, tokens, connection.tenant)
            accepted = [await self._accepted(request) for request in requests]
        except (IntegrationError, TimeoutError) as exc:
            _log.warning(
                "workspace %s, %s: revocation failed: %s",
                connection.workspace_id,
                plugin.slug,
                type(exc).__name__,
            )
            return False
        return all(accepted)

    async def _accepted(self, request: OutboundRequest) -> bool:
        async with asyncio.timeout(_TIMEOUT_S):
            answer = await self._http.send(request, timeout_s=_TIMEOUT_S)
        gone = answer.status == HTTPStatus.NOT_FOUND
        return gone or HTTPStatus.OK <= answer.status < HTTPStatus.MULTIPLE_CHOICES
