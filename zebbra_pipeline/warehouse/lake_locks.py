"""Whose turn it is to write to a DuckLake that many machines share."""

import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

from zebbra_pipeline.warehouse.database import bare_connection
from zebbra_pipeline.warehouse.errors import WarehouseBusyError, WarehouseFileError
from zebbra_pipeline.warehouse.lake import POSTGRES_LAKES, without_secrets
from zebbra_pipeline.warehouse.locks import Deadline

if TYPE_CHECKING:  # loading definitions opens no database
    import duckdb

_TURN = 0x5A454243  # any number that all writers agree on
_SHOWN_CHARACTERS = 63  # PostgreSQL cuts an application's name there
_LOWER_HALF = 0xFFFFFFFF
_HOLDER = """
    SELECT a.application_name FROM pg_locks l JOIN pg_stat_activity a ON a.pid = l.pid
    WHERE l.locktype = 'advisory' AND l.granted AND l.objid = {}
"""


@contextmanager
def turn_in_postgres(
    target: str, purpose: str, deadline: Deadline, *, number: int = _TURN
) -> Iterator[None]:
    """
    Wait for the turn to write, among all machines that share the catalog.

    DuckLake lets two write at once and then fails the one that commits last. Landing replaces
    rows in tables that all workspaces share, so that nearly every second one would fail.

    The turn is an advisory lock of a transaction in the catalog's database: PostgreSQL queues
    for it in order, and gives it on when its holder's connection ends, however that came about.

    Args:
        target: The DuckLake's address.
        purpose: Shown to whoever waits too long for it.
        deadline: When to give up.
        number: Whose turns exclude each other, from 0 to 2**63 - 1; by default those to write.

    Raises:
        WarehouseBusyError: If the turn does not come in time; it names the holder.
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
            ) from None  # what DuckDB says may repeat the address, with its password
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
    return "somebody unknown"


def _name(purpose: str) -> str:
    return f"pid {os.getpid()} on {socket.gethostname()} ({purpose})"[:_SHOWN_CHARACTERS]


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"
