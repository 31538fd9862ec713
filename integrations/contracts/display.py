"""
Makes external text printable: names, labels and messages from providers, customers and files.

Such text is data, never markup or a terminal command. `printable` is the single rule for
characters, and all output goes through it. Markup is escaped where the text is written:
`zebbra_pipeline.cli.output` for terminals,
`zebbra_pipeline.orchestration.metadata.markdown` for Dagster, Jinja's autoescaping for HTML, `spreadsheet_cell` here.

Stored values are not changed: models refer to accounts by their exact names.
"""

import unicodedata

_BLANK = frozenset("\u034f\u115f\u1160\u17b4\u17b5\u2800\u3164\uffa0")
"""Drawn as blank, although Unicode counts them as letters, marks or symbols."""
_JOINERS = frozenset("\u200c\u200d")
"""Zero-width, but required by Persian and Indic scripts and within emoji."""
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "\uff1d", "\uff0b", "\uff0d", "\uff20")
"""First characters of a cell that a spreadsheet may run; the last four are full-width forms."""


def printable(text: object) -> str:
    r"""
    Return *text* as one line in which every character is visible.

    Control characters (ESC, BEL, newline, the C1 range), bidirectional and zero-width ones,
    surrogates and unassigned characters become escapes such as `\x1b`, `\n` or `\u202e`. A
    zero-width joiner between two non-ASCII characters is kept, since they may need it. Backslashes
    are kept, so escaping a text twice gives the same result as once.

    Args:
        text: A text, or an object shown by its `str`.
    """
    text = str(text)
    if text.isascii() and text.isprintable():
        return text
    return "".join(
        char if _is_seen(text, place) else char.encode("unicode_escape").decode("ascii")
        for place, char in enumerate(text)
    )


def spreadsheet_cell(text: object) -> str:
    """
    Return *text* for a cell of a CSV file or a workbook, safe from being run as a formula.

    Text that starts like a formula gets an apostrophe in front, also after leading spaces, which
    some spreadsheets skip. Do not use it for figures: write them as numbers. Quote every cell of
    a CSV file (`csv.QUOTE_ALL`), since a spreadsheet may split at another delimiter.
    """
    shown = printable(text)
    starts = str(text).lstrip(" ").startswith(_FORMULA)
    return f"'{shown}" if starts else shown


def _is_seen(text: str, place: int) -> bool:
    char = text[place]
    if char in _JOINERS:
        before, after = text[max(place - 1, 0) : place], text[place + 1 : place + 2]
        return _may_join(before) and _may_join(after)
    return char not in _BLANK and (char.isprintable() or unicodedata.category(char) == "Zs")


def _may_join(neighbour: str) -> bool:
    """Return whether a joiner next to *neighbour*, a character or empty, may be needed."""
    return not neighbour.isascii() and neighbour.isprintable()
