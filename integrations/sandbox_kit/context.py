"""The arguments of every emulator: a day, a clock that can be moved, a file for its state."""

from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from threading import Lock

_MOST_S = 10 * 365 * 86_400


class Clock:
    """
    Real time plus an offset that tests move forward. Safe to use from several threads.

    Attributes:
        offset_s: Seconds ahead of real time.
    """

    def __init__(self, offset_s: float = 0.0) -> None:
        self._lock = Lock()
        self.offset_s = offset_s

    def now(self) -> datetime:
        """Return the emulator's current time, in UTC."""
        return datetime.now(UTC) + timedelta(seconds=self.offset_s)

    def advance(self, seconds: float) -> None:
        """
        Move the clock forward.

        Raises:
            ValueError: If *seconds* is negative (tokens would become younger) or absurd.
        """
        if not 0 <= seconds <= _MOST_S:
            raise ValueError(f"seconds: expected 0 to {_MOST_S}")
        with self._lock:
            self.offset_s += seconds

    def reset(self, offset_s: float = 0.0) -> None:
        """Set the offset, by default back to real time."""
        with self._lock:
            self.offset_s = offset_s


@dataclass(frozen=True, slots=True)
class SandboxContext:
    """
    The argument of a plugin's `build_sandbox`.

    Attributes:
        today: Day on which the emulated books end.
        clock: The time for lifetimes, windows and limits.
        state_path: File that keeps grants over a restart; None keeps them in memory.
    """

    today: date
    clock: Clock = field(default_factory=Clock)
    state_path: Path | None = None


@dataclass(frozen=True, slots=True)
class SandboxTenant:
    """
    An invented organisation.

    Attributes:
        id: Its id in API calls.
        name: Display name on the authorize page.
    """

    id: str
    name: str
