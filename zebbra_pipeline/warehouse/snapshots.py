"""Applies a fetched snapshot to the figures landed before. Pure: no SQL, no clock."""

from collections import Counter
from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from decimal import ROUND_HALF_UP, Decimal

from integrations.contracts import (
    DataBatch,
    LineKind,
    Statement,
    StatementLine,
    endpoint_names,
)
from integrations.contracts.money import fits

SMALLEST = Decimal("0.0001")
ZERO = Decimal("0.0000")
_FILLED_WITH_ZERO = frozenset({LineKind.ACCOUNT, LineKind.SECTION_TOTAL})

Months = Mapping[date, "LandedMonth"]


@dataclass(frozen=True, slots=True)
class LandedMonth:
    """The batch of one month of a statement, with the facts shared by all its figures."""

    batch_id: str
    currency: str
    provisional: bool


@dataclass(frozen=True, slots=True)
class BookLine:
    """
    A line with all its landed months.

    Attributes:
        values: By month end. A month without an entry has no row; None is a row without a
            figure.
    """

    statement: str
    section: tuple[str, ...]
    account_id: str | None
    label: str
    kind: str
    values: Mapping[date, Decimal | None] = field(repr=False)
    endpoint: str = ""
    position: int = 0

    @property
    def attributes(self) -> tuple[object, ...]:
        """The fields that each of its rows repeats."""
        return (
            self.statement,
            self.position,
            self.section,
            self.account_id,
            self.endpoint,
            self.label,
            self.kind,
        )


@dataclass(frozen=True, slots=True)
class Books:
    """
    All statements of one workspace and integration.

    Attributes:
        lines: By statement and position.
        months: Landed months by statement.
    """

    lines: tuple[BookLine, ...] = ()
    months: Mapping[str, Months] = field(default_factory=dict)

    def of(self, statement: str) -> tuple[BookLine, ...]:
        """Return the lines of *statement*."""
        return tuple(line for line in self.lines if line.statement == statement)


@dataclass(frozen=True, slots=True)
class Restatement:
    """A figure of an account that differs from what was landed before."""

    line: BookLine
    month: date
    old_value: Decimal | None = field(repr=False)
    new_value: Decimal | None = field(repr=False)
    old: LandedMonth


def stored_amount(value: Decimal, where: str) -> Decimal:
    """
    Return *value* as it is stored: rounded to four decimals, halves away from zero.

    Raises:
        ValueError: If it has more digits than `DECIMAL(18,4)` holds. The text does not contain the value.
    """
    if fits(value):  # check before any arithmetic
        stored = value.quantize(SMALLEST, ROUND_HALF_UP)
        if fits(stored):
            return stored
    raise ValueError(f"{where}: expected an amount of at most 14 digits, found more")


def take_snapshot(before: Books, batch: DataBatch, landed: LandedMonth, day: date) -> Books:
    """
    Return the books after *batch* has landed on *before*.

    Only the months and statements of the batch take its figures. The snapshot is full, so an
    account or section total that is absent from it had no movement and gets 0 in the covered
    months. A new line gets 0 in the older months. An absent computed total stays missing. All
    months take names and sections from the newest batch.

    Args:
        before: The landed books.
        batch: The fetched snapshot.
        landed: Its id and currency.
        day: The day of the fetch; a month that had not ended before it is provisional.

    Raises:
        ValueError: If an amount has too many digits.
    """
    months = {statement: dict(known) for statement, known in before.months.items()}
    lines: list[BookLine] = []
    for statement in Statement:
        if statement not in batch.statements:
            lines.extend(before.of(statement))
            continue
        fresh = [_as_book_line(line) for line in batch.lines if line.statement is statement]
        known = months.setdefault(statement.value, {})
        for month in batch.dates:
            known[month] = replace(landed, provisional=month >= day)
        lines.extend(
            _combine(before.of(statement), fresh, covered=frozenset(batch.dates), landed=known)
        )
    return Books(_named(lines), months)


