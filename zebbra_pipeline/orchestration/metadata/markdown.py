"""
Foreign text in the markdown that Dagster's UI shows: it appears as it is, and does nothing.

The UI renders GitHub's markdown, and turns addresses into links after parsing, which no backslash
prevents. Words with an address therefore become code, where nothing is a link.
"""

import re
from collections.abc import Callable
from urllib.parse import quote, urlsplit

import dagster as dg

from integrations.contracts.display import printable

_ADDRESS = re.compile(r"://|www\.|@", re.IGNORECASE)
_ENTITY = re.compile(r"&(?=#?\w+;)")
_SPECIAL = re.compile(r"[\\`*_\[\]<>|~]")
_INERT_UNDERSCORES = re.compile(r"(?<=[^\W_])_+(?=[^\W_])")
_FIRST = re.compile(r"#{1,6}|[+-]|\d{1,9}[.)]|[=:-]+")
"""A first word that makes its line a heading, a list entry, an underline or a rule."""
_TICKS = re.compile(r"`+")
_SAFE_IN_URL = "/:?#[]@!$&'*+,=%~-._"
_SCHEMES = frozenset({"http", "https"})


def escaped(text: object) -> str:
    """Return *text* for markdown, table cells and descriptions of images included."""
    return _by_word(text, _escaped_word)


def quoted(text: object) -> str:
    r"""
    Return *text* for places that Dagster shows both as markdown and as it is.

    Such are the descriptions of checks. Most text stays unchanged; a word that
    markdown would change becomes code: "Sales `[old]`".
    """
    return _by_word(text, _quoted_word)


def code(text: object) -> str:
    """Return *text* as code, on one line; not for table cells, which end at a `|` in code too."""
    shown = printable(text)
    if not shown.strip(" "):
        return ""
    most = max((len(run) for run in _TICKS.findall(shown)), default=0)
    fence = "`" * (most + 1)
    pad = " " if shown[0] in " `" or shown[-1] in " `" else ""
    return f"{fence}{pad}{shown}{pad}{fence}"


def link(text: object, url: str) -> str:
    """Return a link; *text* alone where *url* is not one of http or https."""
    try:
        is_web = urlsplit(url).scheme.lower() in _SCHEMES
    except ValueError:
        is_web = False
    if not is_web:
        return escaped(text)
    target = quote(url, safe=_SAFE_IN_URL, errors="replace")
    return f"[{escaped(text)}]({target})"


def value(text: str) -> dg.MarkdownMetadataValue:
    """Return assembled markdown as metadata; foreign text in it has been escaped before."""
    return dg.MetadataValue.md(lines(text))  # noqa: TID251 -- here alone


def lines(text: str) -> str:
    """Return assembled markdown with its own line ends, and no other control character."""
    return "\n".join(map(printable, text.split("\n")))


def _by_word(text: object, word: Callable[[str], str]) -> str:
    first, *others = printable(text).split() or [""]  # of what splits, only spaces are left
    return " ".join([_at_start(first, word), *map(word, others)])


def _at_start(first: str, word: Callable[[str], str]) -> str:
    if not _FIRST.fullmatch(first):
        return word(first)
    return code(first) if word is _quoted_word else f"{first[:-1]}\\{first[-1]}"


def _escaped_word(word: str) -> str:
    if _ADDRESS.search(word):
        return _in_code(word)
    return _ENTITY.sub(r"\\&", _SPECIAL.sub(r"\\\g<0>", word))


def _quoted_word(word: str) -> str:
    plain = _INERT_UNDERSCORES.sub("", word)
    special = _ADDRESS.search(word) or _SPECIAL.search(plain) or _ENTITY.search(word)
    return _in_code(word) if special else word


def _in_code(word: str) -> str:
    r"""Return a word as code; a `|` is written as `\|` between two pieces, as a cell ends at one."""
    return r"\|".join(code(part) for part in word.split("|"))
