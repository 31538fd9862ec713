"""
Returns fresh access tokens; concurrent callers cause a single refresh of a connection.

Callers in this process share one refresh; other processes wait for the lease and then read the
new pair.
"""

import asyncio
import logging
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta

from starlette.concurrency import run_in_threadpool

from integrations.contracts import (
    IntegrationAccess,
    IntegrationError,
    IntegrationPlugin,
    NotConnectedError,
    ProviderUnavailableError,
    ReconnectRequiredError,
    TokenSet,
    token_fingerprint,
)
from integrations.runtime.http import HttpSession
from oauth_service.grants.apps import OperatorApps
from oauth_service.grants.lease import ConnectionLock, RefreshPolicy
from oauth_service.grants.rotation import Rotation, Spending
from oauth_service.ops.metrics import Metrics
from oauth_service.ops.request_context import about
from oauth_service.store import Connection, ConnectionState, Store

FRESH_FOR = timedelta(minutes=5)
"""Minimum remaining life of a returned token; half of its lifetime if that is shorter."""

_ROUNDS = 3
_log = logging.getLogger(__name__)


class Refresher:
    """Returns access tokens, and refreshes them if they are stale."""

    def __init__(
        self,
        *,
        store: Store,
        apps: OperatorApps,
        http: HttpSession,
        metrics: Metrics,
        clock: Callable[[], datetime],
        policy: RefreshPolicy,
    ) -> None:
        self._store = store
        self._apps = apps
        self._clock = clock
        self._policy = policy
        self._lock = ConnectionLock(store, clock=clock, policy=policy)
        self._rotation = Rotation(
            store=store, http=http, metrics=metrics, clock=clock, policy=policy
        )
        self._under_way: dict[tuple[str, str, str], asyncio.Task[Connection]] = {}

    async def access(
        self, workspace_id: str, plugin: IntegrationPlugin, *, rejected: str | None = None
    ) -> IntegrationAccess:
        """
        Return an access token that is fresh for `FRESH_FOR`, with the pinned tenant.

        Args:
            workspace_id: The customer.
            plugin: The integration.
            rejected: Fingerprint of an access token that the provider answered with a 401. If
                it is the stored token, it is refreshed even if it has not expired.

        Raises:
            NotConnectedError: If there is no grant.
            ReconnectRequiredError: If the grant no longer works.
            ProviderUnavailableError: If the token endpoint is down or rate limiting.
            ConfigurationError: If the operator's app or the encryption keys are wrong.
        """
        connection = await self._usable(workspace_id, plugin)
        for _ in range(_ROUNDS):
            tokens = self._store.connections.tokens(connection)
            fingerprint = token_fingerprint(tokens.access_token)
            usable = fingerprint != rejected and not connection.unchecked
            if usable and self.is_fresh(tokens):
                return _access(connection, tokens)
            refused_early = fingerprint == rejected and tokens.expires_at > self._clock()
            refreshed = await self._refreshed(
                connection, plugin, fingerprint, refused_early=refused_early
            )
            if refreshed.grant_version != connection.grant_version:
                tokens = self._store.connections.tokens(refreshed)
                if token_fingerprint(tokens.access_token) != rejected:
                    return _access(refreshed, tokens)
            connection = refreshed
        raise ProviderUnavailableError(
            f"{plugin.name}: the connection keeps changing", retry_after_s=5.0
        )

    async def renew(self, connection: Connection, plugin: IntegrationPlugin) -> None:
        """
        Refresh *connection* even if it is fresh, unless its stored tokens have changed.

        Raises:
            NotConnectedError: If there is no grant.
            ReconnectRequiredError: If the grant no longer works.
            ProviderUnavailableError: If the token endpoint is down or rate limiting.
            ConfigurationError: If the operator's app or the encryption keys are wrong.
        """
        tokens = await run_in_threadpool(self._store.connections.tokens, connection)
        await self._refreshed(connection, plugin, token_fingerprint(tokens.access_token))

    async def refresh_idle_connections(self, now: datetime) -> int:
        """
        Refresh connections unused for half of their idle limit; return how many succeeded.

        At most `idle_at_once` run concurrently. A failure does not stop the others.
        """
        listed = await run_in_threadpool(self._store.connections.listed)
        idle = [
            item.connection
            for item in listed
            if (plugin := self._apps.registry.plugins.get(item.connection.integration))
            and _is_idle(item.connection, plugin, now)
        ]
        return await self._renew_each("idle", idle)

    async def check_restored_connections(self) -> tuple[int, int]:
        """
        Refresh the connections that were restored from a backup and not refreshed since.

        At most `idle_at_once` run concurrently.

        Returns:
            How many there were, and how many of them work.
        """
        found = await run_in_threadpool(self._store.connections.unchecked)
        return len(found), await self._renew_each("restored", found)

    async def _renew_each(self, kind: str, connections: Sequence[Connection]) -> int:
        slots = asyncio.Semaphore(self._policy.idle_at_once)
        worked = await asyncio.gather(
            *(
                self._renew_one(kind, connection, plugin, slots)
                for connection in connections
                if (plugin := self._apps.registry.plugins.get(connection.integration))
            )
        )
        return sum(worked)

    async def _renew_one(
        self, kind: str, connection: Connection, plugin: IntegrationPlugin, slots: asyncio.Semaphore
    ) -> bool:
        about(connection.workspace_id, connection.integration)
        async with slots:
            try:
                await self.renew(connection, plugin)
            except IntegrationError as exc:
                _log.warning(
                    "%s connection of workspace %s: %s", kind, connection.workspace_id, exc
                )
            except Exception:  # noqa: BLE001 -- one failure must not cancel the others
                _log.exception("%s connection of workspace %s", kind, connection.workspace_id)
            else:
                return True
        return False

    async def finish(self) -> None:
        """Wait for running refreshes, since a pending answer contains the only valid token."""
        if self._under_way:
            await asyncio.wait(self._under_way.values(), timeout=self._policy.caller_wait_s)

    def is_fresh(self, tokens: TokenSet) -> bool:
        """Return whether the access token lives long enough to be returned to a caller."""
        margin = min(FRESH_FOR, timedelta(seconds=tokens.lifetime_s) / 2)
        return tokens.expires_at - self._clock() >= margin

    async def _usable(self, workspace_id: str, plugin: IntegrationPlugin) -> Connection:
        connection = await run_in_threadpool(self._store.connections.get, workspace_id, plugin.slug)
        if connection is None or connection.state is ConnectionState.DISCONNECTED:
            raise NotConnectedError(f"{plugin.name}: workspace {workspace_id!r} is not connected")
        if connection.state is ConnectionState.REQUIRES_RECONNECT:
            raise _reconnect(plugin, connection, connection.reason or "the grant is dead")
        return connection

    async def _refreshed(
        self,
        connection: Connection,
        plugin: IntegrationPlugin,
        stale: str,
        *,
        refused_early: bool = False,
    ) -> Connection:
        """
        Refresh *connection* unless its access token no longer has the fingerprint *stale*.

        Concurrent callers share one refresh; a caller that times out does not cancel it.
        """
        key = (connection.workspace_id, plugin.slug, stale)
        task = self._under_way.get(key)
        if task is None:
            task = asyncio.create_task(
                self._refresh(connection.workspace_id, plugin, stale, refused_early=refused_early)
            )
            self._under_way[key] = task
            task.add_done_callback(lambda done: self._forget(key, done))
        try:
            async with asyncio.timeout(self._policy.caller_wait_s):
                return await asyncio.shield(task)
        except TimeoutError:
            raise ProviderUnavailableError(
                f"{plugin.name}: the refresh is still running",
                retry_after_s=5.0,
            ) from None

    def _forget(self, key: tuple[str, str, str], done: asyncio.Task[Connection]) -> None:
        self._under_way.pop(key, None)
        if not done.cancelled():
            done.exception()  # retrieved here in case no caller is left to do so

    async def _refresh(
        self, workspace_id: str, plugin: IntegrationPlugin, stale: str, *, refused_early: bool
    ) -> Connection:
        silent_for = self._policy.silent_for(plugin.oauth.replay_grace)
        while True:
            async with self._lock.hold(workspace_id, plugin.slug, silent_for=silent_for) as lease:
                connection = await self._usable(workspace_id, plugin)
                tokens = self._store.connections.tokens(connection)
                if token_fingerprint(tokens.access_token) != stale:
                    return connection
                spending = self._spending(connection, plugin, tokens, refused_early=refused_early)
                if await self._rotation.spend(spending, lease):
                    return await self._usable(workspace_id, plugin)

    def _spending(
        self,
        connection: Connection,
        plugin: IntegrationPlugin,
        tokens: TokenSet,
        *,
        refused_early: bool,
    ) -> Spending:
        """Return what to spend, if the provider and the grant allow a refresh now."""
        if connection.retry_at is not None and connection.retry_at > self._clock():
            raise ProviderUnavailableError(
                f"{plugin.name}: the token endpoint is rate limiting",
                retry_after_s=(connection.retry_at - self._clock()).total_seconds(),
            )
        if tokens.refresh_token is None:
            raise _reconnect(plugin, connection, "the grant has no refresh token")
        return Spending(
            plugin=plugin,
            app=self._apps.app(plugin),
            redirect_uri=self._apps.redirect_uri(plugin),
            connection=connection,
            tokens=tokens,
            refresh_token=tokens.refresh_token,
            fingerprint=token_fingerprint(tokens.refresh_token),
            refused_early=refused_early,
        )


def _access(connection: Connection, tokens: TokenSet) -> IntegrationAccess:
    return IntegrationAccess(
        access_token=tokens.access_token,
        token_type=tokens.token_type,
        expires_at=tokens.expires_at,
        tenant_id=connection.tenant.id,
        tenant_name=connection.tenant.name,
        scopes=tokens.scopes,
    )


def _is_idle(connection: Connection, plugin: IntegrationPlugin, now: datetime) -> bool:
    limit = plugin.oauth.idle_limit
    last = connection.last_worked_at or connection.connected_at
    connected = connection.state is ConnectionState.CONNECTED
    return connected and limit is not None and now - last >= limit / 2


def _reconnect(
    plugin: IntegrationPlugin, connection: Connection, reason: str
) -> ReconnectRequiredError:
    return ReconnectRequiredError(
        f"{plugin.name}: workspace {connection.workspace_id!r} must reconnect: {reason}"
    )
