"""
The tables as they were at first.

They stand here a second time on purpose: `schema` goes on, what version 1 was does not change.
"""

from sqlalchemy import (
    BigInteger,
    Column,
    Connection,
    DateTime,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    Text,
    insert,
)


def note_restored_connections(transaction: Connection) -> None:
    """Let a restored connection be distinguished from one that is known to work."""
    kind = DateTime().compile(transaction.dialect)
    transaction.exec_driver_sql(f"ALTER TABLE connections ADD COLUMN restored_at {kind}")


def index_history_by_time(transaction: Connection) -> None:
    """Let old entries be found without reading the others."""
    transaction.exec_driver_sql("CREATE INDEX refresh_history_by_time ON refresh_history (at)")


_METADATA = MetaData()
_NUMBERS = Table(
    "numbers",
    _METADATA,
    Column("name", String(40), primary_key=True),
    Column("value", BigInteger, nullable=False),
)
Table(
    "workspaces",
    _METADATA,
    Column("workspace_id", String(64), primary_key=True),
    Column("name", Text, nullable=False),
    Column("created_at", DateTime, nullable=False),
)
Table(
    "connections",
    _METADATA,
    Column("workspace_id", String(64), primary_key=True),
    Column("integration", String(64), primary_key=True),
    Column("state", String(20), nullable=False),
    Column("reason", Text),
    Column("tenant_id", Text, nullable=False),
    Column("tenant_name", Text, nullable=False),
    Column("tenant_connection_id", Text),
    Column("tokens", Text),
    Column("grant_version", Integer, nullable=False),
    Column("connected_at", DateTime, nullable=False),
    Column("changed_at", DateTime, nullable=False),
    Column("change", BigInteger, nullable=False),
    Column("last_worked_at", DateTime),
    Column("refresh_started_at", DateTime),
    Column("refresh_fingerprint", String(16)),
    Column("retry_at", DateTime),
    Column("lease_owner", String(32)),
    Column("lease_until", DateTime),
    Index("connections_by_change", "change"),
)
Table(
    "refresh_history",
    _METADATA,
    Column("id", Integer, primary_key=True, autoincrement=True),
    Column("workspace_id", String(64), nullable=False),
    Column("integration", String(64), nullable=False),
    Column("at", DateTime, nullable=False),
    Column("outcome", String(20), nullable=False),
    Column("detail", Text),
    Column("trace_id", Text),
    Column("token_fingerprint", String(16)),
    Index("refresh_history_by_connection", "workspace_id", "integration", "id"),
)
Table(
    "login_states",
    _METADATA,
    Column("state_hash", String(64), primary_key=True),
    Column("session_id", String(64), nullable=False),
    Column("workspace_id", String(64), nullable=False),
    Column("integration", String(64), nullable=False),
    Column("verifier", Text),
    Column("created_at", DateTime, nullable=False),
    Column("expires_at", DateTime, nullable=False),
    Column("used_at", DateTime),
)
Table(
    "pending_grants",
    _METADATA,
    Column("grant_id", String(64), primary_key=True),
    Column("session_id", String(64), nullable=False),
    Column("workspace_id", String(64), nullable=False),
    Column("integration", String(64), nullable=False),
    Column("tokens", Text, nullable=False),
    Column("tenants", Text),
    Column("created_at", DateTime, nullable=False),
    Column("expires_at", DateTime, nullable=False),
)


def create_tables(transaction: Connection) -> None:
    """Make all tables, and begin to count changes."""
    _METADATA.create_all(transaction, checkfirst=False)
    transaction.execute(insert(_NUMBERS).values(name="change", value=0))
