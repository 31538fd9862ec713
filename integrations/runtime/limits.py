"""
Keeps a provider's rate limits before the provider has to refuse.

Everything here belongs to one event loop. What other processes and runs use of the same
budget is learnt from the provider's own "remaining" headers.
"""

import asyncio
import math
from collections import deque
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import UTC, datetime, timedelta

from integrations.contracts.errors import DayLimitError
from integrations.contracts.facts import RateLimits
from integrations.runtime.timing import Timing

_MINUTE_S = 60.0
_HOUR_S = 3600
_DAY_H = 24
_INSTANT_S = 1e-6
_DAY_GUESS = timedelta(hours=1)
"""When to look again if the provider says "none left today" but not until when."""


class MinuteWindow:
    """
    Counts requests of the last 60 seconds.

    A request counts from before it is sent until 60 seconds after its answer arrived, so
    however long it travelled, no 60 seconds at the provider see more than *limit*. That
    holds for rolling windows and for fixed ones of unknown start.
    """

    def __init__(self, limit: int | None) -> None:
        self._limit = limit
        self._in_flight = 0
        self._ended_s: deque[float] = deque()

    def wait_s(self, now_s: float) -> float:
        """Return seconds until a request fits; infinity until one in flight has ended."""
        if self._limit is None:
            return 0.0
        while self._ended_s and self._ended_s[0] + _MINUTE_S <= now_s + _INSTANT_S:
            self._ended_s.popleft()
        if self._in_flight + len(self._ended_s) < self._limit:
            return 0.0
        return self._ended_s[0] + _MINUTE_S - now_s if self._ended_s else math.inf

    def start(self) -> None:
        """Count a request that is about to be sent."""
        self._in_flight += 1

    def end(self, now_s: float) -> None:
        """Let the 60 seconds of an answered request begin."""
        self._in_flight -= 1
        if self._limit is not None:
            self._ended_s.append(now_s)

    def learn(self, remaining: int, now_s: float) -> bool:
        """
        Count what others have used, from what the provider says is left.

        Returns:
            False if there is no limit to count against.
        """
        if self._limit is None:
            return False
        self.wait_s(now_s)  # forgets what is over
        others = self._limit - remaining - self._in_flight - len(self._ended_s)
        self._ended_s.extend([now_s] * others)
        return True


class DayCount:
    """Counts requests of the last 24 hours, by the hour; safe for any start of the day."""

    def __init__(self, limit: int | None) -> None:
        self._limit = limit
        self._hours: deque[tuple[int, int]] = deque()

    def full_until(self, now: datetime) -> datetime | None:
        """Return when the next request fits, or None if it fits now."""
        if self._limit is None:
            return None
        hour = int(now.timestamp()) // _HOUR_S
        while self._hours and self._hours[0][0] < hour - _DAY_H:
            self._hours.popleft()
        if sum(count for _, count in self._hours) < self._limit:
            return None
        oldest = self._hours[0][0] if self._hours else hour
        return datetime.fromtimestamp((oldest + _DAY_H + 1) * _HOUR_S, UTC)

    def add(self, now: datetime) -> None:
        """Count a request."""
        hour = int(now.timestamp()) // _HOUR_S
        if self._hours and self._hours[-1][0] == hour:
            self._hours[-1] = (hour, self._hours[-1][1] + 1)
        else:
            self._hours.append((hour, 1))


class Budget:
    """
    What one tenant, one user or one app may still ask of a provider.

    Requests wait in the order in which they came.
    """

    def __init__(
        self,
        name: str,
        *,
        timing: Timing,
        concurrent: int | None = None,
        per_minute: int | None = None,
        per_day: int | None = None,
    ) -> None:
        self._name = name
        self._timing = timing
        self._places = asyncio.Semaphore(concurrent) if concurrent else None
        self._gate = asyncio.Lock()
        self._answered = asyncio.Event()
        self._window = MinuteWindow(per_minute)
        self._day = DayCount(per_day)
        self._paused_until_s = -math.inf
        self._closed_until: datetime | None = None

    @asynccontextmanager
    async def slot(self) -> AsyncIterator[None]:
        """
        Wait until one more request fits the limits, and count it.

        Raises:
            DayLimitError: If the day's quota is used up; nothing is waited for.
        """
        async with AsyncExitStack() as stack:
            if self._places is not None:
                await stack.enter_async_context(self._places)
            await self._enter()
            try:
                yield
            finally:
                self._window.end(self._timing.monotonic_s())
                self._answered.set()

    def pause(self, seconds: float) -> None:
        """Send nothing for so long; requests in flight go on."""
        until_s = self._timing.monotonic_s() + seconds
        self._paused_until_s = max(self._paused_until_s, until_s)

    def close(self, come_back_at: datetime) -> None:
        """Refuse requests with a `DayLimitError` until then, timezone-aware."""
        self._closed_until = come_back_at

    def learn(self, *, minute_remaining: int | None, day_remaining: int | None) -> None:
        """Take what the provider says is left into account; None if it does not say."""
        if minute_remaining is not None:
            known = self._window.learn(max(minute_remaining, 0), self._timing.monotonic_s())
            if not known and minute_remaining <= 0:
                self.pause(_MINUTE_S)
        if day_remaining is not None and day_remaining <= 0:
            self.close(self._timing.now() + _DAY_GUESS)

    async def _enter(self) -> None:
        async with self._gate:
            while True:
                self._check_day()
                now_s = self._timing.monotonic_s()
                wait_s = max(self._paused_until_s - now_s, self._window.wait_s(now_s))
                if wait_s <= _INSTANT_S:
                    break
                if math.isinf(wait_s):
                    self._answered.clear()
                    await self._answered.wait()
                else:
                    await self._timing.sleep(wait_s)
            self._window.start()
            self._day.add(self._timing.now())

    def _check_day(self) -> None:
        now = self._timing.now()
        if self._closed_until is not None and self._closed_until <= now:
            self._closed_until = None
        until = self._closed_until or self._day.full_until(now)
        if until is not None:
            raise DayLimitError(
                f"{self._name}: the day's quota is used up; come back at "
                f"{until:%Y-%m-%d %H:%M:%S %Z}",
                retry_after_s=(until - now).total_seconds(),
                come_back_at=until,
            )


class Budgets:
    """The budgets of one HTTP session, shared by all its clients."""

    def __init__(self, timing: Timing) -> None:
        self._timing = timing
        self._owners: dict[tuple[str, str], Budget] = {}
        self._apps: dict[str, Budget] = {}

    def of_owner(self, provider: str, owner: str, limits: RateLimits) -> Budget:
        """
        Return the budget of a tenant or user at a *provider*, given by name.

        An empty *owner*, while a new grant's tenants are looked for, gives a budget of its
        own that nobody shares.
        """
        if not owner:
            return self._new(provider, limits)
        return self._owners.setdefault((provider, owner), self._new(provider, limits))

    def of_app(self, provider: str, limits: RateLimits) -> Budget:
        """Return the budget that all tenants of the operator's app share."""
        return self._apps.setdefault(
            provider, Budget(provider, timing=self._timing, per_minute=limits.app_per_minute)
        )

    def _new(self, provider: str, limits: RateLimits) -> Budget:
        return Budget(
            provider,
            timing=self._timing,
            concurrent=limits.concurrent,
            per_minute=limits.per_minute,
            per_day=limits.per_day,
        )
