"""
The history by time.

Forgetting old entries, once an hour, read the whole history while it held SQLite's only write lock:
0.1 s for a million rows. There may be 200 million (10,000 connections refreshed twice an hour for
400 days); 20 s are as long as a refresh waits for the lock.
"""

from sqlalchemy import Connection


def index_history_by_time(transaction: Connection) -> None:
    """Let old entries be found without reading the others."""
    transaction.exec_driver_sql("CREATE INDEX refresh_history_by_time ON refresh_history (at)")
