"""The clocks that the HTTP client waits by; tests pass their own and wait for nothing."""

import asyncio
import time
from datetime import UTC, datetime


class Timing:
    """System time."""

    def monotonic_s(self) -> float:
        """Seconds on a clock that never jumps."""
        return time.monotonic()

    def now(self) -> datetime:
        """Wall time, timezone-aware."""
        return datetime.now(UTC)

    async def sleep(self, seconds: float) -> None:
        """Wait without holding up other coroutines."""
        await asyncio.sleep(seconds)
