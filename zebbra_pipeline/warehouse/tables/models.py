"""The tables `models`, `model_rows` and `model_values`."""

import json
from datetime import datetime
from decimal import Decimal
from typing import Any

from zebbra_pipeline.figures import MergedModel
from zebbra_pipeline.warehouse.database import Database, as_json, to_utc
from zebbra_pipeline.warehouse.snapshots import stored_amount

_TABLES = ("models", "model_rows", "model_values")


def replace_model(
    db: Database, workspace_id: str, model: MergedModel, *, merged_at: datetime
) -> None:
    """
    Replace the earlier merge of *model*.

    A row that could not be resolved this time keeps the account that the same reference resolved
    to before, so that a later merge recognises the account under a new label.

    Raises:
        ValueError: If an amount has too many digits.
    """
    remembered = _remembered(db, workspace_id, model.model_id)
    rows = [
        {
            "position": position,
            "sheet": row.sheet,
            "section": row.section,
            "row_id": row.row_id,
            "row_name": row.row_name,
            "integration": row.integration,
            "endpoint": row.endpoint,
            "account_id": row.account_id,
            "remembered_account_id": row.account_id
            or remembered.get((row.row_id, row.integration, row.endpoint)),
            "currency": row.currency,
            "status": row.status,
            "note": row.note,
            "values": [
                {
                    "month": entry.month,
                    "value": None
                    if entry.value is None
                    else stored_amount(entry.value, f"row {row.row_name!r} {entry.month}"),
                    "status": entry.status,
                    "batch_id": entry.batch_id,
                }
                for entry in row.values
            ],
        }
        for position, row in enumerate(model.rows)
    ]
    for table in _TABLES:
        db.execute(
            f"DELETE FROM {table} WHERE workspace_id = $1 AND model_id = $2",  # noqa: S608 -- names of ours
            [workspace_id, model.model_id],
        )
    db.execute(
        """
        INSERT INTO models (
            workspace_id, model_id, name, document, merged_at, rows_resolved, rows_unresolved
        ) VALUES ($1, $2, $3, $4, $5, $6, $7)
        """,
        [
            workspace_id,
            model.model_id,
            model.name,
            json.dumps(model.document, default=_number, ensure_ascii=False),
            to_utc(merged_at),
            model.rows_resolved,
            model.rows_unresolved,
        ],
    )
    _insert_rows(db, workspace_id, model.model_id, as_json(rows))


def _insert_rows(db: Database, workspace_id: str, model_id: str, rows: str) -> None:
    db.execute(
        """
        INSERT INTO model_rows (
            workspace_id, model_id, position, sheet, section, row_id, row_name, integration,
            endpoint, account_id, remembered_account_id, currency, status, note
        )
        SELECT $1, $2, e.position, e.sheet, e.section, e.row_id, e.row_name, e.integration,
            e.endpoint, e.account_id, e.remembered_account_id, e.currency, e.status, e.note
        FROM (
            SELECT unnest(from_json($3, '[{
                "position": "INTEGER", "sheet": "VARCHAR", "section": "VARCHAR",
                "row_id": "VARCHAR", "row_name": "VARCHAR", "integration": "VARCHAR",
                "endpoint": "VARCHAR", "account_id": "VARCHAR",
                "remembered_account_id": "VARCHAR", "currency": "VARCHAR", "status": "VARCHAR",
                "note": "VARCHAR"
            }]')) AS e
        )
        """,
        [workspace_id, model_id, rows],
    )
    db.execute(
        """
        INSERT INTO model_values (
            workspace_id, model_id, sheet, section, row_id, row_name, month, value, currency,
            integration, endpoint, account_id, status, batch_id
        )
        SELECT $1, $2, e.sheet, e.section, e.row_id, e.row_name, entry.month,
            entry.value::DECIMAL(18, 4), e.currency, e.integration, e.endpoint, e.account_id,
            entry.status, entry.batch_id
        FROM (
            SELECT e, unnest(e.values) AS entry FROM (
                SELECT unnest(from_json($3, '[{
                    "sheet": "VARCHAR", "section": "VARCHAR", "row_id": "VARCHAR",
                    "row_name": "VARCHAR", "currency": "VARCHAR", "integration": "VARCHAR",
                    "endpoint": "VARCHAR", "account_id": "VARCHAR", "values": [{
                        "month": "DATE", "value": "VARCHAR", "status": "VARCHAR",
                        "batch_id": "VARCHAR"
                    }]
                }]')) AS e
            )
        )
        """,
        [workspace_id, model_id, rows],
    )


def _remembered(db: Database, workspace_id: str, model_id: str) -> dict[tuple[str, str, str], str]:
    rows = db.rows(
        """
        SELECT row_id, integration, endpoint, remembered_account_id FROM model_rows
        WHERE workspace_id = $1 AND model_id = $2 AND remembered_account_id IS NOT NULL
        """,
        [workspace_id, model_id],
    )
    return {(row_id, integration, endpoint): known for row_id, integration, endpoint, known in rows}


def _number(value: Any) -> Any:
    if isinstance(value, Decimal):
        return int(value) if value == value.to_integral_value() else float(value)
    raise TypeError(f"model document: expected JSON values, found {type(value).__name__}")
