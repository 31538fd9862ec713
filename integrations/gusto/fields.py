"""Narrow foreign JSON to what we expect of it, or say where it differs and by which type."""

from collections.abc import Mapping
from datetime import date
from typing import Any

from integrations.contracts import PayloadError

Record = Mapping[str, Any]
"""A JSON object as Gusto sent it. Never changed by us."""


def expect_records(value: Any, where: str) -> list[Record]:
    """
    Return *value* as a list of JSON objects.

    Raises:
        PayloadError: If it is not a list, or holds anything but objects.
    """
    if not isinstance(value, list):
        raise PayloadError(f"{where}: expected a list, found {type(value).__name__}")
    for index, item in enumerate(value):
        if not isinstance(item, Mapping):
            raise PayloadError(f"{where}[{index}]: expected an object, found {type(item).__name__}")
    return value


def expect_record(value: Any, where: str) -> Record:
    """
    Return *value* as a JSON object.

    Raises:
        PayloadError: If it is anything else.
    """
    if not isinstance(value, Mapping):
        raise PayloadError(f"{where}: expected an object, found {type(value).__name__}")
    return value


def expect_text(record: Record, name: str, where: str) -> str:
    """
    Return the text in field *name*, blanks trimmed.

    Raises:
        PayloadError: If it is missing, empty or no text.
    """
    value = record.get(name)
    if not isinstance(value, str) or not value.strip():
        found = "empty text" if isinstance(value, str) else type(value).__name__
        raise PayloadError(f"{where}.{name}: expected text, found {found}")
    return value.strip()


def optional_text(record: Record, name: str) -> str | None:
    """Return the text in field *name*, blanks trimmed; None if there is none."""
    value = record.get(name)
    return value.strip() or None if isinstance(value, str) else None


def expect_day(record: Record, name: str, where: str) -> date:
    """
    Return the day in field *name*, written as `2026-01-31`.

    Raises:
        PayloadError: If it is anything else, Gusto's stray text `nil` included.
    """
    value = record.get(name)
    if not isinstance(value, str):
        raise PayloadError(
            f"{where}.{name}: expected a day such as '2026-01-31', found {type(value).__name__}"
        )
    try:
        return date.fromisoformat(value)
    except ValueError as exc:
        raise PayloadError(
            f"{where}.{name}: expected a day such as '2026-01-31', found other text"
        ) from exc


def optional_day(record: Record, name: str, where: str) -> date | None:
    """
    Return the day in field *name*, or None where it is null or missing.

    Raises:
        PayloadError: If it is neither.
    """
    return None if record.get(name) is None else expect_day(record, name, where)
