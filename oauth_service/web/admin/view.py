"""What the operator's pages show of each connection."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from integrations.contracts import ConfigurationError, IntegrationPlugin, NotConnectedError
from integrations.runtime.registry import Registry
from oauth_service.store import (
    Connection,
    ConnectionState,
    HistoryEntry,
    Outcome,
    OverviewRow,
    Store,
)


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


_LIVE = frozenset({ConnectionState.CONNECTED, ConnectionState.REQUIRES_RECONNECT})


@dataclass(frozen=True, slots=True)
class Event:
    """
    One entry of the history, in words.

    Attributes:
        when: How long ago.
        trace_id: What the provider's support asks for.
    """

    at: datetime
    when: str
    text: str
    failed: bool
    detail: str | None
    trace_id: str | None
    token_fingerprint: str | None


@dataclass(frozen=True, slots=True)
class AdminRow:
    """
    One connection, or a workspace that has none.

    Attributes:
        slug: Empty without a connection.
        integration: Its name; its slug where it is not installed.
        reason: Why it does not work, in plain words.
        tokens_age: How long ago the provider gave the present tokens.
        access_token: How much longer the access token lives.
        idle_left: How long the provider still waits for the next refresh.
        idle_soon: Whether less than a quarter of its patience is left.
        latest: What happened to the grant last.
        installed: Whether its provider can be asked at all.
        can_refresh: Whether there is a grant to refresh.
        can_disconnect: Whether there is a grant to end.
    """

    workspace_id: str
    workspace_name: str
    slug: str
    integration: str
    tenant_id: str
    tenant_name: str
    badge: Badge
    reason: str | None
    connected_at: datetime | None
    refreshed_at: datetime | None
    tokens_age: str | None
    access_token: str | None
    idle_left: str | None
    idle_soon: bool
    latest: Event | None
    installed: bool
    can_refresh: bool
    can_disconnect: bool


def row_of(store: Store, registry: Registry, row: OverviewRow, *, now: datetime) -> AdminRow:
    """Describe *row*; decrypts the tokens for their expiry, and shows nothing else of them."""
    connection = row.connection
    if connection is None:
        return _without_connection(row)
    plugin = registry.plugins.get(connection.integration)
    has_grant = connection.state in _LIVE
    works = connection.state is ConnectionState.CONNECTED
    refreshed_at = (connection.last_worked_at or connection.connected_at) if has_grant else None
    left = _idle_left(plugin, refreshed_at, now=now) if works else None
    return AdminRow(
        workspace_id=row.workspace.workspace_id,
        workspace_name=row.workspace.name,
        slug=connection.integration,
        integration=connection.integration if plugin is None else plugin.name,
        tenant_id=connection.tenant.id,
        tenant_name=connection.tenant.name,
        badge=UNCHECKED if connection.unchecked else STATES[connection.state],
        reason=connection.reason,
        connected_at=connection.connected_at,
        refreshed_at=refreshed_at,
        tokens_age=None if refreshed_at is None else ago(now - refreshed_at),
        access_token=_access_token(store, connection, now=now) if works else None,
        idle_left=None if left is None else _left(left),
        idle_soon=left is not None and left < _limit(plugin) / 4,
        latest=None if row.latest is None else event_of(row.latest, now=now),
        installed=plugin is not None,
        can_refresh=plugin is not None and works,
        can_disconnect=plugin is not None and has_grant,
    )


def event_of(entry: HistoryEntry, *, now: datetime) -> Event:
    """Describe one entry of the history."""
    return Event(
        at=entry.at,
        when=ago(now - entry.at),
        text=EVENTS[entry.outcome],
        failed=entry.outcome in FAILURES,
        detail=entry.detail,
        trace_id=entry.trace_id,
        token_fingerprint=entry.token_fingerprint,
    )


def _without_connection(row: OverviewRow) -> AdminRow:
    return AdminRow(
        workspace_id=row.workspace.workspace_id,
        workspace_name=row.workspace.name,
        slug="",
        integration="",
        tenant_id="",
        tenant_name="",
        badge=STATES[None],
        reason=None,
        connected_at=None,
        refreshed_at=None,
        tokens_age=None,
        access_token=None,
        idle_left=None,
        idle_soon=False,
        latest=None,
        installed=False,
        can_refresh=False,
        can_disconnect=False,
    )


def _access_token(store: Store, connection: Connection, *, now: datetime) -> str:
    try:
        left = store.connections.tokens(connection).expires_at - now
    except (ConfigurationError, NotConnectedError):
        return "cannot be read: no key of ZEBBRA_ENCRYPTION_KEYS fits"
    return f"ended {ago(left)}" if left <= timedelta(0) else f"lives for {span(left)}"


def _limit(plugin: IntegrationPlugin | None) -> timedelta:
    limit = None if plugin is None else plugin.oauth.idle_limit
    return limit or timedelta(0)


def _idle_left(
    plugin: IntegrationPlugin | None, refreshed_at: datetime | None, *, now: datetime
) -> timedelta | None:
    if plugin is None or plugin.oauth.idle_limit is None or refreshed_at is None:
        return None
    return refreshed_at + plugin.oauth.idle_limit - now


def _left(left: timedelta) -> str:
    return "none" if left <= timedelta(0) else span(left)
