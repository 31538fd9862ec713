"""
Makes foreign text printable: names, labels and messages of providers, customers and files.

Such text is data wherever it appears, never markup or a command to a terminal. `printable` is
the one rule for characters; everything that prints goes through it. What a sink understands beyond
characters is handled at that sink: `zebbra_pipeline.cli.output` for terminals,
`zebbra_pipeline.orchestration.metadata.markdown` for Dagster, Jinja's autoescaping for HTML, `spreadsheet_cell` here.

Stored values stay as the provider gave them: models refer to accounts by their exact names.
"""

import unicodedata

_BLANK = frozenset("\u034f\u115f\u1160\u17b4\u17b5\u2800\u3164\uffa0")
"""Drawn as nothing, though Unicode counts them as letters, marks or symbols."""
_JOINERS = frozenset("\u200c\u200d")
"""Zero-width, and needed: by Persian and Indic scripts, and within emoji."""
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "\uff1d", "\uff0b", "\uff0d", "\uff20")
"""How a cell starts that a spreadsheet may run; the last four are the full-width forms."""


def printable(text: object) -> str:
    r"""
    Return *text* as one line in which every character can be seen.

    Control characters (ESC, BEL, newline, the C1 range), bidirectional and zero-width ones,
    surrogates and unassigned characters become escapes such as `\x1b`, `\n` or `\u202e`. A
    zero-width joiner is kept between two characters beyond ASCII, which may need it. Backslashes
    stay, so that a text that was escaped before comes back unchanged.

    Args:
        text: A text, or an object that is shown as its `str`.
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
    Return *text* for a cell of a CSV file or a workbook, never run as a formula.

    Text that starts like a formula gets an apostrophe before it, also after spaces, which some
    spreadsheets skip. Figures are not text: write them as numbers, without this. Write CSV with
    every cell in quotes (`csv.QUOTE_ALL`): a spreadsheet may split at another delimiter than yours.
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
    """Whether a character (or none) is one that a joiner may be needed for."""
    return not neighbour.isascii() and neighbour.isprintable()
