"""Connections: one row for each workspace and integration, kept for ever."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import Connection as Transaction
from sqlalchemy import Row, Update, bindparam, func, insert, select, update

from integrations.contracts import NotConnectedError, Tenant, TokenSet
from oauth_service.crypto import TokenVault
from oauth_service.store.changes import latest_change, next_change
from oauth_service.store.consents import PendingGrant, take_grant
from oauth_service.store.database import Database
from oauth_service.store.history import HistoryEntry, Outcome, record
from oauth_service.store.schema import connections, workspaces


class ConnectionState(StrEnum):
    """Whether the grant works; a workspace that never connected has no connection."""

    CONNECTED = "connected"
    REQUIRES_RECONNECT = "requires_reconnect"
    DISCONNECTED = "disconnected"


@dataclass(frozen=True, slots=True)
class Connection:
    """
    A connection as it was when read.

    Attributes:
        integration: Slug.
        reason: Why it must be reconnected, for people.
        sealed_tokens: Ciphertext; None once disconnected.
        grant_version: Number of the stored pair; see `schema.connections`.
        change: Number of the latest change of state, tenant or name.
        last_worked_at: When the provider last gave us tokens.
        refresh_started_at: Start of a refresh whose outcome is still unknown.
        refresh_fingerprint: Fingerprint of the refresh token that it spent.
        retry_at: The provider wants no refresh before then.
    """

    workspace_id: str
    integration: str
    state: ConnectionState
    reason: str | None
    tenant: Tenant
    sealed_tokens: str | None = field(repr=False)
    grant_version: int
    connected_at: datetime
    changed_at: datetime
    change: int
    last_worked_at: datetime | None
    refresh_started_at: datetime | None
    refresh_fingerprint: str | None
    retry_at: datetime | None


_LIVE = frozenset({ConnectionState.CONNECTED, ConnectionState.REQUIRES_RECONNECT})


class OtherTenantPinnedError(Exception):
    """
    The workspace is connected to another tenant. Its books would be exchanged unasked.

    Attributes:
        pinned: The tenant that it is connected to.
    """

    def __init__(self, pinned: Tenant) -> None:
        super().__init__("the workspace is connected to another tenant")
        self.pinned = pinned


@dataclass(frozen=True, slots=True)
class ListedConnection:
    """A connection with its workspace's display name."""

    connection: Connection
    workspace_name: str


