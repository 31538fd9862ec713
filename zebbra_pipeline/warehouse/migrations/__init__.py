"""Versioned schema changes: `NNNN_name.sql`, each run once, in order, when a file is opened."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from importlib.resources import files

from zebbra_pipeline.warehouse.database import Database, to_utc
from zebbra_pipeline.warehouse.errors import WarehouseFileError, WarehouseVersionError

_NAME = re.compile(r"(?P<version>\d{4})_(?P<name>\w+)\.sql")
_LEDGER = "schema_migrations"


@dataclass(frozen=True, slots=True)
class Migration:
    """One schema change."""

    version: int
    name: str
    script: str


@cache
def known_migrations() -> tuple[Migration, ...]:
    """Return all migrations of this release, oldest first."""
    found = [
        Migration(int(match["version"]), match["name"], entry.read_text("utf-8"))
        for entry in files(__name__).iterdir()
        if (match := _NAME.fullmatch(entry.name))
    ]
    return tuple(sorted(found, key=lambda migration: migration.version))


def schema_version(db: Database) -> int:
    """
    Return the number of the newest migration of *db*; 0 if it is empty.

    Raises:
        WarehouseFileError: If it has tables but none of ours.
    """
    tables = {
        name
        for (name,) in db.rows(
            "SELECT table_name FROM information_schema.tables "
            "WHERE table_catalog = current_database()"
        )
    }
    if _LEDGER not in tables:
        if tables:
            raise WarehouseFileError(
                f"{db.place}: expected a warehouse or an empty file, found a DuckDB database "
                "with other tables; choose another file with ZEBBRA_WAREHOUSE"
            )
        return 0
    ((version,),) = db.rows(f"SELECT coalesce(max(version), 0) FROM {_LEDGER}")  # noqa: S608 -- a constant
    return int(version)


def check_version(db: Database, migrations: Sequence[Migration] | None = None) -> int:
    """
    Return the version of *db*, and refuse one of a newer release.

    Raises:
        WarehouseVersionError: If a newer release has migrated it.
    """
    migrations = known_migrations() if migrations is None else migrations
    newest = migrations[-1].version
    version = schema_version(db)
    if version > newest:
        raise WarehouseVersionError(
            f"{db.place}: schema version {version} is newer than version {newest}, the newest "
            "that this release knows; upgrade zebbra-pipeline"
        )
    return version


def is_outdated(db: Database) -> bool:
    """
    Return whether *db* lacks migrations of this release.

    Raises:
        WarehouseVersionError: If a newer release has migrated it.
    """
    return check_version(db) < known_migrations()[-1].version


def migrate(db: Database, *, now: datetime, migrations: Sequence[Migration] | None = None) -> None:
    """
    Migrate *db* to the newest schema, each step in its own transaction.

    Args:
        db: An open database with its catalog in use.
        now: Recorded as the time of the steps, timezone-aware.
        migrations: All known migrations; by default those of this release.

    Raises:
        WarehouseVersionError: If a newer release has migrated it.
        WarehouseWriteError: If a step fails; the steps before it stay.
    """
    migrations = known_migrations() if migrations is None else migrations
    version = check_version(db, migrations)
    for migration in migrations:
        if migration.version <= version:
            continue
        with db.transaction(f"migrate to version {migration.version}"):
            db.execute(
                f"CREATE TABLE IF NOT EXISTS {_LEDGER} "
                "(version INTEGER NOT NULL, name VARCHAR NOT NULL, applied_at TIMESTAMP NOT NULL)"
            )
            db.execute(migration.script)
            db.execute(
                f"INSERT INTO {_LEDGER} VALUES ($1, $2, $3)",  # noqa: S608 -- a constant
                [migration.version, migration.name, to_utc(now)],
            )
