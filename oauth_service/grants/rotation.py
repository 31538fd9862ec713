"""
One refresh: spends a refresh token and commits the new pair.

The caller holds the connection's lease. The token to spend is recorded first, so that after a
crash or a lost answer the same token can be sent again within the provider's grace period. Only a
repeated `invalid_grant` ends a connection.
"""

import asyncio
import logging
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial

from pydantic import SecretStr
from starlette.concurrency import run_in_threadpool

from integrations.contracts import (
    ConfigurationError,
    IntegrationPlugin,
    OAuthApp,
    ProviderUnavailableError,
    TokenSet,
)
from integrations.runtime.http import HttpSession
from oauth_service.grants.commit_tokens import store_new_pair
from oauth_service.grants.lease import Lease, RefreshPolicy
from oauth_service.grants.reasons import in_words, why_refused
from oauth_service.grants.token_endpoint import (
    AppRefused,
    Granted,
    GrantRefused,
    Unavailable,
    Verdict,
    ask,
)
from oauth_service.ops.metrics import Metrics
from oauth_service.store import Connection, HistoryEntry, Outcome, Store

_UNASKED_RETRY_AFTER_S = 10.0

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Spending:
    """
    The input of a refresh.

    Attributes:
        plugin: The integration.
        app: The operator's app at the provider.
        redirect_uri: The app's redirect URI.
        connection: As read under the lease; its `grant_version` guards the write.
        tokens: Its current pair, which the answer replaces.
        refresh_token: The refresh token of *tokens*.
        fingerprint: Fingerprint of the refresh token.
        refused_early: Whether the provider rejected the access token before its expiry.
    """

    plugin: IntegrationPlugin
    app: OAuthApp
    redirect_uri: str
    connection: Connection
    tokens: TokenSet
    refresh_token: SecretStr = field(repr=False)
    fingerprint: str
    refused_early: bool


