"""
Bounds for numbers and JSON from external sources, checked before any computation.

A few characters can denote a number that takes gigabytes to write out (`1e999999999`), or one
beyond the range of dates. The bounds are above the largest IEEE double, so they refuse no number
that a provider can mean.
"""

import json
import re
from collections.abc import Callable
from decimal import Decimal, InvalidOperation
from typing import Any, NoReturn

MOST_CHARACTERS = 400
"""The most characters of a number, as written and when written out without an exponent."""
MOST_DEPTH = 100
"""The deepest nesting of lists and objects in JSON."""

_WHOLE_DAY_S = 86_400
LONGEST_LIFETIME_S = 10 * 366 * _WHOLE_DAY_S
"""Of an access token, in seconds: ten years, which some providers use to mean "no expiry"."""

_Parse = Callable[[str], Any]
_SECONDS = re.compile(r"[0-9]{1,20}(\.[0-9]{1,20})?")


class TooDeepError(ValueError):
    """JSON with lists and objects nested deeper than `MOST_DEPTH`."""


def bounded_decimal(text: str) -> Decimal:
    """
    Return the number in *text* as a `Decimal`.

    Raises:
        ValueError: If it is not a number, not finite, or has too many digits or too large an
            exponent. The message omits the text.
    """
    if len(text) > MOST_CHARACTERS:
        raise ValueError(f"a number of more than {MOST_CHARACTERS} characters")
    try:
        number = Decimal(text)
    except InvalidOperation:
        raise ValueError("no number") from None
    if not is_bounded(number):
        raise ValueError("a number with too large an exponent")
    return number


def is_bounded(number: Decimal) -> bool:
    """Return whether *number* is finite and within bounds when written without an exponent."""
    if not number.is_finite():
        return False
    _, digits, exponent = number.as_tuple()
    return isinstance(exponent, int) and len(digits) + abs(exponent) <= 2 * MOST_CHARACTERS


def bounded_int(text: str) -> int:
    """
    Return the integer in *text*, in JSON notation.

    Raises:
        ValueError: If it has more than `MOST_CHARACTERS` digits. The message omits the text.
    """
    if len(text) > MOST_CHARACTERS:
        raise ValueError(f"a number of more than {MOST_CHARACTERS} characters")
    return int(text)


def load_json(
    text: str | bytes,
    *,
    fraction: Callable[[str], Any] = bounded_decimal,
    odd_as_text: bool = False,
) -> Any:
    """
    Return parsed JSON with every fraction as `Decimal`; numbers and nesting are bounded.

    Args:
        text: JSON; bytes are UTF-8, UTF-16 or UTF-32.
        fraction: Converts the text of a fraction; it raises `ValueError` to refuse one.
        odd_as_text: Return numbers out of bounds, NaN and Infinity as text instead of refusing
            them, for answers with other fields that must not be lost.

    Raises:
        ValueError: If it is not JSON, or not within bounds. A `JSONDecodeError` contains the
            whole text; the messages of other errors omit it.
        TooDeepError: If it is nested deeper than `MOST_DEPTH`.
    """
    take = _or_text if odd_as_text else _as_it_is
    try:
        content = json.loads(
            text,
            parse_float=take(fraction),
            parse_int=take(bounded_int),
            parse_constant=take(_refuse_constant),
        )
    except RecursionError:
        raise TooDeepError("JSON nested too deep") from None
    _check_depth(content)
    return content


def usable_lifetime_s(value: Any) -> int | None:
    """
    Return a token's lifetime in whole seconds; None if *value* is not usable.

    Numbers and decimal text from 1 second to `LONGEST_LIFETIME_S` are usable.
    """
    if isinstance(value, bool):
        return None
    if isinstance(value, str):
        value = value.strip()
        if not _SECONDS.fullmatch(value):
            return None
        value = Decimal(value)
    if not isinstance(value, int | float | Decimal):
        return None
    # Compared before the conversion, which is slow for large numbers. A float NaN compares
    # False; a Decimal NaN would raise.
    if isinstance(value, Decimal) and value.is_nan():
        return None
    return int(value) if 1 <= value <= LONGEST_LIFETIME_S else None


def _check_depth(content: Any) -> None:
    level = [content]
    for _ in range(MOST_DEPTH + 1):
        level = [
            child
            for parent in level
            if isinstance(parent, dict | list)
            for child in (parent.values() if isinstance(parent, dict) else parent)
            if isinstance(child, dict | list)
        ]
        if not level:
            return
    raise TooDeepError("JSON nested too deep")


def _as_it_is(parse: _Parse) -> _Parse:
    return parse


def _or_text(parse: _Parse) -> _Parse:
    def parsed_or_text(text: str) -> Any:
        try:
            return parse(text)
        except ValueError:
            return text[:MOST_CHARACTERS]

    return parsed_or_text


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"the constant {name}")
