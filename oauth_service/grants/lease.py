"""Holds the lease of a connection while a grant is spent or ended."""

import asyncio
import logging
import secrets
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from datetime import datetime, timedelta

from starlette.concurrency import run_in_threadpool

from integrations.contracts import ProviderUnavailableError
from integrations.runtime.backoff import Backoff
from oauth_service.store import LeaseKey, Store

_JITTER = (0.75, 1.25)

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class RefreshPolicy:
    """
    How patient the service is.

    Attributes:
        attempts: Requests for one refresh, repeats included.
        attempt_s: Longest time that one request to a token endpoint may take.
        backoff_s: Seconds before the first repeat; doubled before each further one.
        longest_backoff_s: What doubling ends at.
        longest_retry_after_s: A longer `Retry-After` is passed on instead of waited for.
        caller_wait_s: How long a caller waits for a refresh before it gets a 503; the
            refresh goes on.
        lease_s: Life of the lease of a holder that no longer renews it. It is renewed every
            third of that, so a slow provider never opens the lock; a renewal that fails is
            tried again after a fifteenth.
        commit_s: How long a new pair is kept in memory and tried again while the database does
            not take it; longer than a failover.
        poll_s: Seconds between two looks at a lease that somebody else holds.
        idle_at_once: How many idle connections are refreshed at the same time.
    """

    attempts: int = 3
    attempt_s: float = 30.0
    backoff_s: float = 0.4
    longest_backoff_s: float = 5.0
    longest_retry_after_s: float = 3.0
    caller_wait_s: float = 45.0
    lease_s: float = 15.0
    commit_s: float = 300.0
    poll_s: float = 0.15
    idle_at_once: int = 4

    def pause_s(self, attempt: int) -> float:
        """Seconds to wait after so many failed attempts, a little different each time."""
        return Backoff(self.backoff_s, self.longest_backoff_s, _JITTER).wait_s(attempt)

    def silent_for(self, replay_grace: timedelta | None) -> timedelta:
        """
        Say how long after its lease's end a holder may still come with the only valid pair.

        Zero where the provider gives another pair for a spent token that long: who takes the
        lease over then needs nothing of its last holder.
        """
        longest = timedelta(seconds=self.attempt_s + self.commit_s)
        replayable = replay_grace is None or replay_grace > longest
        return timedelta(0) if replayable else longest


class Lease:
    """A lease that was taken. Who could not renew it in time may have lost it to another."""

    def __init__(self, renew: Callable[[], Awaitable[bool]]) -> None:
        self._renew = renew

    async def still_held(self) -> bool:
        """Renew it; return whether it was still ours."""
        return await self._renew()


class ConnectionLock:
    """The lock of refresh rule 1, in the store."""

    def __init__(
        self, store: Store, *, clock: Callable[[], datetime], policy: RefreshPolicy
    ) -> None:
        self._leases = store.leases
        self._clock = clock
        self._policy = policy

    @asynccontextmanager
    async def hold(
        self, workspace_id: str, integration: str, *, silent_for: timedelta = timedelta(0)
    ) -> AsyncIterator[Lease]:
        """
        Hold the connection's lease; wait while another holds it.

        A lease that has ended without being given back is taken once it ended *silent_for* ago.

        Raises:
            ProviderUnavailableError: If it was not free within the caller's patience.
        """
        key = LeaseKey(workspace_id, integration, secrets.token_hex(16))
        await self._take(key, silent_for)
        heartbeat = asyncio.create_task(self._keep_renewing(key))
        try:
            yield Lease(lambda: self._renew(key))
        finally:
            heartbeat.cancel()
            with suppress(asyncio.CancelledError):
                await heartbeat
            await self._give_back(key)

    async def _take(self, key: LeaseKey, silent_for: timedelta) -> None:
        loop = asyncio.get_running_loop()
        deadline = loop.time() + self._policy.caller_wait_s
        while True:
            now = self._clock()
            until = self._until(now)
            if await run_in_threadpool(self._leases.take, key, now=now - silent_for, until=until):
                return
            if loop.time() >= deadline:
                raise ProviderUnavailableError(
                    f"{key.integration}: another refresh of this connection is under way",
                    retry_after_s=5.0,
                )
            await asyncio.sleep(self._policy.poll_s)

    async def _keep_renewing(self, key: LeaseKey) -> None:
        pause_s = usual_s = self._policy.lease_s / 3
        while True:
            await asyncio.sleep(pause_s)
            try:
                if not await self._renew(key):
                    _log.warning("workspace %s: lease lost to another", key.workspace_id)
                    return
            except Exception:  # noqa: BLE001 -- a lease that nobody else took can be renewed late
                if pause_s == usual_s:  # said once, however long the database is away
                    _log.exception("workspace %s: lease not renewed", key.workspace_id)
                pause_s = self._policy.lease_s / 15
            else:
                pause_s = usual_s

    async def _renew(self, key: LeaseKey) -> bool:
        until = self._until(self._clock())
        # In a thread of its own pool: requests that wait for one must not end the lease.
        renewal = asyncio.ensure_future(asyncio.to_thread(self._leases.renew, key, until=until))
        try:
            return await asyncio.shield(renewal)
        finally:  # a thread cannot be cancelled, and must not outlive the store that it uses
            await asyncio.wait({renewal})

    async def _give_back(self, key: LeaseKey) -> None:
        try:
            await run_in_threadpool(self._leases.give_back, key)
        except Exception:  # noqa: BLE001 -- it ends by itself; what it guarded has succeeded
            _log.exception("workspace %s: lease not given back", key.workspace_id)

    def _until(self, now: datetime) -> datetime:
        return now + timedelta(seconds=self._policy.lease_s)
