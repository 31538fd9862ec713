"""Monthly figures of accounting providers, and the endpoint names that models refer to."""

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
        """Display name, e.g. `Profit and Loss`."""
        return {"profit_and_loss": "Profit and Loss", "balance_sheet": "Balance Sheet"}[self.value]


ALL_STATEMENTS = frozenset(Statement)


class LineKind(StrEnum):
    """Type of a line: an account, the total of a section, or a total computed from others."""

    ACCOUNT = "account"
    SECTION_TOTAL = "section_total"
    COMPUTED_TOTAL = "computed_total"


SECTION_SEPARATOR = " / "


class StatementLine(BaseModel):
    """
    One line of a statement with its figure for each month fetched.

    Attributes:
        statement: The statement that it belongs to.
        section: Titles of the enclosing sections, outermost first, trimmed; empty for a total
            outside all sections.
        account_id: The provider's id. None for totals and for the rare account row that has no
            id at the provider.
        label: Text shown by the provider. Users can edit it, so it is not an identifier.
        kind: Type of the line.
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
    Dated monthly figures of one tenant: a full snapshot of the months covered.

    An account that is not listed had no movement and no balance in any of these months.
    `dates` and `data` have the shape of the predecessor's batches.

    Attributes:
        integration: Registered name of the integration.
        tenant_id: The provider's id of the organisation.
        tenant_name: Display name of the organisation.
        currency: ISO 4217 code of every amount, e.g. `"GBP"`.
        basis: Accounting basis of the figures.
        dates: Month ends covered, ascending and without gaps.
        statements: Statements covered. A covered statement without lines is empty.
        lock_date: Last day that is locked against changes at the provider; None if there is none.
        lines: All lines, in the provider's order.
        report_urls: Web address of each statement for users signed in at the provider, if known.

    Raises:
        pydantic.ValidationError: If dates are not distinct ascending month ends, or a line has
            not one value for each date or a statement that is not covered.
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
        """Amounts in major units of *currency*, by endpoint name and month end."""
        names = endpoint_names(self.lines)
        return {name: line.values for name, line in zip(names, self.lines, strict=True)}

    @property
    def endpoints(self) -> tuple[str, ...]:
        """Endpoint names of all lines, in the provider's order."""
        return endpoint_names(self.lines)


class NamedLine(Protocol):
    """The attributes of a line that its endpoint name is made of."""

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
    Return a distinct name for each line, in the same order.

    The name is the label if it is unique; otherwise it is qualified by its section
    (`Income / Sales`), its section path, its statement, and finally its account id or position.
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
    """Return the label prefixed with its innermost section: `Income / Sales`."""
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
    Join the lines of one statement, fetched in several ranges of months.

    Accounts are joined by id, other lines by kind, section and label. Providers omit lines
    without a figure in a range, so an absent account or section total is 0 there; an absent
    computed total is None.

    Args:
        ranges: Lines for some of *dates* each, newest range first; its labels, sections and
            order take precedence.
        dates: All month ends, ascending.

    Returns:
        One line each, with a value for each of *dates*.
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
