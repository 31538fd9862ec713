"""All workspaces with their connections, a page at a time: what the operator looks through."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import Connection as Transaction
from sqlalchemy import Row, ScalarSelect, Select, func, or_, select, tuple_

from integrations.contracts import ConnectionState
from oauth_service.store.database import Database
from oauth_service.store.history import HistoryEntry, Outcome
from oauth_service.store.rows import SHOWN_STATE, Connection, connection_of
from oauth_service.store.schema import connections, refresh_history, workspaces
from oauth_service.store.workspaces import Workspace


class Order(StrEnum):
    """What comes first."""

    WORKSPACE = "workspace"
    OLDEST_TOKENS = "oldest_tokens"


@dataclass(frozen=True, slots=True)
class Wanted:
    """
    Which rows; whatever is left out excludes none.

    Attributes:
        text: Part of the workspace's id or name, or of the organisation's name.
        state: Of the connection.
        never_connected: Only workspaces without any connection; *state* is then of no use.
        integration: Slug.
        tokens_before: Only connections whose tokens the provider gave before then.
        outcomes: Only connections whose latest event ended so.
    """

    text: str = ""
    state: ConnectionState | None = None
    never_connected: bool = False
    integration: str | None = None
    tokens_before: datetime | None = None
    outcomes: frozenset[Outcome] = frozenset()
    order: Order = Order.WORKSPACE


@dataclass(frozen=True, slots=True)
class OverviewRow:
    """
    One connection, or a workspace that has none.

    Attributes:
        latest: What happened to the grant last.
    """

    workspace: Workspace
    connection: Connection | None
    latest: HistoryEntry | None


@dataclass(frozen=True, slots=True)
class OverviewPage:
    """
    Some of the rows that are wanted.

    Attributes:
        total: How many are wanted in all.
        offset: How many of them come before these.
    """

    total: int
    offset: int
    rows: Sequence[OverviewRow]


class Overview:
    """Reads across workspaces."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def page(self, wanted: Wanted, *, number: int, size: int) -> OverviewPage:
        """Return page *number*, counted from 1, of *size* rows; the last if there are fewer."""
        with self._database.reading() as transaction:
            total = transaction.execute(_filtered(select(func.count()), wanted)).scalar_one()
            last = max(1, -(-total // size))
            offset = (min(max(number, 1), last) - 1) * size
            query = _filtered(
                select(connections, workspaces.c.workspace_id.label("of"), workspaces.c.name),
                wanted,
            )
            found = transaction.execute(
                query.order_by(*_ordered(wanted.order)).offset(offset).limit(size)
            ).all()
            latest = _latest(transaction, found)
        return OverviewPage(total, offset, [_row(row, latest) for row in found])

    def states(self) -> Mapping[ConnectionState | None, int]:
        """Count connections by state, and workspaces without any under None."""
        by_state = select(SHOWN_STATE, func.count()).group_by(SHOWN_STATE)
        never = _filtered(select(func.count()), Wanted(never_connected=True))
        with self._database.reading() as transaction:
            found: dict[str, int] = dict(transaction.execute(by_state).all())
            none = transaction.execute(never).scalar_one()
        return {**{state: found.get(state.value, 0) for state in ConnectionState}, None: none}


def _filtered(query: Select[Any], wanted: Wanted) -> Select[Any]:
    query = query.select_from(workspaces).outerjoin(
        connections, connections.c.workspace_id == workspaces.c.workspace_id
    )
    if wanted.text:
        places = (workspaces.c.workspace_id, workspaces.c.name, connections.c.tenant_name)
        query = query.where(or_(*(each.icontains(wanted.text, autoescape=True) for each in places)))
    if wanted.never_connected:
        query = query.where(connections.c.workspace_id.is_(None))
    elif wanted.state is not None:
        query = query.where(SHOWN_STATE.in_([wanted.state.value]))
    if wanted.integration is not None:
        query = query.where(connections.c.integration == wanted.integration)
    if wanted.tokens_before is not None:
        query = query.where(
            connections.c.tokens.is_not(None), connections.c.last_worked_at < wanted.tokens_before
        )
    if wanted.outcomes:
        outcomes = [outcome.value for outcome in wanted.outcomes]
        query = query.where(_latest_outcome().in_(outcomes))
    return query


def _latest_outcome() -> ScalarSelect[str]:
    # One step in the history's index for each connection, however long the history is.
    table = refresh_history.c
    return (
        select(table.outcome)
        .where(
            table.workspace_id == connections.c.workspace_id,
            table.integration == connections.c.integration,
        )
        .order_by(table.id.desc())
        .limit(1)
        .correlate(connections)
        .scalar_subquery()
    )


def _ordered(order: Order) -> Sequence[Any]:
    names = (workspaces.c.workspace_id, connections.c.integration)
    if order is Order.OLDEST_TOKENS:
        without = connections.c.tokens.is_(None)
        return (without, connections.c.last_worked_at, *names)
    return names


def _latest(
    transaction: Transaction, rows: Sequence[Row[Any]]
) -> Mapping[tuple[str, str], HistoryEntry]:
    table = refresh_history.c
    owners = [(row.of, row.integration) for row in rows if row.integration is not None]
    if not owners:
        return {}
    newest = (
        select(func.max(table.id))
        .where(tuple_(table.workspace_id, table.integration).in_(owners))
        .group_by(table.workspace_id, table.integration)
    )
    query = select(refresh_history).where(table.id.in_(newest))
    return {
        (row.workspace_id, row.integration): HistoryEntry(
            row.at, Outcome(row.outcome), row.detail, row.trace_id, row.token_fingerprint
        )
        for row in transaction.execute(query)
    }


def _row(row: Row[Any], latest: Mapping[tuple[str, str], HistoryEntry]) -> OverviewRow:
    workspace = Workspace(row.of, row.name)
    if row.integration is None:
        return OverviewRow(workspace, None, None)
    return OverviewRow(workspace, connection_of(row), latest.get((row.of, row.integration)))
