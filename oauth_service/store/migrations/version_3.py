"""
When a connection was restored from a backup, until its provider has taken the restored tokens.

Null for all connections that no restore has touched. A replica of the release before writes
nothing here, so a refresh of its own leaves the mark; the next refresh by this release removes it.
"""

from sqlalchemy import Connection, DateTime


def note_restored_connections(transaction: Connection) -> None:
    """Let a restored connection be distinguished from one that is known to work."""
    kind = DateTime().compile(transaction.dialect)
    transaction.exec_driver_sql(f"ALTER TABLE connections ADD COLUMN restored_at {kind}")
