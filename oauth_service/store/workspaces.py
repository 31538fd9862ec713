"""The workspaces that a connect link was ever made for."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import insert, select, update

from oauth_service.store.changes import next_change
from oauth_service.store.database import Database
from oauth_service.store.schema import connections, workspaces


@dataclass(frozen=True, slots=True)
class Workspace:
    """One customer."""

    workspace_id: str
    name: str


class Workspaces:
    """Remembers ids with their display names."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def get(self, workspace_id: str) -> Workspace | None:
        query = select(workspaces.c.name).where(workspaces.c.workspace_id == workspace_id)
        with self._database.reading() as transaction:
            name = transaction.execute(query).scalar()
        return None if name is None else Workspace(workspace_id, name)

    def all(self) -> Sequence[Workspace]:
        """Return all workspaces, by id."""
        columns = workspaces.c
        query = select(columns.workspace_id, columns.name).order_by(columns.workspace_id)
        with self._database.reading() as transaction:
            return [Workspace(*row) for row in transaction.execute(query)]

    def remember(self, workspace_id: str, name: str | None, *, now: datetime) -> Workspace:
        """
        Make the workspace known, or rename it.

        None as *name* keeps the present one; a new workspace is then named by its id.
        """
        known = self.get(workspace_id)
        if known is not None and name in {None, known.name}:
            return known
        with self._database.writing() as transaction:
            change = next_change(transaction)
            renamed = transaction.execute(
                update(workspaces)
                .where(workspaces.c.workspace_id == workspace_id)
                .values(name=name or workspaces.c.name)
            )
            if renamed.rowcount:
                transaction.execute(
                    update(connections)
                    .where(connections.c.workspace_id == workspace_id)
                    .values(change=change, changed_at=now)
                )
            else:
                transaction.execute(
                    insert(workspaces).values(
                        workspace_id=workspace_id, name=name or workspace_id, created_at=now
                    )
                )
        return Workspace(workspace_id, name or workspace_id)
