"""The tables `data_points` and `restatements`."""

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from itertools import groupby

from integrations.contracts import SECTION_SEPARATOR
from zebbra_pipeline.warehouse.database import Database, as_json, to_utc
from zebbra_pipeline.warehouse.snapshots import BookLine, Books, Restatement
from zebbra_pipeline.warehouse.tables.batches import load_months, replace_landed_months

_MONTHS = '[{"statement": "VARCHAR", "month": "DATE"}]'


def load_books(db: Database, workspace_id: str, integration: str) -> Books:
    """Return all landed statement lines and months, in the provider's order."""
    rows = db.rows(
        """
        SELECT statement, position, section_path, account_id, endpoint, label, kind, month, value
        FROM data_points WHERE workspace_id = $1 AND integration = $2
        ORDER BY statement = 'balance_sheet', position, month
        """,
        [workspace_id, integration],
    )
    lines = []
    for (statement, position), group in groupby(rows, key=lambda row: (row[0], row[1])):
        months = list(group)
        _, _, section, account_id, endpoint, label, kind, _, _ = months[0]
        lines.append(
            BookLine(
                statement=statement,
                section=tuple(section),
                account_id=account_id,
                label=label,
                kind=kind,
                values={row[7]: row[8] for row in months},
                endpoint=endpoint,
                position=position,
            )
        )
    return Books(tuple(lines), load_months(db, workspace_id, integration))


def replace_months(
    db: Database,
    workspace_id: str,
    integration: str,
    books: Books,
    months: Mapping[str, Sequence[date]],
) -> None:
    """Replace the stored rows of *months*, given by statement, by those of *books*."""
    landed = [
        {
            "statement": statement,
            "month": month,
            "currency": books.months[statement][month].currency,
            "provisional": books.months[statement][month].provisional,
            "batch_id": books.months[statement][month].batch_id,
        }
        for statement, chosen in months.items()
        for month in chosen
    ]
    _delete(db, workspace_id, integration, as_json(landed))
    lines = [
        _line_as_json(line, set(months[line.statement]))
        for line in books.lines
        if line.statement in months
    ]
    _insert(db, workspace_id, integration, as_json(lines), as_json(landed))
    replace_landed_months(
        db,
        workspace_id,
        integration,
        {
            statement: [(month, books.months[statement][month]) for month in chosen]
            for statement, chosen in months.items()
        },
    )


def add_restatements(
    db: Database,
    workspace_id: str,
    integration: str,
    restatements: Sequence[Restatement],
    *,
    new_batch_id: str,
    detected_at: datetime,
    lock_date: date | None,
) -> int:
    """
    Insert *restatements* and return how many are in locked months.

    *lock_date* is the last locked day of the previous batch.
    """
    rows = [
        {
            "statement": each.line.statement,
            "account_id": each.line.account_id,
            "endpoint": each.line.endpoint,
            "month": each.month,
            "old_value": each.old_value,
            "new_value": each.new_value,
            "currency": each.old.currency,
            "old_batch_id": each.old.batch_id,
            "after_lock_date": lock_date is not None and each.month <= lock_date,
            "provisional": each.old.provisional,
        }
        for each in restatements
    ]
    if rows:
        db.execute(
            """
            INSERT INTO restatements (
                workspace_id, integration, statement, account_id, endpoint, month, old_value,
                new_value, currency, old_batch_id, new_batch_id, detected_at, after_lock_date,
                provisional
            )
            SELECT $1, $2, e.statement, e.account_id, e.endpoint, e.month,
                e.old_value::DECIMAL(18, 4), e.new_value::DECIMAL(18, 4), e.currency,
                e.old_batch_id, $3, $4, e.after_lock_date, e.provisional
            FROM (
                SELECT unnest(from_json($5, '[{
                    "statement": "VARCHAR", "account_id": "VARCHAR", "endpoint": "VARCHAR",
                    "month": "DATE", "old_value": "VARCHAR", "new_value": "VARCHAR",
                    "currency": "VARCHAR", "old_batch_id": "VARCHAR",
                    "after_lock_date": "BOOLEAN", "provisional": "BOOLEAN"
                }]')) AS e
            )
            """,
            [workspace_id, integration, new_batch_id, to_utc(detected_at), as_json(rows)],
        )
    return sum(bool(row["after_lock_date"]) for row in rows)


def _line_as_json(line: BookLine, months: set[date]) -> dict[str, object]:
    chosen = {month: value for month, value in line.values.items() if month in months}
    return {
        "statement": line.statement,
        "position": line.position,
        "section": SECTION_SEPARATOR.join(line.section),
        "section_path": line.section,
        "account_id": line.account_id,
        "endpoint": line.endpoint,
        "label": line.label,
        "kind": line.kind,
        "months": list(chosen),
        "amounts": list(chosen.values()),
    }


def _delete(db: Database, workspace_id: str, integration: str, months: str) -> None:
    db.execute(
        f"""
        DELETE FROM data_points
        WHERE workspace_id = $1 AND integration = $2 AND (statement, month) IN (
            SELECT (e.statement, e.month) FROM (SELECT unnest(from_json($3, '{_MONTHS}')) AS e)
        )
        """,  # noqa: S608 -- a constant
        [workspace_id, integration, months],
    )


def _insert(db: Database, workspace_id: str, integration: str, lines: str, months: str) -> None:
    db.execute(
        """
        INSERT INTO data_points (
            workspace_id, integration, statement, position, section, section_path, account_id,
            endpoint, label, kind, month, value, currency, provisional, batch_id
        )
        WITH lines AS (
            SELECT unnest(from_json($3, '[{
                "statement": "VARCHAR", "position": "INTEGER", "section": "VARCHAR",
                "section_path": ["VARCHAR"], "account_id": "VARCHAR", "endpoint": "VARCHAR",
                "label": "VARCHAR", "kind": "VARCHAR", "months": ["DATE"],
                "amounts": ["VARCHAR"]
            }]')) AS line
        ),
        cells AS (
            SELECT line, unnest(line.months) AS month, unnest(line.amounts) AS amount FROM lines
        ),
        landed AS (
            SELECT e.* FROM (
                SELECT unnest(from_json($4, '[{
                    "statement": "VARCHAR", "month": "DATE", "currency": "VARCHAR",
                    "provisional": "BOOLEAN", "batch_id": "VARCHAR"
                }]')) AS e
            )
        )
        SELECT $1, $2, line.statement, line.position, line.section, line.section_path,
            line.account_id, line.endpoint, line.label, line.kind, cells.month,
            cells.amount::DECIMAL(18, 4), landed.currency, landed.provisional, landed.batch_id
        FROM cells
        JOIN landed ON landed.statement = cells.line.statement AND landed.month = cells.month
        """,
        [workspace_id, integration, lines, months],
    )