class Connections:
    """Reads and changes connections. `grant_version` guards every change of tokens."""

    def __init__(self, database: Database, vault: TokenVault) -> None:
        self._database = database
        self._vault = vault

    def get(self, workspace_id: str, integration: str) -> Connection | None:
        names = {"of_workspace": workspace_id, "of_integration": integration}
        with self._database.reading() as transaction:
            row = transaction.execute(_ONE, names).one_or_none()
        return None if row is None else connection_of(row)

    def of_workspace(self, workspace_id: str) -> Mapping[str, Connection]:
        """Return a workspace's connections by slug."""
        query = select(connections).where(connections.c.workspace_id == workspace_id)
        with self._database.reading() as transaction:
            rows = transaction.execute(query).all()
        return {row.integration: connection_of(row) for row in rows}

    def listed(
        self, *, changed_since: int = 0, workspace_id: str | None = None
    ) -> Sequence[ListedConnection]:
        """Return connections whose change number is above *changed_since*, oldest first."""
        query = (
            select(connections, workspaces.c.name)
            .join(workspaces, workspaces.c.workspace_id == connections.c.workspace_id)
            .where(connections.c.change > changed_since)
            .order_by(connections.c.change, connections.c.workspace_id, connections.c.integration)
        )
        if workspace_id is not None:
            query = query.where(connections.c.workspace_id == workspace_id)
        with self._database.reading() as transaction:
            rows = transaction.execute(query).all()
        return [ListedConnection(connection_of(row), row.name) for row in rows]

    def latest_change(self) -> int:
        """Return the number of the latest change."""
        with self._database.reading() as transaction:
            return latest_change(transaction)

    def counts(self) -> Mapping[tuple[str, ConnectionState], int]:
        """Count connections by slug and state."""
        query = select(connections.c.integration, connections.c.state, func.count()).group_by(
            connections.c.integration, connections.c.state
        )
        with self._database.reading() as transaction:
            rows = transaction.execute(query).all()
        return {(slug, ConnectionState(state)): count for slug, state, count in rows}

    def tokens(self, connection: Connection) -> TokenSet:
        """
        Decrypt a connection's tokens.

        Raises:
            NotConnectedError: If they were forgotten on disconnecting.
            UnreadableTokensError: If no key decrypts them.
        """
        if connection.sealed_tokens is None:
            raise NotConnectedError(f"{connection.integration}: not connected")
        return self._vault.open_tokens(
            connection.sealed_tokens,
            owner=owner_of(connection.workspace_id, connection.integration),
        )

    def connect(self, grant: PendingGrant, tenant: Tenant, *, now: datetime) -> bool:
        """
        Make a pending grant the connection, its tenant pinned.

        An earlier connection's row is taken over, its history with it. Returns False if the
        grant is no longer pending.

        Raises:
            OtherTenantPinnedError: If the workspace is connected to another tenant, also where
                that connection needs reconnecting. Nothing is changed.
        """
        workspace_id, integration = grant.workspace_id, grant.integration
        values = {
            "state": ConnectionState.CONNECTED.value,
            "reason": None,
            "tenant_id": tenant.id,
            "tenant_name": tenant.name,
            "tenant_connection_id": tenant.connection_id,
            "tokens": self._vault.seal_tokens(
                grant.tokens, owner=owner_of(workspace_id, integration)
            ),
            "connected_at": now,
            "changed_at": now,
            "last_worked_at": now,
            **_NO_REFRESH_UNDER_WAY,
        }
        with self._database.writing() as transaction:
            if not take_grant(transaction, grant.grant_id):
                return False
            _check_tenant(transaction, grant, tenant)
            values["change"] = next_change(transaction)
            known = transaction.execute(
                _row(workspace_id, integration).values(
                    grant_version=connections.c.grant_version + 1, **values
                )
            )
            if not known.rowcount:
                transaction.execute(
                    insert(connections).values(
                        workspace_id=workspace_id,
                        integration=integration,
                        grant_version=1,
                        **values,
                    )
                )
            entry = HistoryEntry(now, Outcome.CONNECTED)
            record(transaction, workspace_id, integration, entry)
        return True

    def refresh_started(
        self, connection: Connection, *, fingerprint: str, now: datetime
    ) -> Connection | None:
        """
        Note that a refresh token is about to be spent; None if it is no longer the stored one.

        A refresh of the same token that is already noted keeps its time: the provider's
        grace counts from the first.
        """
        same = connection.refresh_fingerprint == fingerprint
        started = (connection.refresh_started_at if same else None) or now
        statement = _version(connection).values(
            refresh_started_at=started, refresh_fingerprint=fingerprint
        )
        with self._database.writing() as transaction:
            if not transaction.execute(statement).rowcount:
                return None
        return self.get(connection.workspace_id, connection.integration)

    def store_refreshed(
        self, connection: Connection, tokens: TokenSet, entry: HistoryEntry
    ) -> bool:
        """Replace the pair of *connection*; False if another pair has replaced it already."""
        statement = _version(connection).values(
            tokens=self._vault.seal_tokens(
                tokens, owner=owner_of(connection.workspace_id, connection.integration)
            ),
            grant_version=connection.grant_version + 1,
            last_worked_at=entry.at,
            **_NO_REFRESH_UNDER_WAY,
        )
        with self._database.writing() as transaction:
            stored = transaction.execute(statement).rowcount == 1
            if not stored:
                entry = replace(entry, outcome=Outcome.SUPERSEDED)
            record(transaction, connection.workspace_id, connection.integration, entry)
        return stored

    def refresh_failed(
        self,
        connection: Connection,
        entry: HistoryEntry,
        *,
        retry_at: datetime | None = None,
        may_be_spent: bool,
    ) -> None:
        """
        Record a failure that leaves the connection as it is.

        *retry_at* is the provider's own "not before". *may_be_spent* says that an answer
        was lost, so that the provider may have rotated the token.
        """
        values: dict[str, Any] = {"retry_at": retry_at}
        if not may_be_spent:
            values |= {"refresh_started_at": None, "refresh_fingerprint": None}
        with self._database.writing() as transaction:
            transaction.execute(_version(connection).values(**values))
            record(transaction, connection.workspace_id, connection.integration, entry)

    def require_reconnect(self, connection: Connection, reason: str, entry: HistoryEntry) -> bool:
        """Mark the grant as dead; False if another pair has replaced it meanwhile."""
        with self._database.writing() as transaction:
            statement = _version(connection).values(
                state=ConnectionState.REQUIRES_RECONNECT.value,
                reason=reason,
                changed_at=entry.at,
                change=next_change(transaction),
                **_NO_REFRESH_UNDER_WAY,
            )
            record(transaction, connection.workspace_id, connection.integration, entry)
            return transaction.execute(statement).rowcount == 1

    def disconnect(self, connection: Connection, *, now: datetime, detail: str | None) -> None:
        """Forget the tokens, keep the row and its history."""
        with self._database.writing() as transaction:
            transaction.execute(
                _row(connection.workspace_id, connection.integration).values(
                    state=ConnectionState.DISCONNECTED.value,
                    reason=None,
                    tokens=None,
                    grant_version=connections.c.grant_version + 1,
                    changed_at=now,
                    change=next_change(transaction),
                    **_NO_REFRESH_UNDER_WAY,
                )
            )
            entry = HistoryEntry(now, Outcome.DISCONNECTED, detail=detail)
            record(transaction, connection.workspace_id, connection.integration, entry)

    def renew_encryption(self) -> int:
        """Encrypt all tokens under the newest key; return how many were not."""
        query = select(
            connections.c.workspace_id, connections.c.integration, connections.c.tokens
        ).where(connections.c.tokens.is_not(None))
        with self._database.reading() as transaction:
            rows = transaction.execute(query).all()
        count = 0
        for workspace_id, integration, sealed in rows:
            renewed = self._vault.renewed(sealed)
            if renewed is None:
                continue
            statement = _row(workspace_id, integration).where(connections.c.tokens == sealed)
            with self._database.writing() as transaction:
                count += transaction.execute(statement.values(tokens=renewed)).rowcount
        return count

    def counts_by_key(self) -> Counter[int | None]:
        """Count connections by the position of the key of their tokens; None: no key fits."""
        query = select(connections.c.tokens).where(connections.c.tokens.is_not(None))
        with self._database.reading() as transaction:
            stored = transaction.execute(query).scalars().all()
        return Counter(self._vault.position_of_key(sealed) for sealed in stored)


