"""Reads foreign JSON without trusting its shape. Pure."""

from collections.abc import Mapping
from typing import Any

from integrations.contracts import PayloadError


def expect_object(value: Any, where: str) -> Mapping[str, Any]:
    """
    Return an object.

    Raises:
        PayloadError: If it is anything else.
    """
    if not isinstance(value, Mapping):
        raise PayloadError(f"{where}: expected an object, found {type(value).__name__}")
    return value


def expect_list(value: Any, where: str) -> list[Any]:
    """
    Return a list; a missing one is empty.

    Raises:
        PayloadError: If it is anything else.
    """
    if value is None:
        return []
    if not isinstance(value, list):
        raise PayloadError(f"{where}: expected a list, found {type(value).__name__}")
    return value


def text_of(value: Any) -> str:
    """Return text without the blanks around it; empty for anything else."""
    return value.strip() if isinstance(value, str) else ""
