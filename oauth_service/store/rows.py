"""A connection's row: as a value, and the statements that find and change it."""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import Connection as Transaction
from sqlalchemy import Row, Update, bindparam, select, update

from integrations.contracts import Tenant
from oauth_service.store.schema import connections


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


NO_REFRESH_UNDER_WAY: Mapping[str, Any] = {
    "refresh_started_at": None,
    "refresh_fingerprint": None,
    "retry_at": None,
}
"""Values of the columns that speak of a refresh, once its outcome is known."""

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
