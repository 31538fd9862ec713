"""
Puts a copy of a token store in the store's place, its connections marked.

Tokens may have been rotated after the copy was made, so that its refresh tokens are spent. Each
restored connection is marked until its provider has taken its tokens, or refused them.
"""

import os
from collections.abc import Callable, Sequence
from contextlib import closing
from datetime import datetime
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, create_engine, delete, func, inspect, select, text, update
from sqlalchemy.engine import make_url
from sqlalchemy.exc import SQLAlchemyError

from integrations.contracts import ConfigurationError, ConnectionState
from integrations.runtime.files import aside, copied, is_held, stamp
from oauth_service.store.copies import (
    copy_store,
    make_single_file,
    opened_copy,
    replace_rows,
)
from oauth_service.store.database import SERVICE_NAME, SETUP_LOCK, Database
from oauth_service.store.history import HistoryEntry, Outcome, record
from oauth_service.store.migrations import in_short
from oauth_service.store.schema import connections, login_states, metadata, numbers, pending_grants

_CHANGES_AHEAD = 1_000_000
"""More changes than a store sees between two backups: no cursor of a sensor is ahead afterwards."""
_COMPANIONS = ("-wal", "-shm")


def mark_restored(transaction: Connection, *, now: datetime) -> int:
    """
    Mark connections that work as restored, and forget who was at work; return how many.

    Leases belong to processes that have ended. Consents under way belong to browsers: their
    states may have been used since.
    """
    change = int(
        transaction.execute(
            update(numbers)
            .where(numbers.c.name == "change")
            .values(value=numbers.c.value + _CHANGES_AHEAD)
            .returning(numbers.c.value)
        ).scalar_one()
    )
    transaction.execute(update(connections).values(lease_owner=None, lease_until=None))
    works = connections.c.state == ConnectionState.CONNECTED.value
    names = transaction.execute(
        select(connections.c.workspace_id, connections.c.integration).where(works)
    ).all()
    transaction.execute(
        update(connections).where(works).values(restored_at=now, changed_at=now, change=change)
    )
    for workspace_id, integration in names:
        record(transaction, workspace_id, integration, HistoryEntry(now, Outcome.RESTORED))
    transaction.execute(delete(login_states))
    transaction.execute(delete(pending_grants))
    return len(names)


def mark_store(url: str, *, now: datetime) -> int:
    """
    Mark the connections of a store that was put back by other means, such as `pg_restore`.

    Raises:
        ConfigurationError: If it cannot be opened, or a service has it open.
    """
    _refuse_while_open(url)
    with closing(Database(url)) as store, store.writing() as transaction:
        return mark_restored(transaction, now=now)


def check_target(url: str, *, force: bool) -> None:
    """
    See whether a copy may be put at *url*; nothing is changed.

    Raises:
        ConfigurationError: If a service has the store open, or there is one and *force* is not set.
    """
    _refuse_while_open(url)
    if force:
        return
    file = _file_of(url)
    if file is not None:
        found = [str(path) for path in _files(file) if os.path.lexists(path)]
        if found:
            raise ConfigurationError(
                f"a token store is there already: {', '.join(found)}; --force moves it aside under a "
                "dated name"
            )
    elif not _is_empty(url):
        raise ConfigurationError(
            "ZEBBRA_OAUTH_DATABASE: the database holds connections already; --force copies them "
            "to a dated file in ZEBBRA_HOME and replaces them"
        )


def restore_store(
    copy: Path, url: str, *, home: Path, now: datetime, force: bool
) -> tuple[int, Path | None]:
    """
    Put *copy* at *url*, all of it or nothing.

    Args:
        copy: As `copy_store` makes it; it is not changed.
        url: Of the store.
        home: Where the copy of a replaced database goes that is not a file.
        now: Timezone-aware.
        force: Replace a store that is there, which is kept under a dated name.

    Returns:
        How many connections were marked, and where what was replaced is kept.

    Raises:
        ConfigurationError: As `check_target`, or if the copy cannot be used or the store written.
        OSError: If there is no room.
    """
    check_target(url, force=force)
    file = _file_of(url)
    staged = (file or home / "oauth.sqlite").with_name(
        f".{copy.name}.{stamp(now)}.{os.getpid()}.draft"
    )
    try:
        staged.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with copy.open("rb") as source:
            copied(source, staged)
        with closing(opened_copy(staged)) as store, store.writing() as transaction:
            marked = mark_restored(transaction, now=now)
        make_single_file(staged)
        if file is not None:
            return marked, _swap_in(staged, file, stamp(now))
        return marked, _replace_rows(
            staged, url, aside(home / "oauth.sqlite", stamp(now)), force=force
        )
    except (SQLAlchemyError, ImportError) as exc:
        raise ConfigurationError(
            f"ZEBBRA_OAUTH_DATABASE: the token store is not restored; {_said(exc, url)}"
        ) from exc
    finally:
        for path in _files(staged):
            path.unlink(missing_ok=True)


