"""Monthly figures of an accounting provider, and the names by which models refer to them."""

from collections import Counter
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from datetime import date
from decimal import Decimal
from enum import StrEnum
from functools import cached_property
from typing import Literal, Protocol

from pydantic import BaseModel, ConfigDict, Field, model_validator

from integrations.contracts.months import month_end
from integrations.contracts.naming import IntegrationProvider


class Statement(StrEnum):
    """A financial statement that accounting adapters fetch."""

    PROFIT_AND_LOSS = "profit_and_loss"
    BALANCE_SHEET = "balance_sheet"

    @property
    def heading(self) -> str:
        """As people write it."""
        return {"profit_and_loss": "Profit and Loss", "balance_sheet": "Balance Sheet"}[self.value]


ALL_STATEMENTS = frozenset(Statement)


class LineKind(StrEnum):
    """What a line of a statement is."""

    ACCOUNT = "account"
    SECTION_TOTAL = "section_total"
    COMPUTED_TOTAL = "computed_total"


SECTION_SEPARATOR = " / "


class StatementLine(BaseModel):
    """
    One line of a statement with its figure of every month that was fetched.

    Attributes:
        section: Titles of the sections around the line, outermost first, blanks trimmed;
            empty for a total that stands outside all sections.
        account_id: The provider's id. None for totals, and only for totals or the rare
            account row that has none at the provider.
        label: Text shown by the provider. People edit it; it identifies nothing.
        values: Amount by month end, in major units of the batch's currency. An account
            without movement has 0; None means that the provider gives no figure.
            Signs are as the provider shows them: a normal figure of its section is positive.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    statement: Statement
    section: tuple[str, ...] = ()
    account_id: str | None = None
    label: str
    kind: LineKind
    values: dict[date, Decimal | None]


class DataBatch(BaseModel):
    """
    Dated monthly figures of one tenant: a full snapshot of the months it covers.

    A snapshot means: an account that is not listed had no movement (and no balance) in any
    of these months. `dates` and `data` are the shape known from the predecessor.

    Attributes:
        currency: ISO 4217 code of every amount, e.g. `"GBP"`.
        basis: Accounting basis of the figures.
        dates: Month ends covered, ascending and without a gap.
        statements: Statements covered. A covered statement without lines is an empty one.
        lock_date: Last day that the provider has locked against changes, if any.
        lines: All lines, in the provider's order.
        report_urls: Where the provider shows a statement to who is signed in there, if it says.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    integration: IntegrationProvider
    tenant_id: str
    tenant_name: str
    currency: str
    basis: Literal["accrual", "cash"] = "accrual"
    dates: tuple[date, ...]
    statements: frozenset[Statement] = ALL_STATEMENTS
    lock_date: date | None = None
    lines: tuple[StatementLine, ...]
    report_urls: Mapping[Statement, str] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _complete_and_ordered(self) -> "DataBatch":
        if list(self.dates) != sorted({month_end(day) for day in self.dates}):
            raise ValueError("dates: expected distinct month ends in ascending order")
        expected = set(self.dates)
        for line in self.lines:
            if set(line.values) != expected:
                raise ValueError(f"line {line.label!r}: expected one value for each date")
            if line.statement not in self.statements:
                raise ValueError(f"line {line.label!r}: its statement is not one of the batch's")
        return self

    @cached_property
    def data(self) -> Mapping[str, Mapping[date, Decimal | None]]:
        """Amounts by endpoint name and month end."""
        names = endpoint_names(self.lines)
        return {name: line.values for name, line in zip(names, self.lines, strict=True)}

    @property
    def endpoints(self) -> tuple[str, ...]:
        """Endpoint names of all lines, in the provider's order."""
        return endpoint_names(self.lines)


class NamedLine(Protocol):
    """What a line must know to get an endpoint name."""

    @property
    def statement(self) -> str: ...
    @property
    def section(self) -> tuple[str, ...]: ...
    @property
    def account_id(self) -> str | None: ...
    @property
    def label(self) -> str: ...


def endpoint_names(lines: Iterable[NamedLine]) -> tuple[str, ...]:
    """
    Return one distinct name for each line, in the same order.

    The label where it is unique; else qualified by its section (`Income / Sales`), by its
    whole section path, by its statement, and at last by its account id or position.
    """
    items: Sequence[NamedLine] = tuple(lines)
    names: list[str | None] = [None] * len(items)
    taken: set[str] = set()
    for candidate in _CANDIDATES:
        open_ = [i for i, name in enumerate(names) if name is None]
        proposed = {i: candidate(items[i]) for i in open_}
        counts = Counter(proposed.values())
        for i in open_:
            if counts[proposed[i]] == 1 and proposed[i] not in taken:
                names[i] = proposed[i]
        taken.update(proposed.values())
    return tuple(
        name if name is not None else f"{_with_id(items[i])} ({i + 1})"
        for i, name in enumerate(names)
    )


def qualified_name(line: NamedLine) -> str:
    """Return the label with its innermost section before it: `Income / Sales`."""
    return SECTION_SEPARATOR.join((*line.section[-1:], line.label))


def _full_path(line: NamedLine) -> str:
    return SECTION_SEPARATOR.join((*line.section, line.label))


def _with_statement(line: NamedLine) -> str:
    return SECTION_SEPARATOR.join((Statement(line.statement).heading, *line.section, line.label))


def _with_id(line: NamedLine) -> str:
    return f"{_with_statement(line)} #{line.account_id or 'total'}"


_CANDIDATES: tuple[Callable[[NamedLine], str], ...] = (
    lambda line: line.label,
    qualified_name,
    _full_path,
    _with_statement,
    _with_id,
)


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
