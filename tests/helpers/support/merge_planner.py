"""The planner's arithmetic for one section, as far as the starter model needs it."""

import ast
import operator
import re
from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from typing import Any

MONTHS = 24
_REFERENCE = re.compile(r"#(\d+)(?:\$(\d+))?|\$(\d+)")
_OPERATORS: Mapping[type[ast.operator], Callable[[Decimal, Decimal], Decimal]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
}


def plan_section(
    assumptions: Sequence[Mapping[str, Any]], section: Mapping[str, Any]
) -> dict[str, list[Decimal]]:
    """Return the 24 values of each row by id; rows must stand after those they refer to."""
    known: dict[str, list[Decimal]] = {}
    for row in (*assumptions, *section["rows"], section["end_row"]):
        known[row["_id"]] = _plan_row(row, known)
    return known


def _plan_row(row: Mapping[str, Any], known: Mapping[str, list[Decimal]]) -> list[Decimal]:
    if not row["time_series"]:
        return [_compute(row["value"])] * MONTHS
    values: list[Decimal] = []
    for month in range(MONTHS):
        actual = (row["integration_values"] or [{}] * MONTHS)[month].get("value")
        if row["var_type"] == "integration" and actual is not None:
            value = Decimal(actual)
        elif month == row["starting_at"] and row["first_value_diff"]:
            value = _compute(row["value_1"])
        else:
            value = _compute(_filled_in(row["value"], month, values, known))
        values.append(round(value, row["decimal_places"]))
    return values


def _filled_in(
    text: str, month: int, own: Sequence[Decimal], known: Mapping[str, list[Decimal]]
) -> str:
    def number(match: re.Match[str]) -> str:
        if match[3]:
            return f"({own[month - int(match[3])]})"
        return f"({known[match[1]][month - int(match[2] or 0)]})"

    return _REFERENCE.sub(number, text)


def _compute(text: str) -> Decimal:
    return _evaluate(ast.parse(text, mode="eval").body, text)


def _evaluate(node: ast.expr, text: str) -> Decimal:
    if isinstance(node, ast.BinOp):
        compute = _OPERATORS[type(node.op)]
        return compute(_evaluate(node.left, text), _evaluate(node.right, text))
    if isinstance(node, ast.UnaryOp):
        return -_evaluate(node.operand, text)
    return Decimal(ast.get_source_segment(text, node) or "")
