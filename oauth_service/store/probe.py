"""Whether the database answers somebody who connects to it just now."""

import sqlite3
from pathlib import Path

from sqlalchemy import create_engine, select, text
from sqlalchemy.engine import make_url
from sqlalchemy.pool import NullPool

from oauth_service.store.schema import workspaces

_PATIENCE_S = 2  # the least that libpq takes
_KNOW_CONNECT_TIMEOUT = frozenset({"psycopg", "psycopg2"})
_ANY_ROW = select(workspaces.c.workspace_id).limit(1)


class Probe:
    """
    Reads over a new connection each time: one that is open already may outlive the database.

    Args:
        url: SQLAlchemy URL.
        sqlite_file: Its file, if that is what it names; never made here.
    """

    def __init__(self, url: str, sqlite_file: Path | None) -> None:
        if sqlite_file is None:
            knows = make_url(url).get_driver_name() in _KNOW_CONNECT_TIMEOUT
            self._engine = create_engine(
                url,
                hide_parameters=True,
                poolclass=NullPool,
                connect_args={"connect_timeout": _PATIENCE_S} if knows else {},
            )
        else:
            address = f"{sqlite_file.as_uri()}?mode=ro"
            self._engine = create_engine(
                "sqlite://",
                hide_parameters=True,
                poolclass=NullPool,
                creator=lambda: sqlite3.connect(address, uri=True, timeout=_PATIENCE_S),
            )

    def check(self) -> None:
        """
        Read something.

        Raises:
            SQLAlchemyError: If the database does not answer, at the latest after some seconds.
        """
        with self._engine.begin() as connection:
            if connection.dialect.name == "postgresql":
                connection.execute(text(f"SET LOCAL statement_timeout = {_PATIENCE_S * 1000}"))
            connection.execute(_ANY_ROW)
