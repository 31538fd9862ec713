"""A time limit with short pauses until it."""

import time

from integrations.runtime.backoff import Backoff

_PAUSES = Backoff(first_s=0.005, longest_s=0.02)


class Deadline:
    """A time limit on the monotonic clock, with growing pauses until it."""

    def __init__(self, seconds: float) -> None:
        self._end = time.monotonic() + seconds
        self._pauses = 0

    @property
    def left_s(self) -> float:
        """Remaining seconds, at least 0."""
        return max(0.0, self._end - time.monotonic())

    def pause(self) -> bool:
        """Sleep briefly and return True; return False if the time is over."""
        if not self.left_s:
            return False
        self._pauses += 1
        time.sleep(min(_PAUSES.wait_s(self._pauses), self.left_s))
        return True
