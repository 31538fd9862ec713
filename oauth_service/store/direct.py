"""
The shortest way to one connection's tokens in SQLite: one prepared read on a connection of its own.

A reader of a SQLite file in WAL mode waits for nobody, so that the event loop may ask by itself.
"""

import sqlite3
from dataclasses import dataclass, field
from pathlib import Path

from integrations.contracts import ConnectionState, TokenSet
from oauth_service.security.crypto import TokenVault, UnreadableTokensError
from oauth_service.store.rows import owner_of

_QUERY = """
    SELECT tenant_id, tenant_name, tokens FROM connections
    WHERE workspace_id = ? AND integration = ? AND state = ? AND tokens IS NOT NULL
        AND restored_at IS NULL
"""


@dataclass(frozen=True, slots=True)
class DirectGrant:
    """What a token request needs to know of a connection that works."""

    tenant_id: str
    tenant_name: str
    tokens: TokenSet = field(repr=False)


class DirectReads:
    """
    Reads grants of one SQLite file, one read at a time. Any thread may close it.

    Args:
        path: The file.
        vault: Decrypts what is read.
    """

    def __init__(self, path: Path, vault: TokenVault) -> None:
        self._path = path
        self._vault = vault
        self._connection: sqlite3.Connection | None = None

    def grant(self, workspace_id: str, slug: str) -> DirectGrant | None:
        """
        Return the present grant of a connection that works.

        None in every other case, an unreadable database or token included: who asks then goes
        the usual way, which says what is wrong.
        """
        try:
            if self._connection is None:
                self._connection = self._open()
            names = (workspace_id, slug, ConnectionState.CONNECTED.value)
            row = self._connection.execute(_QUERY, names).fetchone()
            if row is None:
                return None
            tenant_id, tenant_name, sealed = row
            tokens = self._vault.open_tokens(sealed, owner=owner_of(workspace_id, slug))
        except sqlite3.Error:
            self.close()
            return None
        except UnreadableTokensError:
            return None
        return DirectGrant(tenant_id, tenant_name, tokens)

    def close(self) -> None:
        """Close the connection; the next question opens another."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _open(self) -> sqlite3.Connection:
        return sqlite3.connect(
            f"{self._path.absolute().as_uri()}?mode=ro",
            uri=True,
            timeout=0,
            isolation_level=None,
            check_same_thread=False,  # the store may be closed by another thread than reads
        )
