"""A look at what has landed, for Dagster: totals by month, never what a person earns."""

from datetime import date

from integrations.contracts import DataBatch, LineKind, Statement, StatementLine

_MONTHS, _LINES = 6, 25


def totals_by_month(batch: DataBatch, statement: Statement) -> str:
    """
    Return the totals of a statement as a markdown table of the latest six months.

    Empty where the statement has no totals.
    """
    months = batch.dates[-_MONTHS:]
    totals = [
        line
        for line in batch.lines
        if line.statement is statement and line.kind is not LineKind.ACCOUNT
    ]
    if not totals:
        return ""
    rows = [
        [batch.currency, *(f"{month:%b %Y}" for month in months)],
        ["---", *("---:" for _ in months)],
        *([_label(line), *(_amount(line, month) for month in months)] for line in totals[:_LINES]),
    ]
    table = "\n".join(f"| {' | '.join(row)} |" for row in rows)
    more = len(totals) - _LINES
    return f"{table}\n\nand {more} more totals" if more > 0 else table


def _label(line: StatementLine) -> str:
    """Keep a label from ending its cell or turning into markup."""
    text = " ".join(line.label.split())
    escaped = "".join(f"\\{char}" if char in "\\`*_[]<>|" else char for char in text)
    return f"**{escaped}**" if line.kind is LineKind.COMPUTED_TOTAL else escaped


def _amount(line: StatementLine, month: date) -> str:
    value = line.values[month]
    return "" if value is None else f"{value:,.2f}"
