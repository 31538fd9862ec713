"""Amounts of money: `Decimal` from text, in major units, never through a float."""

import re
from decimal import Decimal
from typing import Any

from integrations.contracts.errors import PayloadError

_AMOUNT = re.compile(r"-?[0-9]+(\.[0-9]+)?")
SMALLEST = Decimal("0.0001")
"""What the warehouse stores: `DECIMAL(18,4)`."""
_LIMIT = Decimal(10) ** 14


def parse_amount(value: Any, where: str) -> Decimal:
    """
    Return the amount written in *value*: decimal text, an int or a `Decimal`.

    Args:
        value: `"1234.50"`, `"-119"`, `12` or a `Decimal` (JSON numbers are read as such).
        where: Place of the amount in the payload, for the error.

    Raises:
        PayloadError: If it is anything else: floats, thousands separators, more than four
            decimals, or more digits than the warehouse holds. The value is not repeated.
    """
    if isinstance(value, bool) or not isinstance(value, str | int | Decimal):
        raise PayloadError(f"{where}: expected an amount as text, found {type(value).__name__}")
    text = value.strip() if isinstance(value, str) else format(value, "f")
    if not _AMOUNT.fullmatch(text):
        raise PayloadError(f"{where}: expected an amount such as '1234.50', found other text")
    amount = Decimal(text)
    if abs(amount) >= _LIMIT or amount != amount.quantize(SMALLEST):
        raise PayloadError(f"{where}: expected at most 14 digits and 4 decimals, found more")
    return amount
