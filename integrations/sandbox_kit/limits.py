"""`RateLimiter`: refuses calls over the provider's limits, and reports how many are left."""

import math
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from threading import Lock

from starlette.datastructures import MutableHeaders
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from integrations.sandbox_kit.calls import is_control
from integrations.sandbox_kit.context import Clock

EXHAUSTED = "zebbra.sandbox.exhausted"
"""Key of the request's scope: the rule that an injected fault reports as used up."""


@dataclass(frozen=True, slots=True)
class LimitRule:
    """
    One limit.

    Attributes:
        name: The provider's word for it, e.g. `minute`, `day`, `concurrent`.
        limit: Most calls in the window, or at once.
        window_s: Length of the window; None for a limit of calls in flight.
        per: The unit that calls are counted by; passed to the limiter's `key_of`.
        rolling: Whether the window moves with the calls (Gusto) or begins with a key's first
            call and then stays fixed (Xero).
    """

    name: str
    limit: int
    window_s: float | None = 60.0
    per: str = "tenant"
    rolling: bool = False


@dataclass(frozen=True, slots=True)
class Usage:
    """
    The usage of a rule.

    Attributes:
        remaining: Calls left.
        resets_at: When calls become available again.
    """

    rule: LimitRule
    limit: int
    remaining: int
    resets_at: datetime


@dataclass(frozen=True, slots=True)
class Refusal:
    """
    A call that went over a limit.

    Attributes:
        name: Name of the rule.
        retry_after_s: Whole seconds to wait; None for calls in flight.
    """

    name: str
    retry_after_s: int | None


KeyOf = Callable[[Request, str], str | None]
HeadersOf = Callable[[Mapping[str, Usage]], Mapping[str, str]]
Refuse = Callable[[Refusal], Response]


def plain_refusal(refusal: Refusal) -> Response:
    """Return a 429 in no provider's format."""
    headers = {}
    if refusal.retry_after_s is not None:
        headers["Retry-After"] = str(refusal.retry_after_s)
    return JSONResponse({"error": "too many requests"}, status_code=429, headers=headers)


@dataclass(slots=True)
class _Counter:
    since: datetime
    count: int = 0
    stamps: deque[datetime] = field(default_factory=deque)


class RateLimiter:
    """
    Counts calls by *rules*. Refused calls are not counted. Safe to use from several threads.

    Args:
        key_of: Given a request and a rule's `per`, returns the key to count it by; None:
            the call is not counted (token endpoints).
        headers: Returns the headers of every counted answer from the usage by rule name.
        refuse: Returns the provider's 429.
    """

    def __init__(
        self,
        rules: Sequence[LimitRule],
        *,
        clock: Clock,
        key_of: KeyOf,
        headers: HeadersOf = lambda _usage: {},
        refuse: Refuse = plain_refusal,
    ) -> None:
        self.rules = tuple(rules)
        self.clock = clock
        self.key_of = key_of
        self.headers = headers
        self.refuse = refuse
        self._limits = {rule.name: rule.limit for rule in rules}
        self._counters: dict[tuple[str, str], _Counter] = {}
        self._lock = Lock()

    def set_limits(self, limits: Mapping[str, int]) -> None:
        """
        Change the limits of some rules until `reset`.

        Raises:
            LookupError: If there is no rule of such a name.
        """
        known = {rule.name for rule in self.rules}
        unknown = sorted(set(limits) - known)
        if unknown:
            raise LookupError(f"no limit called {unknown[0]!r}; there are {sorted(known)}")
        with self._lock:
            self._limits.update(limits)

    def reset(self) -> None:
        """Forget all calls and changed limits."""
        with self._lock:
            self._limits = {rule.name: rule.limit for rule in self.rules}
            self._counters.clear()

    def keys_for(self, request: Request) -> dict[str, str]:
        """Return the request's counter keys by rule name."""
        found = {rule.name: self.key_of(request, rule.per) for rule in self.rules}
        return {name: key for name, key in found.items() if key is not None}

    def enter(self, keys: Mapping[str, str]) -> Refusal | None:
        """Count a call, or return the refusal of a call over a limit."""
        with self._lock:
            now = self.clock.now()
            for rule in self.rules:
                if rule.name in keys and self._used(rule, keys, now) >= self._limits[rule.name]:
                    return Refusal(rule.name, self._wait_s(rule, keys, now))
            for rule in self.rules:
                if rule.name in keys:
                    counter = self._counter(rule, keys, now)
                    counter.count += 1
                    if rule.rolling:
                        counter.stamps.append(now)
            return None

    def leave(self, keys: Mapping[str, str]) -> None:
        """Note that a counted call has ended."""
        with self._lock:
            for rule in self.rules:
                counter = self._counters.get((rule.name, keys.get(rule.name, "")))
                if rule.window_s is None and counter is not None and counter.count > 0:
                    counter.count -= 1

    def usage(self, keys: Mapping[str, str]) -> dict[str, Usage]:
        """Return the usage by rule name."""
        with self._lock:
            now = self.clock.now()
            return {
                rule.name: Usage(
                    rule=rule,
                    limit=self._limits[rule.name],
                    remaining=max(0, self._limits[rule.name] - self._used(rule, keys, now)),
                    resets_at=now + timedelta(seconds=self._wait_s(rule, keys, now) or 0),
                )
                for rule in self.rules
                if rule.name in keys
            }

    def _counter(self, rule: LimitRule, keys: Mapping[str, str], now: datetime) -> _Counter:
        return self._counters.setdefault((rule.name, keys[rule.name]), _Counter(since=now))

    def _used(self, rule: LimitRule, keys: Mapping[str, str], now: datetime) -> int:
        counter = self._counter(rule, keys, now)
        if rule.window_s is None:
            return counter.count
        window = timedelta(seconds=rule.window_s)
        if rule.rolling:
            while counter.stamps and counter.stamps[0] + window <= now:
                counter.stamps.popleft()
            return len(counter.stamps)
        if counter.count == 0 or counter.since + window <= now:
            counter.since, counter.count = now, 0
        return counter.count

    def _wait_s(self, rule: LimitRule, keys: Mapping[str, str], now: datetime) -> int | None:
        if rule.window_s is None:
            return None
        counter = self._counter(rule, keys, now)
        begin = counter.stamps[0] if counter.stamps else counter.since
        left = begin + timedelta(seconds=rule.window_s) - now
        return max(1, math.ceil(left.total_seconds()))


class RateLimitMiddleware:
    """Applies a `RateLimiter` to every call except those under `/_control/`."""

    def __init__(self, app: ASGIApp, *, limiter: RateLimiter) -> None:
        self.app = app
        self.limiter = limiter

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or is_control(scope):
            await self.app(scope, receive, send)
            return
        keys = self.limiter.keys_for(Request(scope))
        if not keys:
            await self.app(scope, receive, send)
            return

        async def telling_send(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                usage = self.limiter.usage(keys)
                exhausted = scope.get(EXHAUSTED)
                if exhausted in usage:
                    usage[exhausted] = replace(usage[exhausted], remaining=0)
                for name, value in self.limiter.headers(usage).items():
                    headers.setdefault(name, value)
            await send(message)

        refusal = self.limiter.enter(keys)
        if refusal is not None:
            await self.limiter.refuse(refusal)(scope, receive, telling_send)
            return
        try:
            await self.app(scope, receive, telling_send)
        finally:
            self.limiter.leave(keys)