_ONE = select(connections).where(  # built once: every token request runs it
    connections.c.workspace_id == bindparam("of_workspace"),
    connections.c.integration == bindparam("of_integration"),
)
_NO_REFRESH_UNDER_WAY: Mapping[str, Any] = {
    "refresh_started_at": None,
    "refresh_fingerprint": None,
    "retry_at": None,
}


def _check_tenant(transaction: Transaction, grant: PendingGrant, tenant: Tenant) -> None:
    query = select(connections).where(
        connections.c.workspace_id == grant.workspace_id,
        connections.c.integration == grant.integration,
    )
    row = transaction.execute(query.with_for_update()).one_or_none()
    known = None if row is None else connection_of(row)
    if known is not None and known.state in _LIVE and known.tenant.id != tenant.id:
        raise OtherTenantPinnedError(known.tenant)


def owner_of(workspace_id: str, integration: str) -> str:
    """Return whom a connection's tokens are sealed for."""
    return f"{workspace_id}/{integration}"


def _row(workspace_id: str, integration: str) -> Update:
    return update(connections).where(
        connections.c.workspace_id == workspace_id, connections.c.integration == integration
    )


def _version(connection: Connection) -> Update:
    return _row(connection.workspace_id, connection.integration).where(
        connections.c.grant_version == connection.grant_version
    )


def connection_of(row: Row[Any]) -> Connection:
    """Return the connection whose columns *row* has, among others."""
    values = row._mapping  # noqa: SLF001 -- SQLAlchemy's public name for it
    special = {
        "state": ConnectionState(values["state"]),
        "tenant": Tenant(
            values["tenant_id"], values["tenant_name"], values["tenant_connection_id"]
        ),
        "sealed_tokens": values["tokens"],
    }
    plain = {
        item.name: values[item.name] for item in fields(Connection) if item.name not in special
    }
    return Connection(**plain, **special)
