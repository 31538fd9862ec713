"""Dagster's event log in SQLite, held open while a step logs many events."""

import sqlite3
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import dagster as dg

_INDEX = "index"
"""Dagster's name of the file of events of all runs."""


@contextmanager
def held_open(instance: "dg.DagsterInstance", run_id: str) -> Iterator[None]:
    """
    Keep SQLite's files of a run's events open until the block ends; no lock is held on them.

    Dagster opens and closes each file several times for every event, and whenever the last
    connection closes, SQLite copies its log into the file and waits for the disk. With one more
    connection an evaluation takes half as long. Other storages are left alone.

    Args:
        instance: With any storage.
        run_id: The run that logs.
    """
    path_of = getattr(instance.event_log_storage, "path_for_shard", None)
    paths = [Path(path_of(name)) for name in (_INDEX, run_id)] if path_of else []
    with ExitStack() as held:
        for path in paths:
            # What cannot be opened so is only slower.
            with suppress(sqlite3.Error):
                address = f"{path.absolute().as_uri()}?mode=rw"
                connection = held.enter_context(closing(sqlite3.connect(address, uri=True)))
                # A connection that has read nothing does not count yet.
                connection.execute("SELECT count(*) FROM sqlite_master").fetchall()
        yield
