"""The two clocks that make a provider's minutes and days shorter: one at each end."""

import asyncio
import time
from datetime import datetime, timedelta

from integrations.runtime.timing import Timing
from integrations.sandbox_kit import Clock


class FastTiming(Timing):
    """What a client waits by: its seconds are shorter. The time of day, by which tokens end, is real."""

    def __init__(self, factor: float) -> None:
        self._factor = factor

    def monotonic_s(self) -> float:
        return super().monotonic_s() * self._factor

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds / self._factor)


class FastClock(Clock):
    """What the sandbox counts calls by: the same seconds, from now on."""

    def __init__(self, factor: float) -> None:
        super().__init__()
        self._factor = factor
        self._start, self._start_s = super().now(), time.monotonic()

    def now(self) -> datetime:
        passed_s = (time.monotonic() - self._start_s) * self._factor
        return self._start + timedelta(seconds=passed_s)