def _swap_in(staged: Path, file: Path, stamped: str) -> Path | None:
    """Put *staged* in the place of *file*, which is moved aside with its log."""
    kept = aside(file, stamped)
    pairs = [
        (path, kept.with_name(f"{kept.name}{path.name.removeprefix(file.name)}"))
        for path in _files(file)
        if os.path.lexists(path)
    ]
    for path, place in pairs:
        path.replace(place)
    if any(is_held(place) for _, place in pairs):  # a service has started just now
        for path, place in pairs:
            place.replace(path)
        raise _in_use(file)
    staged.replace(file)
    return kept if pairs else None


def _replace_rows(staged: Path, url: str, kept: Path, *, force: bool) -> Path | None:
    Database(url).close()  # makes the tables, or brings them up to date
    engine = create_engine(url, hide_parameters=True)
    try:
        with engine.begin() as target:
            if target.dialect.name == "postgresql":  # a service that starts now waits for the end
                target.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": SETUP_LOCK})
            if _rows(target):
                if not force:
                    raise ConfigurationError("ZEBBRA_OAUTH_DATABASE: the database is in use")
                copy_store(url, kept)
            with closing(opened_copy(staged)) as store, store.reading() as source:
                replace_rows(source, target)
            if target.dialect.name == "postgresql":
                target.execute(
                    text(
                        "SELECT setval(pg_get_serial_sequence('refresh_history', 'id'), "
                        "(SELECT coalesce(max(id), 0) + 1 FROM refresh_history), false)"
                    )
                )
    finally:
        engine.dispose()
    return kept if kept.exists() else None


def _refuse_while_open(url: str) -> None:
    file = _file_of(url)
    if file is not None:
        if any(is_held(path) for path in _files(file)):
            raise _in_use(file)
        return
    if make_url(url).get_backend_name() != "postgresql":
        return
    query = text(
        "SELECT count(*) FROM pg_stat_activity "
        "WHERE datname = current_database() AND application_name = :name"
    )
    count = _ask(url, lambda connection: connection.execute(query, {"name": SERVICE_NAME}).scalar())
    if count:
        raise ConfigurationError(
            "ZEBBRA_OAUTH_DATABASE: an OAuth service has this database open; stop all of its "
            "replicas first"
        )


def _is_empty(url: str) -> bool:
    return not _ask(url, _rows)


def _rows(connection: Connection) -> int:
    known = inspect(connection).get_table_names()
    tables = [
        table for table in metadata.sorted_tables if table.name in known and table is not numbers
    ]
    return sum(
        int(connection.execute(select(func.count()).select_from(table)).scalar_one())
        for table in tables
    )


def _ask(url: str, question: Callable[[Connection], Any]) -> Any:
    try:
        engine = create_engine(url, hide_parameters=True)
        try:
            with engine.connect() as connection:
                return question(connection)
        finally:
            engine.dispose()
    except (SQLAlchemyError, ImportError) as exc:
        raise ConfigurationError(
            f"ZEBBRA_OAUTH_DATABASE: cannot open the database; {_said(exc, url)}"
        ) from exc


def _said(exc: Exception, url: str) -> str:
    said, password = in_short(exc), make_url(url).password
    return said.replace(str(password), "...") if password else said


def _file_of(url: str) -> Path | None:
    parsed = make_url(url)
    if parsed.get_backend_name() != "sqlite":
        return None
    return Path(parsed.database or "").absolute()


def _files(file: Path) -> Sequence[Path]:
    """Return a SQLite file and its log files."""
    return [file, *(file.with_name(f"{file.name}{ending}") for ending in _COMPANIONS)]


def _in_use(file: Path) -> ConfigurationError:
    return ConfigurationError(
        f"{file}: an OAuth service has this token store open; stop it first (zebbra serve, or zebbra "
        "dev)"
    )
