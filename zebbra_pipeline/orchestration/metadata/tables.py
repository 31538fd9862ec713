"""A look at what has landed, for Dagster: totals by month, never what a person earns."""

from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import date
from decimal import Decimal
from html import escape
from urllib.parse import quote

from integrations.contracts import (
    DataBatch,
    Employee,
    LineKind,
    PayrollCost,
    Statement,
    StatementLine,
)
from zebbra_pipeline.orchestration.metadata.markdown import escaped

_BAR, _PITCH, _HEIGHT, _LABELS = 10, 14, 60, 16
_ABOVE, _BELOW = "#3f7fbf", "#c2552d"
_LINES = "#7b818c"  # to be read on white and on Dagster's dark theme
_MIN_WIDTH = 160
_MOST = 36
_AS_THEY_ARE = "/:=',-;"
"""What an SVG is full of, and neither a URL nor markdown minds."""


def bars(values: Sequence[Decimal | int | None], labels: Sequence[str], *, name: str) -> str:
    """
    Return a bar chart as a markdown image of less than 900 characters, no figure among them.

    Dagster shows markdown of less than 1,000 at once, and anything longer behind a click.

    Args:
        values: One for each bar, the latest last; None leaves its place empty. The latest 36
            are drawn.
        labels: One for each bar; the first and the last are written below it.
        name: What the bars show; read out where the image cannot be seen.
    """
    values, labels = list(values)[-_MOST:], list(labels)[-_MOST:]
    known = [Decimal(value) for value in values if value is not None]
    if not known:
        return ""
    top, bottom = max(*known, Decimal(0)), min(*known, Decimal(0))
    scale = _HEIGHT / float(top - bottom or 1)
    zero = round(float(top) * scale)
    width = max(_MIN_WIDTH, len(values) * _PITCH)
    up, down = "", ""
    for place, value in enumerate(values):
        if value is None:
            continue
        bar = f"M{place * _PITCH + _BAR // 2},{zero}v"
        tall = max(round(abs(float(value)) * scale), 1)
        if value < 0:
            down += f"{bar}{tall}"
        else:
            up += f"{bar}-{tall}"
    svg = (
        f"<svg xmlns='http://www.w3.org/2000/svg' width='{width}' height='{_HEIGHT + _LABELS}'>"
        f"{_path(_ABOVE, up, _BAR)}{_path(_BELOW, down, _BAR)}{_path(_LINES, f'M0,{zero}h{width}', 1)}"
        f"<g fill='{_LINES}' font-family='Arial' font-size='10'>"
        f"<text y='{_HEIGHT + 12}'>{escape(labels[0])}</text>"
        f"<text x='{width}' y='{_HEIGHT + 12}' text-anchor='end'>{escape(labels[-1])}</text>"
        "</g></svg>"
    )
    return f"![{escaped(name)}](data:image/svg+xml,{quote(svg, safe=_AS_THEY_ARE)})"


def _path(colour: str, drawn: str, width: int) -> str:
    """All bars of a colour are one path, each a stroke: a tenth of what rectangles take."""
    return f"<path stroke='{colour}' stroke-width='{width}' d='{drawn}'/>" if drawn else ""


_MONTHS = 4
"""As many as stand side by side, to the penny, on the page of a partition."""
_SHOWN_AT_ONCE = 999
"""Dagster shows markdown of so many characters; longer one waits behind a click."""
_MARK = r"\*"
_FOOTNOTE = f"{_MARK} had not ended when it was fetched: provisional"
_FEWEST_PEOPLE = 3
"""Of fewer, the cost of a month would tell what one of them earns."""


def totals_by_month(batch: DataBatch, statement: Statement, day: date) -> str:
    """
    Return the totals of a statement as a markdown table of the latest four months.

    Of a long statement the computed totals are shown, and as many of the others as Dagster
    shows at once. Empty where the statement has no totals. A month that had not ended before
    *day*, the day of the fetch, is marked: its figures are provisional.
    """
    months = batch.dates[-_MONTHS:]
    totals = [
        line
        for line in batch.lines
        if line.statement is statement and line.kind is not LineKind.ACCOUNT
    ]
    shown = list(totals)
    while shown:
        rows = (
            [_label(line), *(_amount(line.values[month]) for month in months)] for line in shown
        )
        table = _table(escaped(batch.currency), months, rows, day)
        more = len(totals) - len(shown)
        table = f"{table}\n\nand {more} more totals" if more else table
        table = f"{table}\n\n{_FOOTNOTE}" if months[-1] >= day else table
        if len(table) <= _SHOWN_AT_ONCE or len(shown) == 1:
            return table
        others = [line for line in shown if line.kind is not LineKind.COMPUTED_TOTAL]
        shown.remove((others or shown)[-1])
    return ""


