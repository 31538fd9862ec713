"""`Connections`: the organisations that an app may see, and the consents that allow it."""

from collections.abc import Callable
from datetime import datetime
from uuid import uuid4

from integrations.sandbox_kit.grants import Connection, Grant
from integrations.sandbox_kit.memory import Memory
from integrations.sandbox_kit.rules import OAuthRules

_Owner = tuple[str, ...]


class Connections:
    """
    The connections in *memory*. The caller holds the lock.

    Where connections are shared they belong to a user and an app, as at Xero: any grant of
    that pair sees them, and a later consent to the same organisation renews the connection
    instead of adding one. Elsewhere they belong to one grant.
    """

    def __init__(self, rules: OAuthRules, memory: Memory) -> None:
        self._rules = rules
        self._memory = memory
        self._by_owner: dict[_Owner, dict[str, Connection]] | None = None

    def add(self, grant: Grant, tenant_id: str, now: datetime) -> None:
        """Connect an organisation, or renew its connection."""
        known = self._index().get(self._owner(grant), {}).get(tenant_id)
        if known is not None:
            self._memory.connections.amend(
                known.id, event_id=grant.event_id, grant_id=grant.id, updated_at=now
            )
            return
        item = Connection(
            id=str(uuid4()),
            tenant_id=tenant_id,
            client_id=grant.client_id,
            user_id=grant.user_id,
            event_id=grant.event_id,
            grant_id=grant.id,
            created_at=now,
            updated_at=now,
        )
        self._memory.connections[item.id] = item
        self._by_owner = None

    def of(self, grant: Grant) -> list[Connection]:
        """Return what *grant* may see, oldest first, vanished organisations left out."""
        mine = self._index().get(self._owner(grant), {})
        return [item for item in mine.values() if item.tenant_id not in self._memory.vanished]

    def covers(self, grant: Grant, tenant_id: str) -> bool:
        """Whether *grant* may see an organisation that still exists."""
        mine = self._index().get(self._owner(grant), {})
        return tenant_id in mine and tenant_id not in self._memory.vanished

    def remove(self, grant: Grant, connection_id: str) -> bool:
        """End one connection; False if *grant* has none of that id."""
        found = any(item.id == connection_id for item in self.of(grant))
        if found:
            self.drop(lambda item: item.id == connection_id)
        return found

    def drop(self, is_ended: Callable[[Connection], bool]) -> None:
        """End every connection for which *is_ended* is true."""
        self._memory.connections.drop(is_ended)
        self._by_owner = None

    def _owner(self, item: Grant | Connection) -> _Owner:
        if self._rules.shared_connections:
            return item.client_id, item.user_id
        return (item.id if isinstance(item, Grant) else item.grant_id,)

    def _index(self) -> dict[_Owner, dict[str, Connection]]:
        if self._by_owner is None:
            self._by_owner = {}
            for item in self._memory.connections.values():
                self._by_owner.setdefault(self._owner(item), {})[item.tenant_id] = item
        return self._by_owner
