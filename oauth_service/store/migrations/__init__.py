"""
Numbered changes of the token store's tables: each runs once, in order, when the service starts.

All that a database lacks run in one transaction under the lock that admits one replica at a time,
so a database has all of them or none. `numbers.schema_version` is the number of the last.

A roll-out replaces replicas one by one: those of the release before go on with tables that the
first new one has changed. The version is looked at on start only, so none of them stops; none of
them starts again either. Rules for a new migration:

- It adds: a table, an index, a column that may be null or has a default in the database. What the
  release before reads and writes stays as it is.
- What is no longer of use is removed one release after the last one that used it.
- It names its own tables and columns, as they are at that step: `schema` is how they end.
- It is short: on SQLite all writes wait for it, on PostgreSQL those of the tables it changes. An
  index takes about a second for three million rows.
- It is never changed once released. There is no way back: a backup holds refresh tokens that have
  been spent since. What is wrong is put right by the next migration.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, insert, inspect, select, update
from sqlalchemy.exc import SQLAlchemyError

from integrations.contracts import ConfigurationError
from oauth_service.store.migrations.version_1 import (
    create_tables,
    index_history_by_time,
    note_restored_connections,
)
from oauth_service.store.schema import numbers

_VERSION = "schema_version"


@dataclass(frozen=True, slots=True)
class Migration:
    """
    One change.

    Attributes:
        name: In words, for the error of one that fails.
        apply: Makes the change in the transaction that it is given, and neither commits nor
            rolls back.
    """

    name: str
    apply: Callable[[Connection], None]


MIGRATIONS: Sequence[Migration] = (
    Migration("create the tables", create_tables),
    Migration("index the history by time", index_history_by_time),
    Migration("note restored connections", note_restored_connections),
)
"""Oldest first; the place in the list, counted from 1, is the version that it leads to."""


def migrate(transaction: Connection, migrations: Sequence[Migration]) -> tuple[int, int]:
    """
    Apply what the database lacks.

    Args:
        transaction: Holds the lock that keeps all others from migrating.
        migrations: All that are known, oldest first.

    Returns:
        The version before, 0 for an empty database, and the version now.

    Raises:
        ConfigurationError: If the database is newer than *migrations*, or one of them fails. The
            transaction must then be rolled back.
    """
    before, newest = schema_version(transaction), len(migrations)
    if before > newest:
        raise ConfigurationError(
            "ZEBBRA_OAUTH_DATABASE: a newer version of this service has changed the tables "
            f"(schema version {before}; this one knows {newest}); run that version"
        )
    for version, migration in enumerate(migrations[before:], before + 1):
        try:
            migration.apply(transaction)
        except SQLAlchemyError as exc:
            raise ConfigurationError(
                f"ZEBBRA_OAUTH_DATABASE: migration {version} ({migration.name}) failed: "
                f"{in_short(exc)}; nothing is changed, the schema version is still {before}"
            ) from exc
    if before != newest:
        _record(transaction, newest)
    return before, newest


def schema_version(transaction: Connection) -> int:
    """Return the number of the last migration that a database has had; 0 for an empty one."""
    if not inspect(transaction).has_table(numbers.name):
        return 0
    query = select(numbers.c.value).where(numbers.c.name == _VERSION)
    return int(transaction.execute(query).scalar() or 0)


def _record(transaction: Connection, version: int) -> None:
    known = update(numbers).where(numbers.c.name == _VERSION).values(value=version)
    if not transaction.execute(known).rowcount:
        transaction.execute(insert(numbers).values(name=_VERSION, value=version))


def in_short(error: Exception) -> str:
    """Return the first line of what the database said: those below it may show values."""
    said = str(getattr(error, "orig", None) or error).splitlines()
    return f"{type(error).__name__}: {said[0]}" if said else type(error).__name__
