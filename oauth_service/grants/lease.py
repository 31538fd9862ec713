"""The lease of a connection, held while its grant is refreshed or revoked."""

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
    Timeouts, retries and limits of a refresh. All times are in seconds.

    Attributes:
        attempts: Requests for one refresh, including retries.
        attempt_s: Longest duration of one request to a token endpoint.
        backoff_s: Pause before the first retry; doubled before each further one.
        longest_backoff_s: Upper bound of that pause.
        longest_retry_after_s: A longer `Retry-After` is passed to the caller instead of waited
            for.
        caller_wait_s: How long a caller waits for a refresh before it gets a 503; the
            refresh continues.
        lease_s: Time after which a lease expires that is not renewed. It is renewed every third
            of that time, so a slow provider does not open the lock; a failed renewal is
            retried after a fifteenth.
        commit_s: How long storing a new pair is retried while the database is unavailable;
            longer than a failover. The pair is in memory until then.
        poll_s: Pause between two attempts to take a lease that another process holds.
        idle_at_once: Idle connections refreshed concurrently.
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
        """Return the seconds to wait after *attempt* failed attempts, with jitter."""
        return Backoff(self.backoff_s, self.longest_backoff_s, _JITTER).wait_s(attempt)

    def silent_for(self, replay_grace: timedelta | None) -> timedelta:
        """
        Return how long after its lease expired a holder may still store the only valid pair.

        Zero if *replay_grace* is longer: the next holder can then refresh with the same token
        and does not depend on the last holder.
        """
        longest = timedelta(seconds=self.attempt_s + self.commit_s)
        replayable = replay_grace is None or replay_grace > longest
        return timedelta(0) if replayable else longest


class Lease:
    """A lease that was taken. If it is not renewed in time, another process may take it."""

    def __init__(self, renew: Callable[[], Awaitable[bool]]) -> None:
        self._renew = renew

    async def still_held(self) -> bool:
        """Renew the lease; return False if it was lost."""
        return await self._renew()


class ConnectionLock:
    """A lock for each connection, stored as a lease, so that one process at a time refreshes it."""

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
        Hold the connection's lease; wait while another process holds it.

        A lease that expired without a release is taken *silent_for* after its expiry.

        Raises:
            ProviderUnavailableError: If the lease was not free within `caller_wait_s`.
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
                    _log.warning("workspace %s: lease lost to another process", key.workspace_id)
                    return
            except Exception:  # noqa: BLE001 -- a late renewal works if the lease is not taken
                if pause_s == usual_s:  # logged once per outage of the database
                    _log.exception("workspace %s: lease not renewed", key.workspace_id)
                pause_s = self._policy.lease_s / 15
            else:
                pause_s = usual_s

    async def _renew(self, key: LeaseKey) -> bool:
        until = self._until(self._clock())
        # In another thread pool: requests that wait for a thread must not let the lease expire.
        renewal = asyncio.ensure_future(asyncio.to_thread(self._leases.renew, key, until=until))
        try:
            return await asyncio.shield(renewal)
        finally:  # a thread cannot be cancelled, and must end before the store is closed
            await asyncio.wait({renewal})

    async def _give_back(self, key: LeaseKey) -> None:
        try:
            await run_in_threadpool(self._leases.give_back, key)
        except Exception:  # noqa: BLE001 -- it expires by itself; the guarded work is done
            _log.exception("workspace %s: lease not released", key.workspace_id)

    def _until(self, now: datetime) -> datetime:
        return now + timedelta(seconds=self._policy.lease_s)
