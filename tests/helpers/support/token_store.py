"""Databases of the token store: one as version 1 left it, and what any of them holds."""

import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psycopg
from pydantic import SecretStr
from sqlalchemy import Connection, MetaData, create_engine, inspect, select
from sqlalchemy.engine import make_url

KEY_OF_VERSION_1 = SecretStr("dmVyc2lvbi0xLW9mLXRoZS10b2tlbi1zdG9yZS0xMjM=")
TIME_OF_VERSION_1 = datetime(2026, 11, 24, 12, 30, 15, 250_000, UTC)
"""When its two workspaces were connected; what happened to them later came an hour later."""

_VERSION_1 = Path(__file__).parents[2] / "oauth_service" / "version_1"


def make_version_1(url: str) -> None:
    """Make the tables and rows that the code of version 1 made, in the empty database *url*."""
    kind = make_url(url).get_backend_name()
    script = "".join(
        (_VERSION_1 / f"{name}.sql").read_text() for name in (f"tables_{kind}", "rows")
    )
    if kind == "sqlite":
        with closing(sqlite3.connect(str(make_url(url).database))) as database:
            database.executescript(script)
        return
    with psycopg.connect(url.replace("+psycopg", "")) as server:
        server.execute(script.encode())


def schema_of(url: str) -> Mapping[str, Mapping[str, Any]]:
    """Return what the tables of a database look like, by name."""
    with _opened(url) as connection:
        seen = inspect(connection)
        return {
            name: {
                "columns": [
                    {**column, "type": str(column["type"])} for column in seen.get_columns(name)
                ],
                "primary key": seen.get_pk_constraint(name),
                "indexes": sorted(seen.get_indexes(name), key=lambda index: str(index["name"])),
                "foreign keys": seen.get_foreign_keys(name),
                "unique": seen.get_unique_constraints(name),
                "checks": seen.get_check_constraints(name),
            }
            for name in seen.get_table_names()
        }


def rows_of(url: str) -> Mapping[str, list[tuple[Any, ...]]]:
    """Return all rows of all tables of a database."""
    tables = MetaData()
    with _opened(url) as connection:
        tables.reflect(connection)
        return {
            table.name: [
                tuple(row)
                for row in connection.execute(select(table).order_by(*table.primary_key.columns))
            ]
            for table in tables.sorted_tables
        }


@contextmanager
def _opened(url: str) -> Iterator[Connection]:
    engine = create_engine(url)
    with engine.connect() as connection:
        yield connection
    engine.dispose()