def find_restatements(before: Books, after: Books, batch: DataBatch) -> list[Restatement]:
    """
    Return the figures of accounts that *batch* changed, in months that were landed before.

    Totals follow from accounts and are left out. A month where an account has no figure, because
    it disappeared or is new, counts as 0.
    """
    found: list[Restatement] = []
    for statement in sorted(batch.statements):
        earlier = {
            month: known
            for month, known in before.months.get(statement, {}).items()
            if month in batch.dates
        }
        old_lines = dict(_identified(before.of(statement)))
        for identity, line in _identified(after.of(statement)):
            if line.kind != LineKind.ACCOUNT:
                continue
            old_line = old_lines.get(identity)
            for month, old in earlier.items():
                old_value = ZERO if old_line is None else old_line.values.get(month, ZERO)
                if old_value != line.values[month]:
                    found.append(Restatement(line, month, old_value, line.values[month], old))
    return found


def rewritten_months(before: Books, after: Books, batch: DataBatch) -> dict[str, list[date]]:
    """
    Return the months of each statement that must be written again.

    These are the months of the batch, and all months if a name, a section or the order of the
    lines changed or a line is new.
    """
    result: dict[str, list[date]] = {}
    for statement, known in after.months.items():
        names_differ = [line.attributes for line in before.of(statement)] != [
            line.attributes for line in after.of(statement)
        ]
        covered = batch.dates if statement in batch.statements else ()
        months = sorted(known) if names_differ else list(covered)
        if months:
            result[statement] = months
    return result


def count_rows(books: Books, batch: DataBatch) -> dict[str, int]:
    """Count by statement the rows of *books* in the months that *batch* covers."""
    covered = frozenset(batch.dates)
    return {
        statement.value: sum(
            len(covered.intersection(line.values))
            for line in books.lines
            if line.statement == statement
        )
        for statement in sorted(batch.statements)
    }


def differ(before: Books, after: Books) -> bool:
    """Return whether anything other than batch ids differs."""
    return before.lines != after.lines or _marks(before) != _marks(after)


def _marks(books: Books) -> dict[str, dict[date, tuple[str, bool]]]:
    return {
        statement: {month: (known.currency, known.provisional) for month, known in months.items()}
        for statement, months in books.months.items()
    }


def _as_book_line(line: StatementLine) -> BookLine:
    where = f"{line.statement} line {line.label!r}"
    return BookLine(
        statement=line.statement.value,
        section=line.section,
        account_id=line.account_id,
        label=line.label,
        kind=line.kind.value,
        values={
            month: None if value is None else stored_amount(value, f"{where} {month}")
            for month, value in line.values.items()
        },
    )


def _combine(
    old: Sequence[BookLine],
    fresh: Sequence[BookLine],
    *,
    covered: frozenset[date],
    landed: Months,
) -> list[BookLine]:
    """Return one statement's lines, in the snapshot's order; removed lines stay after their old neighbour."""
    old_lines = dict(_identified(old))
    new_lines = dict(_identified(fresh))
    order = list(new_lines)
    neighbour: Hashable = None
    for identity in old_lines:
        if identity not in new_lines:
            order.insert(0 if neighbour is None else order.index(neighbour) + 1, identity)
        neighbour = identity
    result = []
    for position, identity in enumerate(order):
        old_line, new_line = old_lines.get(identity), new_lines.get(identity)
        line = new_line or old_lines[identity]
        values: dict[date, Decimal | None] = (
            dict.fromkeys(landed, ZERO) if line.kind in _FILLED_WITH_ZERO else {}
        )
        if old_line is not None:
            values |= {m: value for m, value in old_line.values.items() if m not in covered}
        if new_line is not None:
            values |= new_line.values
        ordered = {month: values[month] for month in sorted(values)}
        result.append(replace(line, values=ordered, position=position))
    return result


def _identified(lines: Iterable[BookLine]) -> list[tuple[Hashable, BookLine]]:
    """
    Pair each line of one statement with its identity across fetches.

    The identity of an account is its id; of other lines, their kind, sections and label without
    case. Lines with the same identity are numbered.
    """
    seen: Counter[Hashable] = Counter()
    result: list[tuple[Hashable, BookLine]] = []
    for line in lines:
        identity: Hashable = (
            line.account_id
            if line.account_id is not None
            else (line.kind, line.section, line.label.casefold())
        )
        seen[identity] += 1
        result.append(((identity, seen[identity]), line))
    return result


def _named(lines: Sequence[BookLine]) -> tuple[BookLine, ...]:
    names = endpoint_names(lines)
    return tuple(replace(line, endpoint=name) for line, name in zip(lines, names, strict=True))