class Rotation:
    """Sends refresh tokens and records the results."""

    def __init__(
        self,
        *,
        store: Store,
        http: HttpSession,
        metrics: Metrics,
        clock: Callable[[], datetime],
        policy: RefreshPolicy,
    ) -> None:
        self._refreshes = store.refreshes
        self._http = http
        self._metrics = metrics
        self._clock = clock
        self._policy = policy

    async def spend(self, refresh: Spending, lease: Lease) -> bool:
        """
        Send the refresh token until the result is known or the attempts are used up.

        Returns:
            True if the connection has a new pair, needs a reconnect, or was changed by another
            request in the meantime: read it again. False if the lease was lost before the
            result was known: its new holder may spend the same token, so it is not sent again.

        Raises:
            ProviderUnavailableError: If the token endpoint is down or rate limiting.
            ConfigurationError: If the provider rejects the operator's app.
        """
        lost = refresh.connection.refresh_fingerprint == refresh.fingerprint
        refused_before = False
        attempt = 0
        while True:
            attempt += 1
            if attempt > 1 and not await lease.still_held():
                return False
            noted = await run_in_threadpool(
                self._refreshes.started,
                refresh.connection,
                fingerprint=refresh.fingerprint,
                now=self._clock(),
            )
            if noted is None:  # it was reconnected or disconnected in the meantime
                return True
            sent_at, asked = self._clock(), time.perf_counter()
            verdict = await self._ask(refresh, sent_at)
            took_s = time.perf_counter() - asked
            last = attempt == self._policy.attempts
            match verdict:
                case Granted():
                    await self._commit(refresh, verdict, sent_at, took_s)
                    return True
                case AppRefused():
                    await self._failed(refresh, Outcome.APP_REFUSED, verdict, took_s, lost=lost)
                    raise ConfigurationError(
                        f"{refresh.plugin.name}: the provider refuses the operator's app "
                        f"({verdict.detail}); check {verdict.settings}"
                    )
                case GrantRefused():
                    if refused_before or last or not self._within_grace(refresh, noted):
                        await self._end(refresh, noted, verdict, took_s, lost=lost)
                        return True
                    refused_before = True
                    await self._pause(attempt, None)
                case Unavailable():
                    lost = lost or verdict.may_be_spent
                    outcome = Outcome.ANSWER_LOST if verdict.may_be_spent else Outcome.UNAVAILABLE
                    await self._failed(refresh, outcome, verdict, took_s, lost=lost)
                    asked_s = verdict.asked_s
                    long = (asked_s or 0.0) > self._policy.longest_retry_after_s
                    if last or long:
                        raise ProviderUnavailableError(
                            f"{refresh.plugin.name}: the token endpoint gives no tokens "
                            f"({verdict.detail})",
                            retry_after_s=asked_s or _UNASKED_RETRY_AFTER_S,
                        )
                    await self._pause(attempt, asked_s)

    async def _ask(self, refresh: Spending, sent_at: datetime) -> Verdict:
        request = refresh.plugin.oauth.refresh_request(
            refresh.app,
            refresh_token=refresh.refresh_token,
            redirect_uri=refresh.redirect_uri,
        )
        return await ask(
            self._http,
            refresh.plugin,
            request,
            now=sent_at,
            timeout_s=self._policy.attempt_s,
            previous=refresh.tokens,
        )

    async def _commit(
        self, refresh: Spending, granted: Granted, sent_at: datetime, took_s: float
    ) -> None:
        entry = self._entry(refresh, Outcome.REFRESHED, granted, detail=None)
        stored = await store_new_pair(
            partial(self._refreshes.store, refresh.connection, granted.tokens, entry),
            name=f"workspace {refresh.connection.workspace_id}, {refresh.plugin.slug}",
            policy=self._policy,
        )
        self._count(refresh, Outcome.REFRESHED if stored else Outcome.SUPERSEDED, took_s)
        _log.info(
            "workspace %s, %s: refreshed, lives %d s",
            refresh.connection.workspace_id,
            refresh.plugin.slug,
            (granted.tokens.expires_at - sent_at).total_seconds(),
        )

    async def _end(
        self,
        refresh: Spending,
        noted: Connection,
        refused: GrantRefused,
        took_s: float,
        *,
        lost: bool,
    ) -> None:
        """Require a reconnect, unless another grant has replaced this one in the meantime."""
        cause = why_refused(
            refresh.plugin,
            noted,
            now=self._clock(),
            answer_lost=lost,
            refused_early=refresh.refused_early,
        )
        detail = f"{refused.detail}: {cause.value}"
        entry = self._entry(refresh, Outcome.GRANT_REFUSED, refused, detail=detail)
        await run_in_threadpool(
            self._refreshes.require_reconnect,
            refresh.connection,
            in_words(cause, refresh.plugin),
            entry,
        )
        self._count(refresh, Outcome.GRANT_REFUSED, took_s)

    async def _failed(
        self,
        refresh: Spending,
        outcome: Outcome,
        verdict: AppRefused | Unavailable,
        took_s: float,
        *,
        lost: bool,
    ) -> None:
        asked_s = verdict.asked_s if isinstance(verdict, Unavailable) else None
        detail = verdict.detail
        if isinstance(verdict, AppRefused):
            detail = f"{detail}: check {verdict.settings}"
        entry = self._entry(refresh, outcome, verdict, detail=detail)
        await run_in_threadpool(
            self._refreshes.failed,
            refresh.connection,
            entry,
            retry_at=None if asked_s is None else entry.at + timedelta(seconds=asked_s),
            may_be_spent=lost,
        )
        self._count(refresh, outcome, took_s)

    def _within_grace(self, refresh: Spending, noted: Connection) -> bool:
        grace = refresh.plugin.oauth.replay_grace
        started = noted.refresh_started_at or self._clock()
        return grace is None or self._clock() - started < grace

    async def _pause(self, attempt: int, asked_s: float | None) -> None:
        await asyncio.sleep(self._policy.pause_s(attempt) if asked_s is None else asked_s)

    def _entry(
        self,
        refresh: Spending,
        outcome: Outcome,
        verdict: Verdict,
        *,
        detail: str | None,
    ) -> HistoryEntry:
        return HistoryEntry(
            at=self._clock(),
            outcome=outcome,
            detail=detail,
            trace_id=verdict.trace_id,
            token_fingerprint=refresh.fingerprint,
        )

    def _count(self, refresh: Spending, outcome: Outcome, took_s: float) -> None:
        self._metrics.refresh(refresh.plugin.slug, outcome.value, took_s)
        if outcome not in (Outcome.REFRESHED, Outcome.SUPERSEDED):
            _log.warning(
                "workspace %s, %s: refresh: %s",
                refresh.connection.workspace_id,
                refresh.plugin.slug,
                outcome.value,
            )
