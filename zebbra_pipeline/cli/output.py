"""
How commands print, for people and for programs.

This is the only module that knows Rich. What it is given is text, never Rich's markup or emoji
codes, and each line is one line: foreign text cannot style, link, or move the cursor.
"""

import json
import re
import sys
import traceback
from collections.abc import Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import Any, TextIO

from rich.console import Console
from rich.table import Table
from rich.text import Text

from integrations.contracts.display import printable

_WIDTH_IN_FILES = 160
_BEYOND_ASCII = re.compile(r"[^\n -~]")


@dataclass(frozen=True, slots=True)
class Column:
    """
    A column of a table.

    Attributes:
        title: Its heading.
        right: Whether its cells end at the right, as figures do.
        fold: Whether a long cell takes several lines; otherwise it is cut.
        most: The most characters of its width; None: as wide as its cells.
    """

    title: str
    right: bool = False
    fold: bool = True
    most: int | None = None


class Output:
    """
    Prints lines and tables to stdout or stderr.

    Args:
        console: Of Rich. Nothing but plain `Text` reaches it.
    """

    def __init__(self, console: Console) -> None:
        self._console = console

    @property
    def width(self) -> int:
        """How many characters fit on a line."""
        return self._console.width

    def print(self, line: str = "", *, bold: bool = False) -> None:
        r"""Print one line; a newline within it is shown as `\n`, so print several one by one."""
        self._console.print(_text(line, "bold" if bold else ""))

    def table(
        self, columns: Sequence[Column], rows: Sequence[Sequence[object]], *, title: str = ""
    ) -> None:
        """Print a table; None is an empty cell."""
        table = Table(
            title=_text(title, "table.title") if title else None,
            title_justify="left",
            box=None,
            pad_edge=False,
        )
        for column in columns:
            table.add_column(
                _text(column.title),
                overflow="fold" if column.fold else "ellipsis",
                no_wrap=not column.fold,
                justify="right" if column.right else "left",
                max_width=column.most,
            )
        for row in rows:
            table.add_row(*("" if cell is None else _text(cell) for cell in row))
        self._console.print(table)


out = Output(
    Console(highlight=False, soft_wrap=True, width=None if sys.stdout.isatty() else _WIDTH_IN_FILES)
)
err = Output(Console(stderr=True, highlight=False, soft_wrap=True))


def print_table(headers: Sequence[str], rows: Sequence[Sequence[object]], *, empty: str) -> None:
    """Print a table, or *empty* where there are no rows."""
    if rows:
        out.table([Column(header) for header in headers], rows)
    else:
        out.print(empty)


def print_json(value: Any) -> None:
    r"""
    Print *value* as JSON; dates and amounts become text.

    The data is raw: a reader gets each name as the provider gave it. What a terminal could act on
    is written as JSON's own escapes, such as `\u001b`.
    """
    text = json.dumps(value, indent=2, default=str, ensure_ascii=False)
    plain = (sys.stdout.encoding or "").lower().replace("-", "") == "utf8"
    sys.stdout.write(_BEYOND_ASCII.sub(_json_escaped if plain else _always_escaped, text) + "\n")


def print_whatever_the_encoding() -> None:
    """Let a terminal that lacks a character show its escape; otherwise the command would fail."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")


def print_traceback(
    kind: type[BaseException], error: BaseException, frames: TracebackType | None
) -> None:
    """Print an unexpected error as Python does (see `sys.excepthook`), its message as text."""
    stream: TextIO = sys.stderr
    for part in traceback.format_exception(kind, error, frames):
        stream.writelines(f"{printable(line)}\n" for line in part.removesuffix("\n").split("\n"))


def _text(value: object, style: str = "") -> Text:
    return Text(printable(value), style=style)


def _json_escaped(found: re.Match[str]) -> str:
    char = found.group()
    return char if printable(char) == char else _always_escaped(found)


def _always_escaped(found: re.Match[str]) -> str:
    return json.dumps(found.group())[1:-1]
