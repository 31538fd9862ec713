"""Counts what a warehouse or a copy contains, and finds what one has lost against another."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from zebbra_pipeline.warehouse.database import CATALOG, PREVIOUS, Database

BATCHES, RESTATEMENTS, MODELS = "batches", "restatements", "models"
_FIGURES = ("landed_months", "data_points", "employees", "payroll_costs")
_NAMED = 5

Counts = Mapping[str, int]
"""Rows by workspace."""


@dataclass(frozen=True, slots=True)
class Contents:
    """
    Row counts and checksums of a warehouse.

    Attributes:
        rows: Rows by table and workspace.
        digests: By table: a checksum of all rows, independent of their order. It can only be
            compared within one process. Empty if rows were only counted.
    """

    rows: Mapping[str, Counts]
    digests: Mapping[str, int] = field(default_factory=dict)

    @property
    def workspaces(self) -> frozenset[str]:
        """Return the workspaces that have at least one row."""
        return frozenset(name for counts in self.rows.values() for name in counts)

    @property
    def total_rows(self) -> int:
        """Return the number of rows."""
        return sum(count for counts in self.rows.values() for count in counts.values())


def read_contents(db: Database, *, catalog: str = CATALOG) -> Contents:
    """
    Read every value of every table, which detects blocks that do not match their checksums.

    Raises:
        WarehouseDamagedError: If a part of the file cannot be read.
    """
    rows: dict[str, Counts] = {}
    digests: dict[str, int] = {}
    for table in _tables(db, catalog):
        found = db.rows(
            "SELECT workspace_id, count(*), bit_xor(hash(entry)) "  # noqa: S608 -- names of ours
            f"FROM {catalog}.{table} AS entry GROUP BY ALL"
        )
        rows[table] = {workspace: count for workspace, count, _ in found}
        digests[table] = 0
        for _, _, digest in found:
            digests[table] ^= int(digest or 0)
    return Contents(rows, digests)


def count_contents(db: Database, *, catalog: str = CATALOG) -> Contents:
    """
    Count rows without reading them, which is much quicker than `read_contents`.

    Raises:
        WarehouseDamagedError: If a block that is read for it is damaged.
    """
    return Contents(
        {
            table: dict(
                db.rows(f"SELECT workspace_id, count(*) FROM {catalog}.{table} GROUP BY ALL")  # noqa: S608 -- names of ours
            )
            for table in _tables(db, catalog)
        }
    )


@dataclass(frozen=True, slots=True)
class Losses:
    """
    Rows of the previous copy that the next one would not have.

    Attributes:
        rows: Lost rows by table and workspace.
    """

    rows: Mapping[str, Counts]

    @property
    def workspaces(self) -> tuple[str, ...]:
        """Return the workspaces that would lose rows."""
        return tuple(sorted({name for counts in self.rows.values() for name in counts}))

    def __str__(self) -> str:
        names = self.workspaces
        more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
        tables = ", ".join(
            f"{sum(counts.values()):,} rows of {table}" for table, counts in self.rows.items()
        )
        plural = "" if len(names) == 1 else "s"
        return f"{len(names)} workspace{plural} ({', '.join(names[:_NAMED])}{more}): {tables}"


def losses(db: Database, previous: Contents, present: Contents) -> Losses | None:
    """
    Return what *previous* has and *present* lacks; None if nothing is lost.

    Batches and restatements are history and only ever grow. A workspace's figures may disappear
    with a new batch, e.g. of another organisation that has no figures yet; without a new batch
    they are lost. Models count as lost if a workspace has none left.

    Args:
        db: Has the present contents in use, and the previous ones attached as `previous`.
        previous: Contents of the copy to be replaced.
        present: Contents of its replacement.
    """
    batches = dict(
        db.rows(
            f"SELECT workspace_id, count(*) FROM {PREVIOUS}.{BATCHES} "  # noqa: S608 -- names of ours
            f"ANTI JOIN {CATALOG}.{BATCHES} USING (batch_id) GROUP BY ALL"
        )
    )
    pulled = {
        workspace
        for workspace, count in present.rows.get(BATCHES, {}).items()
        if workspace not in batches and count > previous.rows.get(BATCHES, {}).get(workspace, 0)
    }
    lost: dict[str, Counts] = {BATCHES: batches}
    for table, before in previous.rows.items():
        after = present.rows.get(table, {})
        if table == RESTATEMENTS:
            lost[table] = {
                workspace: count - after.get(workspace, 0)
                for workspace, count in before.items()
                if count > after.get(workspace, 0)
            }
        elif table in _FIGURES:
            lost[table] = _gone(before, after, but=pulled)
        elif table == MODELS:
            lost[table] = _gone(before, after)
    lost = {table: counts for table, counts in lost.items() if counts}
    return Losses(lost) if lost else None


def _gone(before: Counts, after: Counts, *, but: Iterable[str] = ()) -> Counts:
    return {
        workspace: count
        for workspace, count in before.items()
        if workspace not in after and workspace not in but
    }


def _tables(db: Database, catalog: str) -> list[str]:
    found: list[tuple[Any, ...]] = db.rows(
        "SELECT table_name FROM information_schema.columns JOIN information_schema.tables "
        "USING (table_catalog, table_schema, table_name) "
        "WHERE table_catalog = $1 AND table_type = 'BASE TABLE' AND column_name = 'workspace_id' "
        "ORDER BY table_name",
        [catalog],
    )
    return [name for (name,) in found]
