"""Connections: one row for each workspace and integration, kept for ever."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection as Transaction
from sqlalchemy import func, insert, select

from integrations.contracts import ConnectionState, NotConnectedError, Tenant, TokenSet
from oauth_service.security.crypto import TokenVault
from oauth_service.store.changes import latest_change, next_change
from oauth_service.store.consents import PendingGrant, take_grant
from oauth_service.store.database import Database
from oauth_service.store.history import HistoryEntry, Outcome, record
from oauth_service.store.rows import (
    ASKED,
    SHOWN_STATE,
    UNCHECKED,
    Connection,
    change_connection,
    connection_of,
    find_connection,
    owner_of,
)
from oauth_service.store.schema import connections, workspaces

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
    """Reads, makes and ends connections."""

    def __init__(self, database: Database, vault: TokenVault) -> None:
        self._database = database
        self._vault = vault

    def get(self, workspace_id: str, integration: str) -> Connection | None:
        with self._database.reading() as transaction:
            return find_connection(transaction, workspace_id, integration)

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

    def unchecked(self) -> Sequence[Connection]:
        """Return restored connections that their providers have not been asked about since."""
        query = (
            select(connections)
            .where(UNCHECKED)
            .order_by(connections.c.workspace_id, connections.c.integration)
        )
        with self._database.reading() as transaction:
            return [connection_of(row) for row in transaction.execute(query)]

    def latest_change(self) -> int:
        """Return the number of the latest change."""
        with self._database.reading() as transaction:
            return latest_change(transaction)

    def counts(self) -> Mapping[tuple[str, ConnectionState], int]:
        """Count connections by slug and shown state."""
        query = select(connections.c.integration, SHOWN_STATE, func.count()).group_by(
            connections.c.integration, SHOWN_STATE
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
            **ASKED,
        }
        with self._database.writing() as transaction:
            if not take_grant(transaction, grant.grant_id):
                return False
            _check_tenant(transaction, grant, tenant)
            values["change"] = next_change(transaction)
            known = transaction.execute(
                change_connection(workspace_id, integration).values(
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

    def disconnect(self, connection: Connection, *, now: datetime, detail: str | None) -> bool:
        """Forget the tokens, keep the row and its history; False if somebody has connected anew."""
        same_grant = change_connection(connection.workspace_id, connection.integration).where(
            connections.c.connected_at == connection.connected_at
        )
        with self._database.writing() as transaction:
            statement = same_grant.values(
                state=ConnectionState.DISCONNECTED.value,
                reason=None,
                tokens=None,
                grant_version=connections.c.grant_version + 1,
                changed_at=now,
                change=next_change(transaction),
                **ASKED,
            )
            if not transaction.execute(statement).rowcount:
                return False
            entry = HistoryEntry(now, Outcome.DISCONNECTED, detail=detail)
            record(transaction, connection.workspace_id, connection.integration, entry)
        return True

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
            statement = change_connection(workspace_id, integration).where(
                connections.c.tokens == sealed
            )
            with self._database.writing() as transaction:
                count += transaction.execute(statement.values(tokens=renewed)).rowcount
        return count

    def counts_by_key(self) -> Counter[int | None]:
        """Count connections by the position of the key of their tokens; None: no key fits."""
        query = select(connections.c.tokens).where(connections.c.tokens.is_not(None))
        with self._database.reading() as transaction:
            stored = transaction.execute(query).scalars().all()
        return Counter(self._vault.position_of_key(sealed) for sealed in stored)


def _check_tenant(transaction: Transaction, grant: PendingGrant, tenant: Tenant) -> None:
    query = select(connections).where(
        connections.c.workspace_id == grant.workspace_id,
        connections.c.integration == grant.integration,
    )
    row = transaction.execute(query.with_for_update()).one_or_none()
    known = None if row is None else connection_of(row)
    if known is not None and known.state in _LIVE and known.tenant.id != tenant.id:
        raise OtherTenantPinnedError(known.tenant)
