"""The JSON of DemoBooks in, typed lines out. Pure: no client, no clock, no database."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from integrations.contracts import LineKind, PayloadError, Statement, StatementLine, parse_amount

_KINDS = {
    "account": LineKind.ACCOUNT,
    "subtotal": LineKind.SECTION_TOTAL,
    "result": LineKind.COMPUTED_TOTAL,
}


@dataclass(frozen=True, slots=True)
class Organisation:
    """
    What a batch says about the organisation.

    Attributes:
        name: What its people call it now.
        currency: ISO 4217 code of its reports, e.g. `"GBP"`.
        lock_date: Last day that is locked against changes, if any.
    """

    name: str
    currency: str
    lock_date: date | None


def parse_organisation(payload: Any) -> Organisation:
    """
    Return what a batch says about the organisation.

    Raises:
        PayloadError: If the answer does not have the shape that the provider documents.
    """
    found = _object(payload, "organisation")
    locked = found.get("locked_until")
    return Organisation(
        name=_text(found, "name", "organisation"),
        currency=_text(found, "currency", "organisation"),
        lock_date=None if locked is None else _day(locked, "organisation.locked_until"),
    )


def parse_report(
    payload: Any, statement: Statement, months: Sequence[date]
) -> tuple[StatementLine, ...]:
    """
    Return a statement's lines in the provider's order, each with a value for all *months*.

    Raises:
        PayloadError: If the answer does not have the shape that the provider documents, or is
            about other months.
    """
    where = str(statement)
    report = _object(payload, where)
    if report.get("months") != [f"{month:%Y-%m}" for month in months]:
        raise PayloadError(f"DemoBooks: {where}.months: expected those asked for, found others")
    rows = report.get("rows")
    if not isinstance(rows, list):
        raise PayloadError(f"DemoBooks: {where}.rows: expected a list, found {_type(rows)}")
    return tuple(
        _line(_object(row, f"{where}.rows[{index}]"), statement, months, f"{where}.rows[{index}]")
        for index, row in enumerate(rows)
    )


def _line(
    row: Mapping[str, Any], statement: Statement, months: Sequence[date], where: str
) -> StatementLine:
    kind, amounts = _KINDS.get(_text(row, "type", where)), row.get("amounts")
    if kind is None:
        raise PayloadError(f"DemoBooks: {where}.type: expected one of {', '.join(_KINDS)}")
    if not isinstance(amounts, list) or len(amounts) != len(months):
        raise PayloadError(f"DemoBooks: {where}.amounts: expected {len(months)} figures")
    account = kind is LineKind.ACCOUNT
    return StatementLine(
        statement=statement,
        section=() if row.get("section") is None else (_text(row, "section", where),),
        account_id=_text(row, "account_id", where) if account else None,
        label=_text(row, "name", where),
        kind=kind,
        values={
            month: parse_amount(amount, f"DemoBooks: {where}.amounts[{index}]")
            for index, (month, amount) in enumerate(zip(months, amounts, strict=True))
        },
    )


def _object(value: Any, where: str) -> Mapping[str, Any]:
    if not isinstance(value, Mapping):
        raise PayloadError(f"DemoBooks: {where}: expected an object, found {_type(value)}")
    return value


def _text(found: Mapping[str, Any], name: str, where: str) -> str:
    value = found.get(name)
    if not isinstance(value, str) or not value:
        raise PayloadError(f"DemoBooks: {where}.{name}: expected text, found {_type(value)}")
    return value


def _day(value: Any, where: str) -> date:
    try:
        return date.fromisoformat(value)
    except (TypeError, ValueError):
        raise PayloadError(f"DemoBooks: {where}: expected a day such as 2026-01-31") from None


def _type(value: Any) -> str:
    return type(value).__name__
