"""Advisory locks in PostgreSQL, for a DuckLake that several machines share."""

import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from hashlib import sha256
from typing import TYPE_CHECKING

from zebbra_pipeline.warehouse.database import bare_connection
from zebbra_pipeline.warehouse.deadline import Deadline
from zebbra_pipeline.warehouse.errors import WarehouseBusyError, WarehouseFileError
from zebbra_pipeline.warehouse.lake import POSTGRES_LAKES, without_secrets

if TYPE_CHECKING:  # loading definitions opens no database
    import duckdb

_WRITE_LOCK = 0x5A454243  # any number that is the same for all writers
_SHOWN_CHARACTERS = 63  # PostgreSQL cuts an application's name there
_LOWER_HALF = 0xFFFFFFFF
_63_BITS = (1 << 63) - 1
_HOLDER = """
    SELECT a.application_name FROM pg_locks l JOIN pg_stat_activity a ON a.pid = l.pid
    WHERE l.locktype = 'advisory' AND l.granted AND l.objid = {}
"""


@contextmanager
def advisory_lock(
    target: str, purpose: str, deadline: Deadline, *, number: int = _WRITE_LOCK
) -> Iterator[None]:
    """
    Wait for a lock that all machines which share the catalog respect.

    DuckLake lets two writers run at once and then fails the one that commits last. Landing
    replaces rows in tables that all workspaces share, so nearly every second writer would fail.

    The lock is an advisory lock of a transaction in the catalog's database. PostgreSQL grants it
    in order, and releases it when the holder's connection ends for any reason.

    Args:
        target: The DuckLake's address.
        purpose: Shown to other writers that wait too long.
        deadline: When to give up.
        number: The lock, from 0 to 2**63 - 1; by default the write lock.

    Raises:
        WarehouseBusyError: If the lock is not free in time; names the holder.
        WarehouseFileError: If the catalog cannot be reached.
    """
    import duckdb

    address = next(target.removeprefix(kind) for kind in POSTGRES_LAKES if target.startswith(kind))
    place = f"warehouse {without_secrets(target)}"
    connection = bare_connection()
    try:
        try:
            connection.execute(f"ATTACH {_quoted(address)} AS catalog (TYPE postgres)")
            connection.execute("BEGIN TRANSACTION")
            _ask(connection, f"SET LOCAL application_name = {_quoted(_name(purpose))}")
            _ask(connection, f"SET LOCAL lock_timeout = {max(1, int(deadline.left_s * 1000))}")
        except duckdb.Error as exc:
            raise WarehouseFileError(
                f"{place}: its catalog cannot be reached ({type(exc).__name__}); "
                "check ZEBBRA_WAREHOUSE, and that DuckDB's extensions ducklake and postgres "
                "are installed where runs run"
            ) from None  # DuckDB's text may repeat the address with its password
        try:
            _ask(connection, f"SELECT pg_advisory_xact_lock({number})")
        except duckdb.Error:
            raise WarehouseBusyError(
                f"{place}: gave up waiting to write ({purpose}): {_holder(connection, number)} is "
                "writing; try again later, or end that process"
            ) from None
        yield
    finally:
        with suppress(duckdb.Error):
            connection.execute("ROLLBACK")
        connection.close()


def workspace_lock_number(workspace_id: str) -> int:
    """
    Return the number of the workspace's advisory lock.

    Two workspaces with the same number, which is very unlikely, only wait for each other.
    """
    digest = sha256(f"pull {workspace_id}".encode()).digest()
    return int.from_bytes(digest[:8]) & _63_BITS


def _ask(connection: "duckdb.DuckDBPyConnection", sql: str) -> None:
    connection.execute(f"CALL postgres_execute('catalog', {_quoted(sql)})")


def _holder(connection: "duckdb.DuckDBPyConnection", number: int) -> str:
    import duckdb

    who = _HOLDER.format(number & _LOWER_HALF)
    with suppress(duckdb.Error):
        connection.execute("ROLLBACK")
        found = connection.execute(
            f"SELECT * FROM postgres_query('catalog', {_quoted(who)})"  # noqa: S608 -- ours
        ).fetchone()
        if found is not None:
            return str(found[0])
    return "an unknown process"


def _name(purpose: str) -> str:
    return f"pid {os.getpid()} on {socket.gethostname()} ({purpose})"[:_SHOWN_CHARACTERS]


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"
