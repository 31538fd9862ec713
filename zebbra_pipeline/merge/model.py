"""`merge_model`: fills one model document with landed figures."""

from collections.abc import Iterator, Mapping
from datetime import date
from decimal import Decimal
from typing import Any

from integrations.contracts import add_months, month_ends
from zebbra_pipeline.figures import MergedModel, MergedRow, WorkspaceFigures
from zebbra_pipeline.merge.documents import check_document
from zebbra_pipeline.merge.payroll import (
    countable_spells,
    employee_entries,
    pay_of,
    payroll_values,
)
from zebbra_pipeline.merge.rows import RowMerger, RowPlace
from zebbra_pipeline.merge.schema import MODEL_MONTHS, Model, Row

_CENTS = Decimal("0.01")
ASSUMPTIONS = "Assumptions"
"""Section name of the rows among a sheet's assumptions."""


def merge_model(
    document: Mapping[str, Any], figures: WorkspaceFigures, *, model_id: str, today: date
) -> MergedModel:
    """
    Return *document* filled with the actuals of *figures*, and the result of each integration row.

    Every integration row gets exactly one entry for each of the model's 24 months, null if there
    is no actual, because the planner reads them by position. Employees from integrations come
    before the model's own and replace those of an earlier merge, so that merging twice gives the
    same result. Everything else is unchanged.

    Args:
        document: A model document; not changed.
        figures: All landed figures of the workspace.
        model_id: Name under which earlier merges of this model are remembered.
        today: Months after the month of *today* get no actuals.

    Raises:
        ModelDocumentError: If *document* is not a model; names the JSON paths.
    """
    merged = _plain(document)
    view = check_document(merged)
    months = _months(view.meta.starting_month)
    merger = RowMerger(
        figures, model_id=model_id, months=months, today=today, currency=view.meta.currency
    )
    rows: list[MergedRow] = []
    for row, raw, place in _integration_rows(view, merged):
        filled = merger.fill(row, place)
        raw["integration_values"] = [
            {"date": each.month.isoformat(), "value": _amount_text(each.value)}
            for each in filled.values
        ]
        rows.append(filled)
    currency = view.meta.currency or merger.currency
    notes = _merge_payroll(merged, view, figures, months, currency=currency)
    return MergedModel(model_id, view.meta.name, merged, tuple(rows), notes)


def _merge_payroll(
    merged: dict[str, Any],
    view: Model,
    figures: WorkspaceFigures,
    months: tuple[date, ...],
    *,
    currency: str | None,
) -> tuple[str, ...]:
    people = countable_spells(figures.employees, months[0], currency=currency)
    payroll = merged.get("payroll") or {}
    known = view.payroll.employees if view.payroll else []
    own = [each for each in known if not each.from_integration]
    entries = [
        raw
        for raw, each in zip(payroll.get("employees", []), known, strict=True)
        if not each.from_integration
    ]
    pays = [*pay_of(people.spells), *pay_of(own)]
    merged["payroll"] = payroll | {
        "payroll_values": payroll_values(pays, months),
        "employees": [*employee_entries(people.spells), *entries],
    }
    return people.notes


def _months(starting_month: date) -> tuple[date, ...]:
    return month_ends(starting_month, add_months(starting_month, MODEL_MONTHS - 1))


def _integration_rows(
    view: Model, raw: dict[str, Any]
) -> Iterator[tuple[Row, dict[str, Any], RowPlace]]:
    """Yield every integration row of the document in order, both typed and raw."""
    for sheet, raw_sheet in zip(view.sheets, raw["sheets"], strict=True):
        groups = [(ASSUMPTIONS, sheet.assumptions, raw_sheet["assumptions"])]
        groups += [
            (section.name, [*section.rows, section.end_row], [*each["rows"], each["end_row"]])
            for section, each in zip(sheet.sections, raw_sheet["sections"], strict=True)
        ]
        for name, rows, raw_rows in groups:
            for row, raw_row in zip(rows, raw_rows, strict=True):
                if row.var_type == "integration":
                    yield row, raw_row, RowPlace(sheet.meta.name, name)


def _amount_text(value: Decimal | None) -> str | None:
    """Return *value* without an exponent, with 2 decimals, or up to 4 if it has more."""
    if value is None:
        return None
    short = value.quantize(_CENTS)
    exact = short if short == value else value.normalize()
    return format(exact + 0, "f")


def _plain(value: Any) -> Any:
    """Return a deep copy of *value* with plain dicts and lists."""
    if isinstance(value, Mapping):
        return {key: _plain(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(each) for each in value]
    return value
