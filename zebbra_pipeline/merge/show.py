"""A merged model as a table of text, for the caller to draw."""

from collections.abc import Iterable, Mapping
from datetime import date
from typing import Any

from zebbra_pipeline.figures import MergedModel, MergedRow, ModelValue

NO_VALUE = "\N{EN DASH}"
PROVISIONAL_MARK = "*"
_MINUS = "\N{MINUS SIGN}"
_DECIMALS = 2


def table_of(merged: MergedModel, months: int | None = None) -> tuple[list[str], list[list[str]]]:
    """
    Return headers (`Row`, `Status`, then months such as `Jan 2024`) and a list of cells a row.

    Amounts have thousands separators and the decimals that the model shows for their row; a
    provisional one ends in `*`, and a dash marks a month without an actual.

    Args:
        merged: What to show.
        months: Number of months, up to the last one with an actual; None for all.

    Raises:
        ValueError: If *months* is less than 1.
    """
    if months is not None and months < 1:
        raise ValueError("months: expected 1 or more")
    shown = _window(merged.rows, months)
    decimals = _decimal_places(merged.document)
    headers = ["Row", "Status", *(f"{month:%b %Y}" for month in shown)]
    cells = [
        [
            row.row_name or f"{row.section} (total)",
            row.status,
            *_cells(row, shown, decimals.get(row.row_id, _DECIMALS)),
        ]
        for row in merged.rows
    ]
    return headers, cells


def _window(rows: Iterable[MergedRow], months: int | None) -> list[date]:
    every = sorted({value.month for row in rows for value in row.values})
    if months is None:
        return every
    filled = {value.month for row in rows for value in row.values if value.value is not None}
    last = every.index(max(filled)) + 1 if filled else min(months, len(every))
    return every[max(last - months, 0) : max(last, min(months, len(every)))]


def _cells(row: MergedRow, shown: Iterable[date], decimals: int) -> list[str]:
    by_month = {value.month: value for value in row.values}
    return [_cell(by_month.get(month), decimals) for month in shown]


def _cell(value: ModelValue | None, decimals: int) -> str:
    if value is None or value.value is None:
        return NO_VALUE
    text = format(round(value.value, decimals) + 0, ",f").replace("-", _MINUS)
    return f"{text}{PROVISIONAL_MARK}" if value.status == "provisional" else text


def _decimal_places(document: Mapping[str, Any]) -> dict[str, int]:
    places: dict[str, int] = {}
    for sheet in document.get("sheets", []):
        rows = list(sheet.get("assumptions", []))
        for section in sheet.get("sections", []):
            rows += [*section.get("rows", []), section.get("end_row", {})]
        for row in rows:
            places[str(row.get("_id"))] = row.get("decimal_places", _DECIMALS)
    return places
