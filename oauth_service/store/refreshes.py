"""What a refresh does to a connection's row, from its start to its outcome."""

from dataclasses import replace
from datetime import datetime
from typing import Any

from sqlalchemy import Connection as Transaction
from sqlalchemy import Update

from integrations.contracts import ConnectionState, TokenSet, token_fingerprint
from oauth_service.security.crypto import TokenVault, UnreadableTokensError
from oauth_service.store.changes import next_change
from oauth_service.store.database import Database
from oauth_service.store.history import HistoryEntry, Outcome, record
from oauth_service.store.rows import (
    ASKED,
    Connection,
    change_connection,
    find_connection,
    owner_of,
)
from oauth_service.store.schema import connections


class Refreshes:
    """Notes refreshes and their outcomes, each only while its pair is the stored one."""

    def __init__(self, database: Database, vault: TokenVault) -> None:
        self._database = database
        self._vault = vault

    def started(
        self, connection: Connection, *, fingerprint: str, now: datetime
    ) -> Connection | None:
        """
        Note that a refresh token is about to be spent; None if it is no longer the stored one.

        A refresh of the same token that is already noted keeps its time: the provider's
        grace counts from the first.
        """
        same = connection.refresh_fingerprint == fingerprint
        started = (connection.refresh_started_at if same else None) or now
        statement = _version(connection).values(
            refresh_started_at=started, refresh_fingerprint=fingerprint
        )
        with self._database.writing() as transaction:
            if not transaction.execute(statement).rowcount:
                return None
            return find_connection(transaction, connection.workspace_id, connection.integration)

    def store(self, connection: Connection, tokens: TokenSet, entry: HistoryEntry) -> bool:
        """
        Replace the pair of *connection*; False if another pair has replaced it already.

        May be called again with the same *tokens* after a failure: the database may have stored
        them though it could not say so.
        """
        statement = _version(connection).values(
            tokens=self._vault.seal_tokens(
                tokens, owner=owner_of(connection.workspace_id, connection.integration)
            ),
            grant_version=connection.grant_version + 1,
            last_worked_at=entry.at,
            **ASKED,
        )
        with self._database.writing() as transaction:
            if connection.unchecked:  # it is shown as connected from now on
                statement = statement.values(changed_at=entry.at, change=next_change(transaction))
            stored = transaction.execute(statement).rowcount == 1
            if not stored:
                if self._is_stored(transaction, connection, tokens):
                    return True  # and recorded, in the same transaction
                entry = replace(entry, outcome=Outcome.SUPERSEDED)
            record(transaction, connection.workspace_id, connection.integration, entry)
        return stored

    def failed(
        self,
        connection: Connection,
        entry: HistoryEntry,
        *,
        retry_at: datetime | None = None,
        may_be_spent: bool,
    ) -> None:
        """
        Record a failure that leaves the connection as it is; nothing if its pair was replaced.

        *retry_at* is the provider's own "not before". *may_be_spent* says that an answer
        was lost, so that the provider may have rotated the token.
        """
        values: dict[str, Any] = {"retry_at": retry_at}
        if not may_be_spent:
            values |= {"refresh_started_at": None, "refresh_fingerprint": None}
        with self._database.writing() as transaction:
            if transaction.execute(_version(connection).values(**values)).rowcount:
                record(transaction, connection.workspace_id, connection.integration, entry)

    def require_reconnect(self, connection: Connection, reason: str, entry: HistoryEntry) -> bool:
        """Mark the grant as dead; False, and no record, if another pair has replaced it."""
        with self._database.writing() as transaction:
            statement = _version(connection).values(
                state=ConnectionState.REQUIRES_RECONNECT.value,
                reason=reason,
                changed_at=entry.at,
                change=next_change(transaction),
                **ASKED,
            )
            ended = transaction.execute(statement).rowcount == 1
            if ended:
                record(transaction, connection.workspace_id, connection.integration, entry)
        return ended

    def _is_stored(
        self, transaction: Transaction, connection: Connection, tokens: TokenSet
    ) -> bool:
        workspace_id, integration = connection.workspace_id, connection.integration
        present = find_connection(transaction, workspace_id, integration)
        if present is None or present.sealed_tokens is None:
            return False
        try:
            found = self._vault.open_tokens(
                present.sealed_tokens, owner=owner_of(workspace_id, integration)
            )
        except UnreadableTokensError:  # sealed by a key that we have not got: not by us
            return False
        return token_fingerprint(found.access_token) == token_fingerprint(tokens.access_token)


def _version(connection: Connection) -> Update:
    return change_connection(connection.workspace_id, connection.integration).where(
        connections.c.grant_version == connection.grant_version
    )
