"""When a request is repeated, after how long, and when we give up."""

import random
import re
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from enum import Enum, auto
from http import HTTPStatus

from integrations.runtime.backoff import Backoff

_JITTER = (1.0, 0.5)
_SECONDS = re.compile(r"\d+(\.\d+)?", re.ASCII)
_LONGEST_ASKED_S = 31 * 86_400.0
"""No quota is longer than a month; a larger figure is a mistake of the provider's."""


class Trouble(Enum):
    """What kind of failed attempt may be repeated."""

    FAULT = auto()
    """Network fault, timeout, 408, or 5xx other than 501."""
    THROTTLED = auto()
    """429."""
    UNREADABLE = auto()
    """200, but no JSON: what providers' front ends serve during outages."""


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """
    How often and how patiently one request is repeated.

    Waits double from one failure to the next, and each is shortened by up to half at
    random, so that many workers do not return in step. A `Retry-After` is kept exactly.

    Attributes:
        tries: Attempts in all when the provider or the network fails.
        throttled_tries: Attempts in all when the provider throttles.
        unreadable_tries: Attempts in all when a successful answer is no JSON.
        first_wait_s: Longest first wait after a fault.
        first_throttled_wait_s: Longest first wait after a 429 that names no time.
        longest_wait_s: No computed wait is longer.
        longest_retry_after_s: A longer `Retry-After` is reported instead of waited for.
        longest_total_s: All waits of one request together. Waiting for a free place in a
            rate limit is not counted.
        random: Returns a number in [0, 1).
    """

    tries: int = 4
    throttled_tries: int = 5
    unreadable_tries: int = 3
    first_wait_s: float = 0.5
    first_throttled_wait_s: float = 5.0
    longest_wait_s: float = 60.0
    longest_retry_after_s: float = 90.0
    longest_total_s: float = 300.0
    random: Callable[[], float] = random.random

    def most_tries(self, trouble: Trouble) -> int:
        """Return the attempts allowed for one kind of trouble."""
        return {
            Trouble.FAULT: self.tries,
            Trouble.THROTTLED: self.throttled_tries,
            Trouble.UNREADABLE: self.unreadable_tries,
        }[trouble]

    def backoff_s(self, trouble: Trouble, failures: int) -> float:
        """Return how long to wait after the given number of failures, jittered."""
        throttled = trouble is Trouble.THROTTLED
        first = self.first_throttled_wait_s if throttled else self.first_wait_s
        return Backoff(first, self.longest_wait_s, _JITTER, self.random).wait_s(failures)


class Attempts:
    """Count of one request's failures and waits."""

    def __init__(self, policy: RetryPolicy, *, slow_tries: int | None = None) -> None:
        self._policy = policy
        self._slow_tries_left = slow_tries
        self._failures: Counter[Trouble] = Counter()
        self._waited_s = 0.0

    def next_wait_s(
        self, trouble: Trouble, asked_s: float | None = None, *, slow: bool = False
    ) -> float | None:
        """
        Record a failed attempt; return how long to wait before the next, or None to give up.

        Args:
            trouble: What went wrong.
            asked_s: What the provider asked for in `Retry-After`; it replaces our own wait.
            slow: Whether the answer did not come in time.
        """
        self._failures[trouble] += 1
        if slow and self._slow_tries_left is not None:
            self._slow_tries_left -= 1
            if self._slow_tries_left <= 0:
                return None
        failures = self._failures[trouble]
        if failures >= self._policy.most_tries(trouble):
            return None
        if asked_s is not None and asked_s > self._policy.longest_retry_after_s:
            return None
        wait_s = asked_s or self._policy.backoff_s(trouble, failures)
        if self._waited_s + wait_s > self._policy.longest_total_s:
            return None
        self._waited_s += wait_s
        return wait_s


def trouble_of(status: int) -> Trouble | None:
    """Return why an answer of this status may be repeated; None if that cannot help."""
    if status == HTTPStatus.TOO_MANY_REQUESTS:
        return Trouble.THROTTLED
    if status == HTTPStatus.NOT_IMPLEMENTED:
        return None
    if status >= HTTPStatus.INTERNAL_SERVER_ERROR or status == HTTPStatus.REQUEST_TIMEOUT:
        return Trouble.FAULT
    return None


def retry_after_s(value: str | None, *, now: datetime) -> float | None:
    """
    Return the seconds that a `Retry-After` header asks for.

    Args:
        value: Seconds or an HTTP date (RFC 9110, 10.2.3); None if the header is missing.
        now: Timezone-aware; dates count from it.

    Returns:
        Seconds from 0 to a month; None if the header is missing or neither form.
    """
    text = (value or "").strip()
    if _SECONDS.fullmatch(text):
        return min(float(text), _LONGEST_ASKED_S)
    try:
        date = parsedate_to_datetime(text)
    except (TypeError, ValueError, OverflowError):
        return None
    if date.tzinfo is None:
        date = date.replace(tzinfo=UTC)
    return min(max((date - now).total_seconds(), 0.0), _LONGEST_ASKED_S)