def chart_by_month(batch: DataBatch, statement: Statement) -> str:
    """
    Return a bar chart of the statement's last computed total: its profit, or its net worth.

    Where nothing is computed, of its last section's total; empty where there are no totals.
    """
    lines = [line for line in batch.lines if line.statement is statement]
    for kind in (LineKind.COMPUTED_TOTAL, LineKind.SECTION_TOTAL):
        totals = [line for line in lines if line.kind is kind]
        if totals:
            shown = totals[-1]
            chart = _months_chart([shown.values[m] for m in batch.dates], batch.dates, shown.label)
            return (
                f"{_label(shown)} by month, in {escaped(batch.currency)}\n\n{chart}"
                if chart
                else ""
            )
    return ""


def people_by_month(people: Sequence[Employee], until: date, months: Sequence[date]) -> str:
    """
    Return who was at work at each month's end, counted by department; never pay or names.

    Args:
        people: All of the company.
        until: Job spells that start later are not counted.
        months: Month ends, ascending; the running one counts as of *until*.
    """
    latest = months[-_MONTHS:]
    counts = [_at_work(people, min(month, until)) for month in latest]
    departments = sorted({name for count in counts for name in count})
    everybody = ["**Everybody**", *(str(count.total()) for count in counts)]
    for shown in range(len(departments), 0, -1):
        rows = [
            [escaped(name), *(str(count[name]) for count in counts)] for name in departments[:shown]
        ]
        table = _table("People at work", latest, [*rows, everybody])
        if len(table) <= _SHOWN_AT_ONCE:
            return table
    return ""


def chart_of_people(people: Sequence[Employee], until: date, months: Sequence[date]) -> str:
    """Return a bar chart of how many were at work; the arguments are those of `people_by_month`."""
    counts = [_at_work(people, min(month, until)).total() for month in months]
    chart = _months_chart(counts, months, "people at work") if any(counts) else ""
    return f"People at work by month\n\n{chart}" if chart else ""


def payroll_by_month(costs: Sequence[PayrollCost], people: Sequence[Employee]) -> str:
    """
    Return what payroll cost in all by month, as a table of the latest.

    A month with fewer than three people at its end is left empty. Empty where all are.
    """
    totals = _payroll_totals(costs, people)
    if all(total is None for total in totals):
        return ""
    months = [cost.month for cost in costs][-_MONTHS:]
    row = ["Total payroll cost", *map(_amount, totals[-_MONTHS:])]
    return _table(escaped(costs[-1].currency), months, [row])


def chart_of_payroll(costs: Sequence[PayrollCost], people: Sequence[Employee]) -> str:
    """Return a bar chart of what `payroll_by_month` tells, of all months."""
    totals = _payroll_totals(costs, people)
    chart = _months_chart(totals, [cost.month for cost in costs], "payroll cost")
    return (
        f"Total payroll cost by month, in {escaped(costs[-1].currency)}\n\n{chart}" if chart else ""
    )


def _payroll_totals(
    costs: Sequence[PayrollCost], people: Sequence[Employee]
) -> list[Decimal | None]:
    return [
        cost.gross_pay + cost.employer_taxes + cost.benefits
        if _at_work(people, cost.month).total() >= _FEWEST_PEOPLE
        else None
        for cost in costs
    ]


def rows_by_status(statuses: Iterable[str]) -> str:
    """Return how many rows of merged models have which status; empty where there are none."""
    counted = Counter(statuses)
    if not counted:
        return ""
    lines = [f"| {escaped(status)} | {count} |" for status, count in counted.most_common()]
    return "\n".join(["| status | rows |", "| --- | ---: |", *lines])


def _at_work(people: Iterable[Employee], day: date) -> Counter[str]:
    """Count by department who has a job on *day*."""
    spells = [
        next(
            (
                spell
                for spell in person.spells
                if spell.start_date <= day and (spell.end_date is None or day <= spell.end_date)
            ),
            None,
        )
        for person in people
    ]
    return Counter(spell.department or "no department" for spell in spells if spell is not None)


def _months_chart(values: Sequence[Decimal | int | None], months: Sequence[date], what: str) -> str:
    return bars(values, [f"{month:%b %Y}" for month in months], name=f"{what} by month")


def _table(
    corner: str, months: Sequence[date], rows: Iterable[list[str]], day: date = date.max
) -> str:
    """Return a table; months that had not ended before *day* are marked."""
    names = [f"{month:%b %Y}{_MARK if month >= day else ''}" for month in months]
    head = [[corner, *names], ["---", *("---:" for _ in months)]]
    return "\n".join(f"| {' | '.join(row)} |" for row in [*head, *rows])


def _label(line: StatementLine) -> str:
    label = escaped(line.label)
    return f"**{label}**" if label and line.kind is LineKind.COMPUTED_TOTAL else label


def _amount(value: Decimal | None) -> str:
    return "" if value is None else f"{value:,.2f}"
