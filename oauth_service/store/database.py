"""Opens the database: file modes, WAL, its tables, and transactions that take the write lock."""

import logging
import os
import sqlite3
import time
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event, text
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError, SQLAlchemyError

from integrations.contracts import ConfigurationError
from oauth_service.store.migrations import MIGRATIONS, Migration, in_short, migrate
from oauth_service.store.probe import is_storage_fault

_BUSY_TIMEOUT_S = 20
_KNOW_PATIENCE = frozenset({"psycopg", "psycopg2"})
_PATIENCE = {"connect_timeout": 10, "tcp_user_timeout": 20_000}
"""libpq's own is a quarter of an hour for a server that vanished without a word, as in a failover."""
SERVICE_NAME = "zebbra oauth service"
"""What PostgreSQL calls the connections of a service: a restore waits for none, and refuses then."""
SETUP_LOCK = 0x5A454242  # any number that all replicas agree on
_WRITES = "zebbra_writes"
_log = logging.getLogger(__name__)


class Database:
    """
    Short transactions on one database.

    Args:
        url: SQLAlchemy URL; a SQLite file and its folder are made with modes 0600 and 0700.
        migrations: Those of this release, unless told otherwise; what the database lacks is
            applied.

    Attributes:
        write_failed: A write has failed because of the disk; set back by who has tried again.

    Raises:
        ConfigurationError: If the URL is malformed, the database cannot be reached, a migration
            fails, or a newer version of this service has changed its tables.
    """

    def __init__(self, url: str, migrations: Sequence[Migration] = MIGRATIONS) -> None:
        self.write_failed = False
        try:
            parsed = make_url(url)
            self.sqlite_file: Path | None = None
            if parsed.get_backend_name() == "sqlite":
                self.sqlite_file = _make_private(parsed)
            self._engine = _engine(parsed)
            self._writer = self._engine.execution_options(**{_WRITES: True})
            try:
                self._migrate(migrations)
            except BaseException:
                self._engine.dispose()
                raise
        except ArgumentError as exc:
            raise ConfigurationError(
                "ZEBBRA_OAUTH_DATABASE: expected a SQLAlchemy URL such as 'sqlite:////data/oauth.sqlite'"
            ) from exc
        except (SQLAlchemyError, ImportError, OSError) as exc:
            said = in_short(exc)
            if parsed.password:  # no driver is known to say it
                said = said.replace(str(parsed.password), "...")
            raise ConfigurationError(
                f"ZEBBRA_OAUTH_DATABASE: cannot open the database; {said}"
            ) from exc

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """Give a connection that sees one consistent state and changes nothing."""
        with self._engine.begin() as connection:
            yield connection

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """Give a connection whose changes are committed, all or none, on leaving."""
        try:
            with self._writer.begin() as connection:
                yield connection
        except SQLAlchemyError as exc:
            self.write_failed = self.write_failed or is_storage_fault(exc)
            raise

    def checkpoint(self) -> None:
        """
        Bring what was committed from SQLite's log into its file, and empty the log.

        It does not wait: what a reader still needs is left for the next time. Without it,
        all of a quiet service's changes are in the log alone, until that has grown to 4 MB. For
        PostgreSQL, which looks after itself, it does nothing.
        """
        if self.sqlite_file is None:
            return
        address = f"{self.sqlite_file.as_uri()}?mode=rw"  # a file that is gone is not made again
        with closing(sqlite3.connect(address, uri=True, timeout=0, isolation_level=None)) as own:
            try:
                own.execute("PRAGMA wal_checkpoint(PASSIVE)")
                own.execute("PRAGMA wal_checkpoint(TRUNCATE)")
            except sqlite3.OperationalError as exc:
                if "locked" not in str(exc):
                    raise

    def close(self) -> None:
        """Close all connections."""
        self._engine.dispose()

    def _migrate(self, migrations: Sequence[Migration]) -> None:
        with self.writing() as connection:
            if connection.dialect.name == "postgresql":
                connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": SETUP_LOCK})
            before, now = migrate(connection, migrations)
        if before != now:
            self.checkpoint()
            _log.info("token store: migrated from schema version %d to %d", before, now)


def _engine(url: URL) -> Engine:
    if url.get_backend_name() != "sqlite":
        named = {**_PATIENCE, "application_name": SERVICE_NAME}
        own = named if url.get_driver_name() in _KNOW_PATIENCE else {}
        patience = {name: value for name, value in own.items() if name not in url.query}
        return create_engine(url, hide_parameters=True, pool_pre_ping=True, connect_args=patience)
    engine = create_engine(url, hide_parameters=True, connect_args={"timeout": _BUSY_TIMEOUT_S})
    event.listen(engine, "connect", _prepare_sqlite)
    event.listen(engine, "begin", _begin_sqlite)
    return engine


def _prepare_sqlite(raw: Any, _record: Any) -> None:
    raw.isolation_level = None  # no hidden BEGIN: `_begin_sqlite` says which kind
    raw.execute("PRAGMA synchronous = FULL")  # a rotated token must survive a power cut
    raw.execute("PRAGMA secure_delete = ON")
    deadline = time.monotonic() + _BUSY_TIMEOUT_S
    while True:
        try:
            raw.execute("PRAGMA journal_mode = WAL")
        except sqlite3.OperationalError as exc:  # another process is switching right now
            if "locked" not in str(exc) or time.monotonic() > deadline:
                raise
            time.sleep(0.05)
        else:
            return


def _begin_sqlite(connection: Connection) -> None:
    # A transaction that reads first and writes later fails at once in WAL mode when another
    # has written in between; taking the lock first waits instead.
    writes = connection.get_execution_options().get(_WRITES, False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


def _make_private(url: URL) -> Path:
    if not url.database or url.database == ":memory:" or url.database.startswith("file:"):
        raise ConfigurationError(
            "ZEBBRA_OAUTH_DATABASE: expected a SQLite file; tokens in memory would be lost"
        )
    path = Path(url.database).absolute()
    for folder in reversed(path.parents):
        if not folder.exists():
            folder.mkdir(mode=0o700, exist_ok=True)
    os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))
    path.chmod(0o600)
    return path
