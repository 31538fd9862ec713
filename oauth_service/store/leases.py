"""
The lock of a connection: one holder across coroutines, threads, processes and replicas.

A lease is a name and an end in the connection's own row. Whoever dies holding it is waited
for no longer than its end; whoever lives renews it. Storing a pair does not rely on it: that
compares `grant_version`.
"""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Update, or_, update

from oauth_service.store.database import Database
from oauth_service.store.schema import connections


@dataclass(frozen=True, slots=True)
class LeaseKey:
    """Which connection, and who asks."""

    workspace_id: str
    integration: str
    owner: str


class Leases:
    """Takes, renews and returns leases, each by one conditional update."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def take(self, key: LeaseKey, *, now: datetime, until: datetime) -> bool:
        """Return whether *key*'s owner holds the lease now."""
        free = or_(connections.c.lease_until.is_(None), connections.c.lease_until <= now)
        return self._update(_of(key).where(free).values(lease_owner=key.owner, lease_until=until))

    def renew(self, key: LeaseKey, *, until: datetime) -> bool:
        """Return whether the owner still held it."""
        return self._update(_held(key).values(lease_until=until))

    def give_back(self, key: LeaseKey) -> None:
        """End the lease, if the owner still holds it."""
        self._update(_held(key).values(lease_owner=None, lease_until=None))

    def _update(self, statement: Update) -> bool:
        with self._database.writing() as transaction:
            return transaction.execute(statement).rowcount == 1


def _of(key: LeaseKey) -> Update:
    return update(connections).where(
        connections.c.workspace_id == key.workspace_id,
        connections.c.integration == key.integration,
    )


def _held(key: LeaseKey) -> Update:
    return _of(key).where(connections.c.lease_owner == key.owner)
