"""Stops asking a provider that is down, and looks now and then whether it has come back."""

import asyncio
import logging
from collections.abc import AsyncIterator, Hashable
from contextlib import asynccontextmanager
from contextvars import ContextVar
from datetime import datetime

from integrations.contracts.errors import ProviderUnavailableError
from integrations.runtime.backoff import Backoff
from integrations.runtime.timing import Timing

_log = logging.getLogger(__name__)  # whose lines people see as progress

IN_A_ROW = 5
FIRST_PAUSE_S = 10.0
LONGEST_WAIT_S = 150.0
LOOK_S = 5.0

_look: ContextVar[asyncio.Event | None] = ContextVar("_look", default=None)
"""The look that the code at work is; inherited by the tasks that it starts."""


class Breaker:
    """
    What one HTTP session has found out about one provider being down.

    Closed, it lets everybody pass. It opens when *in_a_row* connections, one after the other
    and with no answer to anybody in between, have used up their tries. From then on nobody
    begins: one waits for *first_pause_s* and looks, with what it was going to ask; the others
    wait for what it finds. An answer closes the breaker, and all go on. A look that fails is
    followed by the next after twice the pause. Once all pauses together would be longer than
    *longest_wait_s*, the rest is refused at once, with the reason.

    So an outage is outlasted by the clock, not by its count of requests: a look sends a few, and
    where each of them fails, the rest is refused however few requests the provider still had to
    fail. When the next look is, and that the provider is back, is logged for people.

    An answer is any but a server's fault: a provider that refuses or throttles us is not down.

    Args:
        name: The provider.
        timing: The clocks.
        in_a_row: Connections that gave up before it opens.
        first_pause_s: Seconds before the first look.
        longest_wait_s: All pauses of the session together, however often it opens.
    """

    def __init__(
        self,
        name: str,
        *,
        timing: Timing,
        in_a_row: int = IN_A_ROW,
        first_pause_s: float = FIRST_PAUSE_S,
        longest_wait_s: float = LONGEST_WAIT_S,
    ) -> None:
        self._name = name
        self._timing = timing
        self._in_a_row = in_a_row
        self._pauses = Backoff(first_pause_s)
        self._looks = 0
        self._left_s = longest_wait_s
        self._gave_up: set[Hashable] = set()
        self._since: datetime | None = None
        self._down = self._reason = ""
        self._look: asyncio.Event | None = None
        self._look_at_s: float | None = None
        self._look_ends_s = 0.0

    @asynccontextmanager
    async def turn(self) -> AsyncIterator[None]:
        """
        Wait until the provider may be asked; the block asks it.

        While the provider is down, the block is the look, if nobody else's is. Turns may be
        nested: what is asked within a look is part of it.

        Raises:
            ProviderUnavailableError: If it has been waited for long enough; it names since
                when the provider is down, and why. The text is the same for everybody.
        """
        while self._reason and self._look is not None and not self._is_mine:
            await self._look.wait()
        if not self._reason or self._is_mine:
            yield
            return
        if self._look_at_s is None:
            raise ProviderUnavailableError(self._reason)
        look = self._look = asyncio.Event()
        outer = _look.set(look)
        try:
            await self._wait_until(self._look_at_s)
            yield
        except ProviderUnavailableError:
            if self._look is look:
                self._plan_look()
            raise
        finally:
            _look.reset(outer)
            if self._look is look:  # without an answer; if nothing was asked, the next one looks
                self._end_look()

    def lets_repeat(self, after_s: float = 0.0) -> bool:
        """
        Return whether a request that failed may be repeated.

        Args:
            after_s: Seconds until then. A look is short, as others wait for it.
        """
        if not self._reason:
            return True
        return self._is_mine and self._timing.monotonic_s() + after_s <= self._look_ends_s

    def answered(self) -> None:
        """Note that the provider has answered."""
        if self._reason and self._since is not None:
            down_s = (self._timing.now() - self._since).total_seconds()
            _log.info("%s: the provider is back, after %.0f s", self._name, down_s)
        self._gave_up.clear()
        self._since = None
        self._reason = ""
        self._looks = 0
        self._end_look()

    def gave_up(self, who: Hashable, error: ProviderUnavailableError) -> None:
        """
        Note that a connection has used up its tries.

        Args:
            who: Tells connections apart; each counts once.
            error: What its last try met.
        """
        if self._reason:
            return
        self._gave_up.add(who)
        self._since = self._since or self._timing.now()
        if len(self._gave_up) >= self._in_a_row:
            self._down = (
                f"{self._name}: the provider is down since {self._since:%Y-%m-%d %H:%M:%S %Z}"
            )
            self._reason = (
                f"{self._down}; not tried, as {self._in_a_row} in a row gave up, "
                f"the last with: {error}"
            )
            self._plan_look()

    @property
    def _is_mine(self) -> bool:
        return self._look is not None and self._look is _look.get()

    def _plan_look(self) -> None:
        self._look_at_s = None
        pause_s = self._pauses.wait_s(self._looks + 1)
        if pause_s <= self._left_s:
            self._looks += 1
            self._look_at_s = self._timing.monotonic_s() + pause_s
            _log.info("%s, looking again in %.0f s", self._down, pause_s)
        else:
            _log.info("%s, the rest of the run is not tried", self._down)

    async def _wait_until(self, moment_s: float) -> None:
        wait_s = moment_s - self._timing.monotonic_s()
        if wait_s > 0:
            self._left_s -= round(wait_s, 3)  # or the last pause fits or not by a hair
            await self._timing.sleep(wait_s)
        self._look_ends_s = self._timing.monotonic_s() + LOOK_S

    def _end_look(self) -> None:
        if self._look is not None:
            self._look.set()
            self._look = None
