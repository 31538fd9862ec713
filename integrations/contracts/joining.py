"""Lines of several ranges of months joined into one line for each account and total."""

from collections import Counter
from collections.abc import Hashable, Sequence
from datetime import date
from decimal import Decimal

from integrations.contracts.statements import LineKind, StatementLine

_Values = dict[date, Decimal | None]


def join_lines(
    ranges: Sequence[Sequence[StatementLine]], dates: Sequence[date]
) -> tuple[StatementLine, ...]:
    """
    Return the lines of one statement over *dates*.

    Accounts are joined by id, other lines by kind, section and label. Providers leave out what
    has no figure in a range, so an account or section total that is absent from one is 0
    there; an absent computed total is None.

    Args:
        ranges: Each has the lines of some of *dates*, newest range first: its labels, sections
            and order win.
        dates: Month ends, ascending.
    """
    order: list[Hashable] = []
    newest: dict[Hashable, StatementLine] = {}
    values: dict[Hashable, _Values] = {}
    for lines in ranges:
        position = -1
        for key, line in _keyed(lines):
            if key in newest:
                position = order.index(key)
            else:
                position += 1
                order.insert(position, key)
                newest[key] = line
                values[key] = {}
            values[key].update(line.values)
    return tuple(
        newest[key].model_copy(
            update={"values": {day: values[key].get(day, _absent(newest[key])) for day in dates}}
        )
        for key in order
    )


def _absent(line: StatementLine) -> Decimal | None:
    return None if line.kind is LineKind.COMPUTED_TOTAL else Decimal(0)


def _keyed(lines: Sequence[StatementLine]) -> list[tuple[Hashable, StatementLine]]:
    seen: Counter[Hashable] = Counter()
    keyed: list[tuple[Hashable, StatementLine]] = []
    for line in lines:
        key: Hashable
        if line.account_id is not None:
            key = line.account_id.lower()
        else:
            section = tuple(title.casefold() for title in line.section)
            name = (line.kind, section, line.label.casefold())
            key = (name, seen[name])
            seen[name] += 1
        keyed.append((key, line))
    return keyed
