"""
What strangers may guess is compared in constant time.

Time cannot be measured reliably here, so the sources are read: a secret, by its name, may not stand
beside `==`, `!=` or `in`. Inside of a database query it may. OAuth's `state` is compared nowhere
else: it is looked up by its hash.
"""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

import oauth_service

SOURCES = Path(oauth_service.__file__).parent
SECRET = re.compile(
    r"(^|_)(csrf|token|secret|signature|password|bearer|authorization|verifier|shown"
    r"|session_id|sealed|(service|encryption|api)_key)$"
)
SHORTCUTS = (ast.Eq, ast.NotEq, ast.In, ast.NotIn)
HARMLESS = {
    "store/consents.py: row.session_id != session_id": "chooses a refusal's words, after the query "
    "has refused; a session's id comes out of a sealed cookie and cannot be guessed at",
}


def compared_secrets(source: str) -> Iterator[str]:
    """Yield the comparisons that end at the first difference and look at a secret."""
    for node in ast.walk(ast.parse(source)):
        if not isinstance(node, ast.Compare):
            continue
        sides = [node.left, *node.comparators]
        if any(isinstance(side, ast.Constant) or ".c." in ast.unparse(side) for side in sides):
            continue  # a word of ours, or a column
        if not any(isinstance(operator, SHORTCUTS) for operator in node.ops):
            continue
        if any(SECRET.search(name) for side in sides for name in _names(side)):
            yield ast.unparse(node)


def _names(side: ast.expr) -> Iterator[str]:
    """Yield what a value is called, whatever was done to it last (`.encode()`, `[...]`)."""
    match side:
        case ast.Name():
            yield side.id
        case ast.Attribute():
            yield side.attr
        case ast.Call(func=ast.Attribute(value=value)):
            yield from _names(value)
        case ast.Subscript(value=value):
            yield from _names(value)
            if isinstance(side.slice, ast.Constant):
                yield str(side.slice.value)


def test_no_secret_is_compared_by_the_first_difference() -> None:
    found = {
        f"{path.relative_to(SOURCES)}: {comparison}"
        for path in sorted(SOURCES.rglob("*.py"))
        for comparison in compared_secrets(path.read_text())
    }

    assert found == set(HARMLESS)


@pytest.mark.parametrize(
    "comparison",
    [
        "shown == key",
        "form['csrf_token'] != session.csrf_token",
        "csrf_token in session.tokens_of_forms",
        "services.service_key.get_secret_value() == given",
        "message.pop('for') == session.session_id",
        "header.strip() == self._bearer.decode()",
        "verifier not in known",
    ],
)
def test_comparison_of_a_secret_is_found(comparison: str) -> None:
    assert list(compared_secrets(f"if {comparison}:\n    pass")) == [comparison]


@pytest.mark.parametrize(
    "comparison",
    ["code == 'invalid_grant'", "connection.state == wanted", "a.c.token == token", "x is token"],
)
def test_comparison_of_anything_else_is_not(comparison: str) -> None:
    assert list(compared_secrets(f"if {comparison}:\n    pass")) == []
