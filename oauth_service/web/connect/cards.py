"""What the connect page shows of each integration."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from integrations.contracts import ConfigurationError, IntegrationPlugin, NotConnectedError
from oauth_service.grants.apps import OperatorApps
from oauth_service.security.sessions import Session
from oauth_service.store import Connection, ConnectionState, Outcome, Store

Tone = Literal["good", "attention", "neutral"]

_WORDS: Mapping[ConnectionState | None, tuple[str, Tone]] = {
    ConnectionState.CONNECTED: ("Connected", "good"),
    ConnectionState.REQUIRES_RECONNECT: ("Needs reconnecting", "attention"),
    ConnectionState.DISCONNECTED: ("Disconnected", "neutral"),
    None: ("Not connected", "neutral"),
}
_NOT_ABOUT_FIGURES = frozenset({"offline_access", "openid", "profile", "email"})


@dataclass(frozen=True, slots=True)
class Card:
    """
    One integration on the connect page.

    Attributes:
        badge: State in words.
        tenant_name: Empty while nothing is connected.
        unchecked: Whether it came out of a backup and its provider has not been asked since.
        access: What is asked for, in plain words.
        not_granted: What was asked for in vain.
        app_refused: Whether the provider refused the operator's app when it was asked last.
        begun_at: When connecting was begun whose answer has not come back, in this browser.
        action: Text of the button that leads to the provider; None without an app.
        missing_settings: Names of the settings that the operator has not set.
    """

    slug: str
    name: str
    summary: str
    badge: str
    tone: Tone
    tenant_name: str
    reason: str | None
    connected_at: datetime | None
    last_worked_at: datetime | None
    unchecked: bool
    access: tuple[str, ...]
    not_granted: tuple[str, ...]
    app_refused: bool
    begun_at: datetime | None
    action: str | None
    can_disconnect: bool
    missing_settings: str


def cards_of(store: Store, apps: OperatorApps, session: Session, now: datetime) -> list[Card]:
    """Return a card for each installed integration as *session* may see it, usable ones first."""
    connections = store.connections.of_workspace(session.workspace_id)
    begun = store.consents.unfinished(session.session_id, session.workspace_id, now)
    cards = [
        _card(store, apps, plugin, connections.get(plugin.slug), begun.get(plugin.slug))
        for plugin in apps.registry
    ]
    return sorted(cards, key=lambda card: card.action is None and not card.can_disconnect)


def _card(
    store: Store,
    apps: OperatorApps,
    plugin: IntegrationPlugin,
    connection: Connection | None,
    begun_at: datetime | None,
) -> Card:
    app = apps.configured(plugin)
    state = None if connection is None else connection.state
    unchecked = connection is not None and connection.unchecked
    live = state in (ConnectionState.CONNECTED, ConnectionState.REQUIRES_RECONNECT)
    badge, tone = _WORDS[state]
    if app is None and not live:
        badge, tone = "Not set up yet", "neutral"
    elif unchecked:
        badge, tone = "Being checked", "attention"
    elif begun_at is not None and not live:
        badge, tone = "Begun, not finished", "attention"
    scopes = app.scopes if app is not None else plugin.oauth.scopes
    prefix = plugin.slug.upper()
    return Card(
        slug=plugin.slug,
        name=plugin.name,
        summary=plugin.summary,
        badge=badge,
        tone=tone,
        tenant_name=connection.tenant.name if connection is not None and live else "",
        reason=connection.reason if connection is not None else None,
        connected_at=connection.connected_at if connection is not None and live else None,
        last_worked_at=connection.last_worked_at if connection is not None else None,
        unchecked=unchecked,
        access=_meanings(plugin, scopes),
        not_granted=_not_granted(store, plugin, scopes, connection),
        app_refused=_app_was_refused(store, connection),
        begun_at=begun_at,
        action=None if app is None else ("Reconnect" if live else "Connect"),
        can_disconnect=live,
        missing_settings=f"{prefix}_CLIENT_ID and {prefix}_CLIENT_SECRET",
    )


def _app_was_refused(store: Store, connection: Connection | None) -> bool:
    if connection is None or connection.state is not ConnectionState.CONNECTED:
        return False
    latest = store.history.of(connection.workspace_id, connection.integration, latest=1)
    return [entry.outcome for entry in latest] == [Outcome.APP_REFUSED]


def _meanings(plugin: IntegrationPlugin, scopes: tuple[str, ...]) -> tuple[str, ...]:
    meanings = plugin.oauth.scope_meanings
    return tuple(dict.fromkeys(meanings.get(scope, scope) for scope in scopes))


def _not_granted(
    store: Store,
    plugin: IntegrationPlugin,
    scopes: tuple[str, ...],
    connection: Connection | None,
) -> tuple[str, ...]:
    if connection is None or connection.state is not ConnectionState.CONNECTED:
        return ()
    try:
        granted = store.connections.tokens(connection).scopes
    except (ConfigurationError, NotConnectedError):
        return ()
    if not granted:  # the provider does not say
        return ()
    missing = (s for s in scopes if s not in granted and s not in _NOT_ABOUT_FIGURES)
    return _meanings(plugin, tuple(missing))
