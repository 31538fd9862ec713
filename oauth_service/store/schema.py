"""
The tables of the token store, as the last of `migrations` leaves them.

Every column called `tokens` or `verifier` holds ciphertext. Times are UTC.
"""

from datetime import UTC, datetime

from sqlalchemy import (
    BigInteger,
    Column,
    DateTime,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    Text,
    TypeDecorator,
)
from sqlalchemy.engine import Dialect

metadata = MetaData()


class UtcDateTime(TypeDecorator[datetime]):
    """Timezone-aware in Python, UTC without a zone in the database: SQLite has no zones."""

    impl = DateTime
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002 -- SQLAlchemy's signature
        """Refuse a time that does not say its zone."""
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("expected a timezone-aware time, found a naive one")
        return value.astimezone(UTC).replace(tzinfo=None)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002 -- SQLAlchemy's signature
        """Say the zone again."""
        return None if value is None else value.replace(tzinfo=UTC)


numbers = Table(
    "numbers",
    metadata,
    Column("name", String(40), primary_key=True),
    Column("value", BigInteger, nullable=False),
)
"""`schema_version`, and `change`: the number of the latest change of any connection."""

workspaces = Table(
    "workspaces",
    metadata,
    Column("workspace_id", String(64), primary_key=True),
    Column("name", Text, nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
)

connections = Table(
    "connections",
    metadata,
    Column("workspace_id", String(64), primary_key=True),
    Column("integration", String(64), primary_key=True),
    Column("state", String(20), nullable=False),
    Column("reason", Text),
    Column("tenant_id", Text, nullable=False),
    Column("tenant_name", Text, nullable=False),
    Column("tenant_connection_id", Text),
    Column("tokens", Text),
    Column("grant_version", Integer, nullable=False),
    Column("connected_at", UtcDateTime, nullable=False),
    Column("changed_at", UtcDateTime, nullable=False),
    Column("change", BigInteger, nullable=False),
    Column("last_worked_at", UtcDateTime),
    Column("refresh_started_at", UtcDateTime),
    Column("refresh_fingerprint", String(16)),
    Column("retry_at", UtcDateTime),
    Column("lease_owner", String(32)),
    Column("lease_until", UtcDateTime),
    Column("restored_at", UtcDateTime),
    Index("connections_by_change", "change"),
)
"""
One row for each workspace and integration that was ever connected.

`grant_version` counts the token pairs stored: whoever stores the next one names the version
it replaces. `refresh_started_at` and `refresh_fingerprint` are set while the outcome of a
refresh of that refresh token is unknown. `retry_at`: the provider's own "not before".
`restored_at`: when the row came out of a backup; null again once the provider has taken its tokens,
or refused them.
"""

refresh_history = Table(
    "refresh_history",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=True),
    Column("workspace_id", String(64), nullable=False),
    Column("integration", String(64), nullable=False),
    Column("at", UtcDateTime, nullable=False),
    Column("outcome", String(20), nullable=False),
    Column("detail", Text),
    Column("trace_id", Text),
    Column("token_fingerprint", String(16)),
    Index("refresh_history_by_connection", "workspace_id", "integration", "id"),
    Index("refresh_history_by_time", "at"),
)

login_states = Table(
    "login_states",
    metadata,
    Column("state_hash", String(64), primary_key=True),
    Column("session_id", String(64), nullable=False),
    Column("workspace_id", String(64), nullable=False),
    Column("integration", String(64), nullable=False),
    Column("verifier", Text),
    Column("created_at", UtcDateTime, nullable=False),
    Column("expires_at", UtcDateTime, nullable=False),
    Column("used_at", UtcDateTime),
)

pending_grants = Table(
    "pending_grants",
    metadata,
    Column("grant_id", String(64), primary_key=True),
    Column("session_id", String(64), nullable=False),
    Column("workspace_id", String(64), nullable=False),
    Column("integration", String(64), nullable=False),
    Column("tokens", Text, nullable=False),
    Column("tenants", Text),
    Column("created_at", UtcDateTime, nullable=False),
    Column("expires_at", UtcDateTime, nullable=False),
)
"""Grants whose tenant is not chosen yet. `tenants`: JSON, once they are known."""
