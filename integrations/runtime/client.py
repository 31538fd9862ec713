"""`BoundClient`: the authorised client of one connection, as plugins see it."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from http import HTTPStatus
from typing import NoReturn, Self
from urllib.parse import quote, urlencode

from integrations.contracts.access import IntegrationAccess
from integrations.contracts.client import Answer
from integrations.contracts.errors import (
    DayLimitError,
    IntegrationError,
    PayloadError,
    ProviderUnavailableError,
    TooSlowError,
)
from integrations.contracts.oauth import OutboundRequest
from integrations.contracts.plugin import IntegrationPlugin
from integrations.runtime.answers import RawAnswer, parse_json
from integrations.runtime.breaker import Breaker
from integrations.runtime.errors_by_status import error_for, missing_scope, trace_note
from integrations.runtime.limits import Budget, Budgets
from integrations.runtime.retry import Attempts, RetryPolicy, Trouble, retry_after_s, trouble_of
from integrations.runtime.timing import Timing
from integrations.runtime.tokens import CachedAccess

Send = Callable[[OutboundRequest], Awaitable[RawAnswer]]
_DAY_GUESS_S = 3600.0
"""When to look again if a day limit comes without `Retry-After`."""


@dataclass(frozen=True, slots=True)
class Quota:
    """What the provider last said is left; None where it has not said."""

    minute_remaining: int | None = None
    day_remaining: int | None = None


@dataclass(frozen=True, slots=True)
class _Failed:
    """
    An attempt that may be repeated.

    Attributes:
        error: Raised when no attempt is left.
        asked_s: What the provider asked for in `Retry-After`.
    """

    trouble: Trouble
    error: IntegrationError
    asked_s: float | None = None


class BoundClient:
    """
    A `ProviderClient`: one connection's token, tenant, limits and retries.

    Made by `HttpSession.bind`. Unless that was given the access, `await client.open()` before
    `tenant_id` is read; requests open the client by themselves.
    """

    def __init__(
        self,
        plugin: IntegrationPlugin,
        *,
        send: Send,
        access: CachedAccess,
        base_url: str,
        budgets: Budgets,
        breaker: Breaker,
        retry: RetryPolicy,
        timing: Timing,
        user: str | None = None,
    ) -> None:
        self._plugin = plugin
        self._send = send
        self._root = base_url.rstrip("/")
        self._budgets = budgets
        self._budget: Budget | None = None
        self._breaker = breaker
        self._retry = retry
        self._timing = timing
        self._user = user
        self._access = access
        self._calls = 0
        self._quota = Quota()

    async def open(self) -> Self:
        """
        Fetch the access, so that tenant id and name are known.

        Raises:
            IntegrationError: As the token source does.
        """
        await self._access.current()
        return self

    @property
    def tenant_id(self) -> str:
        """Id of the pinned tenant; empty while a new grant's tenants are looked for."""
        return self._known().tenant_id

    @property
    def tenant_name(self) -> str:
        """Name of the pinned tenant when it was connected."""
        return self._known().tenant_name

    @property
    def calls(self) -> int:
        """Requests sent so far, repeats included."""
        return self._calls

    @property
    def quota(self) -> Quota:
        """What the provider last said is left of the limits."""
        return self._quota

    async def get(
        self,
        path: str,
        params: Mapping[str, str | int] | None = None,
        *,
        headers: Mapping[str, str] | None = None,
        slow_tries: int | None = None,
    ) -> Answer:
        """
        Send a GET request, repeated as far as that can help.

        While the provider is down for everybody it waits, bounded; see `Breaker`.

        Args:
            path: Relative to the provider's host root.
            params: Query; flags are sent as `true` and `false`.
            headers: Sent beside the plugin's own, which they override.
            slow_tries: Attempts before a `TooSlowError`; None: as many as for other faults.

        Raises:
            ValueError: If *path* is a whole URL: the token goes to no other host.
            IntegrationError: The leaf that says what to do; see `contracts.errors`.
        """
        url = self._url(path, params)
        where = f"{self._plugin.name}: GET {path.partition('?')[0].lstrip('/')[:120]}"
        attempts = Attempts(self._retry, slow_tries=slow_tries)
        async with self._breaker.turn():
            return await self._get(url, where, headers, attempts)

    async def _get(
        self, url: str, where: str, headers: Mapping[str, str] | None, attempts: Attempts
    ) -> Answer:
        refreshed = False
        while True:
            access = await self._access.current()
            answer = await self._attempt(url, access, headers)
            if isinstance(answer, RawAnswer):
                if self._may_be_outdated(answer) and not refreshed:
                    refreshed = True
                    await self._access.replace(access)
                    continue
                outcome = self._judged(answer, where, access)
            else:
                outcome = answer
            if isinstance(outcome, Answer):
                return outcome
            paused = self._paused(outcome)
            slow = isinstance(outcome.error, TooSlowError)
            wait_s = attempts.next_wait_s(outcome.trouble, outcome.asked_s, slow=slow)
            if wait_s is None or not self._breaker.lets_repeat(wait_s):
                self._give_up(outcome)
            if not paused:
                await self._timing.sleep(wait_s)
            if not self._breaker.lets_repeat():  # others have found out meanwhile
                raise outcome.error

    async def _attempt(
        self, url: str, access: IntegrationAccess, headers: Mapping[str, str] | None
    ) -> RawAnswer | _Failed:
        """Send the request once, within the limits; network faults may be repeated."""
        api = self._plugin.api
        sent = {"Accept": "application/json", **api.headers, **(headers or {})}
        if api.tenant_header and access.tenant_id:
            sent[api.tenant_header] = access.tenant_id
        request = OutboundRequest(
            method="GET", url=url, bearer=access.access_token.get_secret_value(), headers=sent
        )
        budget = self._budget_of(access)
        async with budget.slot(), self._budgets.of_app(self._plugin.name, api.limits).slot():
            self._calls += 1
            try:
                answer = await self._send(request)
            except ProviderUnavailableError as exc:
                kind = TooSlowError if isinstance(exc, TooSlowError) else ProviderUnavailableError
                error = kind(f"{self._plugin.name}: {exc}", retry_after_s=exc.retry_after_s)
                return _Failed(Trouble.FAULT, error)
            self._learn(answer, budget)
            if trouble_of(answer.status) is not Trouble.FAULT:
                self._breaker.answered()
            return answer

    def _may_be_outdated(self, answer: RawAnswer) -> bool:
        """Return whether the token was refused, and not for a scope that no other would have."""
        refused = answer.status == HTTPStatus.UNAUTHORIZED
        return refused and missing_scope(self._plugin.api.refusals, answer) is None

    def _give_up(self, failed: _Failed) -> NoReturn:
        if failed.trouble is Trouble.FAULT and isinstance(failed.error, ProviderUnavailableError):
            self._breaker.gave_up(self, failed.error)
        raise failed.error

    def _judged(self, answer: RawAnswer, where: str, access: IntegrationAccess) -> Answer | _Failed:
        """
        Return a success, or a failure that may be repeated.

        Raises:
            IntegrationError: If repeating cannot help.
        """
        api = self._plugin.api
        if HTTPStatus.OK <= answer.status < HTTPStatus.MULTIPLE_CHOICES:
            try:
                payload = parse_json(answer, where) if answer.body.strip() else None
            except PayloadError as exc:
                error = PayloadError(f"{exc}{trace_note(answer, api.trace_header)}")
                return _Failed(Trouble.UNREADABLE, error)
            return Answer(status=answer.status, payload=payload, headers=answer.headers)
        asked_s = retry_after_s(answer.headers.get("retry-after"), now=self._timing.now())
        refusal = error_for(answer, where, api, asked_s=asked_s, token=access.access_token)
        trouble = trouble_of(answer.status)
        if trouble is None:
            raise refusal
        if trouble is Trouble.THROTTLED:
            self._raise_if_long(refusal, answer, asked_s)
        return _Failed(trouble, refusal, asked_s)

    def _raise_if_long(
        self, refusal: IntegrationError, answer: RawAnswer, asked_s: float | None
    ) -> None:
        """Turn a 429 that is not worth waiting for into "come back at", for the whole budget."""
        waits = (asked_s or 0.0) <= self._retry.longest_retry_after_s
        if waits and not self._is_day_problem(answer):
            return
        wait_s = asked_s or _DAY_GUESS_S
        come_back_at = self._timing.now() + timedelta(seconds=wait_s)
        if self._budget is not None:
            self._budget.close(come_back_at)
        raise DayLimitError(
            f"{refusal}; a long quota is used up, come back at {come_back_at:%Y-%m-%d %H:%M:%S %Z}",
            retry_after_s=wait_s,
            come_back_at=come_back_at,
        )

    def _paused(self, failed: _Failed) -> bool:
        """
        Pause the whole budget if the provider has named a time.

        The next attempt then waits for its place like everybody else's.
        """
        if failed.trouble is not Trouble.THROTTLED or not failed.asked_s or not self._budget:
            return False
        self._budget.pause(failed.asked_s)
        return True

    def _is_day_problem(self, answer: RawAnswer) -> bool:
        problem = self._plugin.api.limits.day_problem
        if problem is None:
            return False
        header, prefix = problem
        return answer.headers.get(header.lower(), "").strip().lower().startswith(prefix)

    def _learn(self, answer: RawAnswer, budget: Budget) -> None:
        limits = self._plugin.api.limits
        minute = _count(answer, limits.minute_remaining_header)
        day = _count(answer, limits.day_remaining_header)
        self._quota = Quota(
            self._quota.minute_remaining if minute is None else minute,
            self._quota.day_remaining if day is None else day,
        )
        # A `Retry-After` knows when the minute ends; "none left" would make it a whole one.
        named = answer.status == HTTPStatus.TOO_MANY_REQUESTS and "retry-after" in answer.headers
        budget.learn(minute_remaining=None if named else minute, day_remaining=day)

    def _budget_of(self, access: IntegrationAccess) -> Budget:
        if self._budget is None:
            limits = self._plugin.api.limits
            # Whose grant it is, is not told. One tenant stands in for its user; what the
            # user's other tenants spend is learnt from the "remaining" header.
            user = f"user {self._user}" if limits.per == "user" and self._user else ""
            self._budget = self._budgets.of_owner(
                self._plugin.name, user or access.tenant_id, limits
            )
        return self._budget

    def _url(self, path: str, params: Mapping[str, str | int] | None) -> str:
        if "://" in path.partition("?")[0]:
            raise ValueError(f"{self._plugin.name}: path: expected a relative one, found a URL")
        url = f"{self._root}/{path.lstrip('/')}"
        if not params:
            return url
        query = urlencode(
            {name: _query_value(value) for name, value in params.items()}, quote_via=quote
        )
        return f"{url}{'&' if '?' in path else '?'}{query}"

    def _known(self) -> IntegrationAccess:
        if self._access.known is None:
            raise RuntimeError(f"{self._plugin.name}: tenant not known; await client.open() first")
        return self._access.known


def _query_value(value: str | int) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _count(answer: RawAnswer, header: str | None) -> int | None:
    text = answer.headers.get((header or "").lower(), "").strip()
    return int(text) if text.isascii() and text.isdigit() and len(text) < 10 else None  # noqa: PLR2004 -- a count, not an attack
