"""A connection's row: as a value, and the statements that find and change it."""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Row, Update, and_, bindparam, case, literal, select, update
from sqlalchemy import Connection as Transaction

from integrations.contracts import ConnectionState, Tenant
from oauth_service.store.schema import connections


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
        restored_at: When it came out of a backup; None once its provider has been asked since.
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
    restored_at: datetime | None

    @property
    def unchecked(self) -> bool:
        """Whether it worked when it was backed up, and its provider has not been asked since."""
        return self.state is ConnectionState.CONNECTED and self.restored_at is not None

    @property
    def shown_state(self) -> ConnectionState:
        """
        The state that others are given.

        A restored connection may have lost its tokens to a later refresh, so it is not called
        connected before its provider has taken them.
        """
        return ConnectionState.REQUIRES_RECONNECT if self.unchecked else self.state


NO_REFRESH_UNDER_WAY: Mapping[str, Any] = {
    "refresh_started_at": None,
    "refresh_fingerprint": None,
    "retry_at": None,
}
"""Values of the columns that speak of a refresh, once its outcome is known."""
ASKED: Mapping[str, Any] = {**NO_REFRESH_UNDER_WAY, "restored_at": None}
"""The same, once the provider has taken or refused the grant."""
UNCHECKED = and_(
    connections.c.state == literal(ConnectionState.CONNECTED.value, literal_execute=True),
    connections.c.restored_at.is_not(None),
)
"""`Connection.unchecked`, for the database. Its texts are written out, so that it can be grouped by."""
SHOWN_STATE: ColumnElement[str] = case(
    (UNCHECKED, literal(ConnectionState.REQUIRES_RECONNECT.value, literal_execute=True)),
    else_=connections.c.state,
)
"""`Connection.shown_state`, for the database."""

_ONE = select(connections).where(  # built once: every token request runs it
    connections.c.workspace_id == bindparam("of_workspace"),
    connections.c.integration == bindparam("of_integration"),
)


def owner_of(workspace_id: str, integration: str) -> str:
    """Return whom a connection's tokens are sealed for."""
    return f"{workspace_id}/{integration}"


def find_connection(
    transaction: Transaction, workspace_id: str, integration: str
) -> Connection | None:
    """Read a connection; None for one that was never connected."""
    names = {"of_workspace": workspace_id, "of_integration": integration}
    row = transaction.execute(_ONE, names).one_or_none()
    return None if row is None else connection_of(row)


def change_connection(workspace_id: str, integration: str) -> Update:
    """Return an update of a connection, without values."""
    return update(connections).where(
        connections.c.workspace_id == workspace_id, connections.c.integration == integration
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
