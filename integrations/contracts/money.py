"""Amounts of money: parsed from text to `Decimal`, in major units, never through a float."""

import re
from decimal import Decimal
from typing import Any

from integrations.contracts.errors import PayloadError
from integrations.contracts.numbers import MOST_CHARACTERS, is_bounded

_AMOUNT = re.compile(r"-?[0-9]+(\.[0-9]+)?")
SMALLEST = Decimal("0.0001")
"""Smallest unit that the warehouse stores, in `DECIMAL(18,4)`."""
_LIMIT = Decimal(10) ** 14
_EXPECTED = "expected at most 14 digits and 4 decimals"


def fits(amount: Decimal) -> bool:
    """Return whether *amount* is finite and has at most 14 digits before the decimal point."""
    return amount.is_finite() and -_LIMIT < amount < _LIMIT


def parse_amount(value: Any, where: str) -> Decimal:
    """
    Return the amount written in *value*: decimal text, an int or a `Decimal`.

    Args:
        value: `"1234.50"`, `"-119"`, `12` or a `Decimal` (fractions in JSON are parsed as such).
        where: Place of the amount in the payload, for the error message.

    Raises:
        PayloadError: If it is anything else: floats, thousands separators, more than four
            decimals, or more digits than the warehouse stores. The message omits the value.
    """
    if isinstance(value, bool) or not isinstance(value, str | int | Decimal):
        raise PayloadError(f"{where}: expected an amount as text, found {type(value).__name__}")
    text = value.strip() if isinstance(value, str) else _written_out(Decimal(value), where)
    if len(text) > MOST_CHARACTERS:
        raise PayloadError(f"{where}: {_EXPECTED}, found more")
    if not _AMOUNT.fullmatch(text):
        raise PayloadError(f"{where}: expected an amount such as '1234.50', found other text")
    amount = Decimal(text)
    if not fits(amount) or amount != amount.quantize(SMALLEST):
        raise PayloadError(f"{where}: {_EXPECTED}, found more")
    return amount


def check_fits(amount: Decimal | None, where: str) -> None:
    """
    Check that the warehouse can store *amount*, parsed or computed.

    Args:
        amount: In major units; None, a missing figure, passes.
        where: Place of the amount, for the error message.

    Raises:
        PayloadError: If it is not finite or has too many digits before the decimal point. The
            message names *where*, never the value.
    """
    if amount is not None and not fits(amount):
        raise PayloadError(f"{where}: expected an amount of at most 14 digits, found more")


def _written_out(number: Decimal, where: str) -> str:
    """Return *number* without an exponent; refuse `1e999999999`, which would take gigabytes."""
    if number.is_finite() and not is_bounded(number):
        raise PayloadError(f"{where}: {_EXPECTED}, found more")
    return format(number, "f")
