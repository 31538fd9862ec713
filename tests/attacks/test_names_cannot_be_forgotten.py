"""What keeps the next command from printing foreign text as anything but text."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest
from rich.text import Text
from support.docs import ROOT

from zebbra_pipeline.cli import output

SOURCES = [
    path
    for package in ("integrations", "oauth_service", "zebbra_pipeline")
    for path in sorted((ROOT / package).rglob("*.py"))
]
HTML = [
    path
    for folder in ("oauth_service/templates", "integrations/sandbox_kit/templates")
    for path in sorted((ROOT / folder).glob("*.html"))
]


def prints(path: Path) -> Iterator[ast.Call]:
    """Yield the calls of `out.print` and `err.print`."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            owner = node.func.value
            if node.func.attr == "print" and isinstance(owner, ast.Name):
                yield node


def test_what_is_printed_has_no_newline_of_its_own():
    """`Output.print` would show it as an escape, as it shows one in a name."""
    found = [
        f"{path.relative_to(ROOT)}:{call.lineno}"
        for path in SOURCES
        for call in prints(path)
        for part in ast.walk(call)
        if isinstance(part, ast.Constant) and "\n" in str(part.value)
    ]

    assert found == []
    assert sum(len(list(prints(path))) for path in SOURCES) > 30


@pytest.mark.parametrize("path", HTML, ids=lambda path: path.name)
def test_no_template_turns_escaping_off(path):
    text = path.read_text()

    assert "| safe" not in text
    assert "|safe" not in text
    assert "autoescape" not in text
    assert "<script" not in text


def test_rich_gets_plain_text_alone(monkeypatch):
    given = []
    monkeypatch.setattr(output.out._console, "print", given.append)
    output.out.print("[bold]x[/bold] :smile: \x1b\n")
    output.out.table([output.Column("[b]")], [["[/b]"], [None]], title="[link=x]y[/link]")
    line, table = given

    assert (type(line), line.plain, line.spans) == (
        Text,
        r"[bold]x[/bold] :smile: \x1b\n",
        [],
    )
    assert (table.title.plain, table.columns[0].header.plain) == ("[link=x]y[/link]", "[b]")
    assert [str(cell) for cell in table.columns[0].cells] == ["[/b]", ""]
