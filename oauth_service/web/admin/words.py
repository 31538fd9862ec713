"""What the operator reads: states, events, spans of time."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta

from oauth_service.store import ConnectionState, Outcome


@dataclass(frozen=True, slots=True)
class Badge:
    """A state as text, with a shape and a tone, so that neither carries it alone."""

    text: str
    shape: str
    tone: str


STATES: Mapping[ConnectionState | None, Badge] = {
    ConnectionState.CONNECTED: Badge("Connected", "●", "good"),
    ConnectionState.REQUIRES_RECONNECT: Badge("Needs reconnecting", "▲", "attention"),
    ConnectionState.DISCONNECTED: Badge("Disconnected", "■", "neutral"),
    None: Badge("Never connected", "○", "neutral"),
}
UNCHECKED = Badge("Restored, not checked yet", "▲", "attention")
EVENTS: Mapping[Outcome, str] = {
    Outcome.CONNECTED: "Connected by a person",
    Outcome.REFRESHED: "Refreshed",
    Outcome.ANSWER_LOST: "Refresh without a usable answer",
    Outcome.UNAVAILABLE: "Provider gave no tokens",
    Outcome.GRANT_REFUSED: "Provider refused the grant",
    Outcome.APP_REFUSED: "Provider refused our app",
    Outcome.SUPERSEDED: "Refreshed, but connected anew meanwhile",
    Outcome.DISCONNECTED: "Disconnected",
    Outcome.RESTORED: "Restored from a backup",
}
FAILURES = frozenset(
    {Outcome.ANSWER_LOST, Outcome.UNAVAILABLE, Outcome.GRANT_REFUSED, Outcome.APP_REFUSED}
)

_MINUTE_S, _HOUR_S, _DAY_S = 60, 3600, 86400


def span(duration: timedelta) -> str:
    """Return a length of time in its largest whole unit, such as "3 days"."""
    seconds = int(abs(duration).total_seconds())
    for size, unit in ((_DAY_S, "day"), (_HOUR_S, "hour"), (_MINUTE_S, "minute")):
        if seconds >= size:
            count = seconds // size
            return f"{count} {unit}{'' if count == 1 else 's'}"
    return "less than a minute"


def ago(duration: timedelta) -> str:
    """Return how long ago something was, such as "3 days ago"."""
    return f"{span(duration)} ago"
