"""`Backoff`: how long to wait before trying again. It waits for nothing itself."""

import math
import random
from collections.abc import Callable
from dataclasses import dataclass

_MOST_DOUBLINGS = 1000
"""Far beyond any bound; `2.0 ** 1024` would overflow after hours of short waits."""


@dataclass(frozen=True, slots=True)
class Backoff:
    """
    Waits that double from one failure to the next, up to a bound.

    Attributes:
        first_s: Seconds after the first failure, before the jitter.
        longest_s: Doubling ends here, before the jitter.
        jitter: Each wait is multiplied by a random number between these two, so that many
            clients do not return in step.
        random: Returns a number in [0, 1): 0 gives the first factor of *jitter*.
    """

    first_s: float
    longest_s: float = math.inf
    jitter: tuple[float, float] = (1.0, 1.0)
    random: Callable[[], float] = random.random

    def wait_s(self, failures: int) -> float:
        """Return the seconds to wait after so many failures in a row, counted from 1."""
        doublings = min(failures - 1, _MOST_DOUBLINGS)
        wait_s = min(self.first_s * 2.0**doublings, self.longest_s)
        at_0, at_1 = self.jitter
        return wait_s * (at_0 + (at_1 - at_0) * self.random())
