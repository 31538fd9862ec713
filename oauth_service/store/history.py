"""What happened to each connection's grant, and when. Fingerprints only, never tokens."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from sqlalchemy import Connection as SqlConnection
from sqlalchemy import delete, insert, select

from oauth_service.store.database import Database
from oauth_service.store.schema import refresh_history


class Outcome(StrEnum):
    """
    How an attempt ended.

    `ANSWER_LOST`: the request may have been carried out, but no usable answer came back.
    `RESTORED`: the connection was put back from a backup; no attempt, but what later ones follow from.
    `SUPERSEDED`: a pair came back, but a newer grant had been stored meanwhile.
    """

    CONNECTED = "connected"
    REFRESHED = "refreshed"
    ANSWER_LOST = "answer_lost"
    UNAVAILABLE = "unavailable"
    GRANT_REFUSED = "grant_refused"
    APP_REFUSED = "app_refused"
    SUPERSEDED = "superseded"
    DISCONNECTED = "disconnected"
    RESTORED = "restored"


@dataclass(frozen=True, slots=True)
class HistoryEntry:
    """
    One attempt.

    Attributes:
        detail: Status or OAuth error code of the answer, never its body.
        trace_id: What the provider's support asks for.
        token_fingerprint: Of the refresh token that was sent.
    """

    at: datetime
    outcome: Outcome
    detail: str | None = None
    trace_id: str | None = None
    token_fingerprint: str | None = None


def record(
    transaction: SqlConnection, workspace_id: str, integration: str, entry: HistoryEntry
) -> None:
    """Add *entry* within a transaction that changes the connection itself."""
    transaction.execute(
        insert(refresh_history).values(
            workspace_id=workspace_id,
            integration=integration,
            at=entry.at,
            outcome=entry.outcome.value,
            detail=entry.detail,
            trace_id=entry.trace_id,
            token_fingerprint=entry.token_fingerprint,
        )
    )


class History:
    """Reads and prunes the history."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def add(self, workspace_id: str, integration: str, entry: HistoryEntry) -> None:
        with self._database.writing() as transaction:
            record(transaction, workspace_id, integration, entry)

    def of(
        self, workspace_id: str, integration: str, *, latest: int | None = None
    ) -> Sequence[HistoryEntry]:
        """Return all entries, or so many of the latest; oldest first."""
        table = refresh_history.c
        query = (
            select(table.at, table.outcome, table.detail, table.trace_id, table.token_fingerprint)
            .where(table.workspace_id == workspace_id, table.integration == integration)
            .order_by(table.id.desc())
            .limit(latest)
        )
        with self._database.reading() as transaction:
            rows = transaction.execute(query).all()
        return [HistoryEntry(row[0], Outcome(row[1]), *row[2:]) for row in reversed(rows)]

    def forget_before(self, moment: datetime) -> None:
        with self._database.writing() as transaction:
            transaction.execute(delete(refresh_history).where(refresh_history.c.at < moment))
