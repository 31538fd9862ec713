"""
Whole copies of a token store: a SQLite file each, whichever database the store is in.

A copy is one state of the store, taken while services go on, and is complete in its one file.
"""

import os
import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

from pydantic import SecretStr
from sqlalchemy import Connection, create_engine, delete, insert, select
from sqlalchemy.engine import make_url
from sqlalchemy.exc import SQLAlchemyError

from integrations.contracts import ConfigurationError
from integrations.runtime.files import PRIVATE_FILE, synced
from oauth_service.store.database import Database
from oauth_service.store.migrations import MIGRATIONS, in_short, schema_version
from oauth_service.store.schema import metadata

_ROWS_AT_ONCE = 1000
_BUSY_TIMEOUT_S = 20


@dataclass(frozen=True, slots=True)
class CopyFacts:
    """
    What is in a copy.

    Attributes:
        schema_version: Number of the last migration that it has had.
        rows: How many, by workspace and table.
        sealed: The encrypted tokens of its connections.
    """

    schema_version: int
    rows: Mapping[str, Mapping[str, int]]
    sealed: tuple[str, ...]


def copy_store(url: str, target: Path) -> None:
    """
    Copy the store at *url* to the new file *target*.

    SQLite's is copied page by page by its own means, another database's row by row in one
    transaction that sees one state.

    Raises:
        ConfigurationError: If it cannot be read, is damaged, or has other tables than this release.
        OSError: If *target* cannot be written.
    """
    parsed = make_url(url)
    os.close(os.open(target, os.O_CREAT | os.O_EXCL | os.O_RDWR, PRIVATE_FILE))
    try:
        if parsed.get_backend_name() == "sqlite":
            _copy_file(Path(parsed.database or "").absolute(), target)
        else:
            _copy_rows_of(url, target)
        make_single_file(target)
    except (sqlite3.Error, SQLAlchemyError, ImportError) as exc:
        said = in_short(exc)
        if parsed.password:
            said = said.replace(str(parsed.password), "...")
        raise ConfigurationError(
            f"ZEBBRA_OAUTH_DATABASE: the token store cannot be backed up; {said}"
        ) from exc


def facts_of(path: Path) -> CopyFacts:
    """
    Read all of a copy.

    Raises:
        ConfigurationError: If it is damaged, or no token store.
    """
    try:
        with closing(_read_only(path)) as file:
            (found,) = file.execute("PRAGMA integrity_check(1)").fetchone()
            if found != "ok":
                raise ConfigurationError(
                    f"{path}: this copy of the token store is damaged: {found}"
                )
            version = file.execute(
                "SELECT value FROM numbers WHERE name = 'schema_version'"
            ).fetchone()
            rows: dict[str, dict[str, int]] = {}
            for table in metadata.sorted_tables:
                if "workspace_id" in table.columns:
                    query = f"SELECT workspace_id, count(*) FROM {table.name} GROUP BY 1"  # noqa: S608 -- names of ours
                    for workspace_id, count in file.execute(query):
                        rows.setdefault(workspace_id, {})[table.name] = count
            tokens = file.execute("SELECT tokens FROM connections WHERE tokens IS NOT NULL")
            sealed = tuple(value for (value,) in tokens)
    except sqlite3.Error as exc:
        raise ConfigurationError(
            f"{path}: expected a copy of the token store; {in_short(exc)}"
        ) from exc
    ordered = {name: dict(sorted(rows[name].items())) for name in sorted(rows)}
    return CopyFacts(0 if version is None else int(version[0]), ordered, sealed)


def make_single_file(path: Path) -> None:
    """Let a SQLite file that is open nowhere be complete without a log file."""
    with closing(sqlite3.connect(path, timeout=_BUSY_TIMEOUT_S)) as file:
        file.execute("PRAGMA journal_mode = DELETE")
    synced(path)


def replace_rows(source: Connection, target: Connection) -> None:
    """Put the rows of all tables of one store in the place of another's, within its transaction."""
    for table in reversed(metadata.sorted_tables):
        target.execute(delete(table))
    for table in metadata.sorted_tables:
        found = source.execute(select(table).execution_options(yield_per=_ROWS_AT_ONCE))
        for rows in found.mappings().partitions():
            target.execute(insert(table), [dict(row) for row in rows])


def opened_copy(path: Path) -> Database:
    """Open a copy as a store, brought to the tables of this release; it has to be made single again."""
    return Database(f"sqlite:///{path}")


def _copy_file(source: Path, target: Path) -> None:
    if not source.exists():
        raise ConfigurationError(
            f"ZEBBRA_OAUTH_DATABASE: there is no token store at {source}; mount the volume that "
            "has it, or restore it: zebbra restore <folder>"
        )
    address = f"{source.as_uri()}?mode=rw"
    with (
        closing(sqlite3.connect(address, uri=True, timeout=_BUSY_TIMEOUT_S)) as store,
        closing(sqlite3.connect(target)) as copy,
    ):
        store.backup(copy)


def _copy_rows_of(url: str, target: Path) -> None:
    with closing(opened_copy(target)) as copy, one_state_of(url) as store:
        version = schema_version(store)
        if version != len(MIGRATIONS):
            raise ConfigurationError(
                f"ZEBBRA_OAUTH_DATABASE: its tables have schema version {version}, and this release "
                f"has {len(MIGRATIONS)}: back up with the release that runs, or start this one first"
            )
        with copy.writing() as made:
            replace_rows(store, made)


@contextmanager
def one_state_of(url: str) -> Iterator[Connection]:
    """Give a connection that sees one state of a database that is not SQLite, and only reads."""
    engine = create_engine(url, hide_parameters=True, isolation_level="REPEATABLE READ")
    try:
        with engine.connect() as connection:
            yield connection
    finally:
        engine.dispose()


def unreadable(sealed: tuple[str, ...], keys: tuple[SecretStr, ...]) -> int:
    """Return how many of the encrypted tokens none of *keys* decrypts."""
    from oauth_service.security.crypto import TokenVault

    if not keys:
        return len(sealed)
    vault = TokenVault(keys)
    return sum(vault.position_of_key(each) is None for each in sealed)


def _read_only(path: Path) -> sqlite3.Connection:
    return sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)
