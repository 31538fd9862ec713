"""
Numbers and JSON from outside, bounded before anything is computed with them.

A few characters can name a number that takes gigabytes to write out (`1e999999999`), or that no
clock can count to. What is refused here is larger than any IEEE double, so that no number that
a provider can mean is refused.
"""

import json
import re
from collections.abc import Callable
from decimal import Decimal, InvalidOperation
from typing import Any, NoReturn

MOST_CHARACTERS = 400
"""Of a number as it is written, and of one written out without an exponent."""
MOST_DEPTH = 100
"""Of lists and objects in each other in JSON."""

_WHOLE_DAY_S = 86_400
LONGEST_LIFETIME_S = 10 * 366 * _WHOLE_DAY_S
"""Of an access token: ten years, which some providers use for "for ever"."""

_Parse = Callable[[str], Any]
_SECONDS = re.compile(r"[0-9]{1,20}(\.[0-9]{1,20})?")


class TooDeepError(ValueError):
    """JSON whose lists and objects are nested too deep."""


def bounded_decimal(text: str) -> Decimal:
    """
    Return the number written in *text*.

    Raises:
        ValueError: If it is none, not finite, or has too many digits or too large an exponent.
            The text is not repeated.
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
    """Return whether *number* is finite and short when written out without an exponent."""
    if not number.is_finite():
        return False
    _, digits, exponent = number.as_tuple()
    return isinstance(exponent, int) and len(digits) + abs(exponent) <= 2 * MOST_CHARACTERS


def bounded_int(text: str) -> int:
    """
    Return the whole number written in *text*, as JSON writes it.

    Raises:
        ValueError: If it has too many digits. The text is not repeated.
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
    Return parsed JSON, every fraction as `Decimal`, all numbers and the nesting bounded.

    Args:
        text: JSON; bytes are UTF-8, UTF-16 or UTF-32.
        fraction: Makes a number of a fraction's text; a `ValueError` refuses it.
        odd_as_text: Numbers out of bounds, NaN and Infinity arrive as text instead of being
            refused: for answers of which something else must not be lost.

    Raises:
        ValueError: If it is not JSON, or not within bounds. A `JSONDecodeError` carries the
            whole text; other errors repeat nothing of it.
        TooDeepError: If it is nested too deep.
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
    Return a token's lifetime in whole seconds; None if *value* is none that can be used.

    Numbers and decimal text are read; what is not from 1 second to `LONGEST_LIFETIME_S` is not
    usable.
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
    # Compared before it is converted: the conversion is what takes long. NaN compares False;
    # a Decimal's would raise.
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
