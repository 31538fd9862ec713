"""Resolves a reference of a model row to a landed line, or explains why it cannot."""

import re
import unicodedata
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Literal

from integrations.contracts import SECTION_SEPARATOR, Statement
from zebbra_pipeline.figures import RememberedRow, Series

REFERENCE_FORMS = "Xero[Total Income], Xero[Income / Sales] or Xero[#<account id>]"
"""Examples of references, for messages."""

_REFERENCE = re.compile(r"\s*([A-Za-z0-9]+)\s*\[(.*)\]\s*", re.DOTALL)


class MalformedReferenceError(ValueError):
    """A text is not a reference."""


@dataclass(frozen=True, slots=True)
class Reference:
    """
    A reference to a line by name, or to an account by id.

    Exactly one of `endpoint` and `account_id` is set.

    Attributes:
        integration: As written; upper and lower case do not matter.
        endpoint: Name of the line, normalised.
        account_id: The provider's id, without the `#`.
    """

    integration: str
    endpoint: str | None = None
    account_id: str | None = None

    @property
    def text(self) -> str:
        """The text between the brackets, normalised."""
        return self.endpoint if self.endpoint is not None else f"#{self.account_id}"


def parse_reference(text: str | None) -> Reference:
    """
    Parse a reference such as `Xero[Sales, Net (UK)]`.

    The outermost brackets delimit it, so that a name may contain brackets: `Xero[Rent [HQ]]`.

    Raises:
        MalformedReferenceError: If *text* is not a reference; shows examples.
    """
    match = _REFERENCE.fullmatch(text or "")
    inner = normalised(match[2]) if match else ""
    if not match or inner in {"", "#"}:
        found = "nothing" if not text else "other text"
        raise MalformedReferenceError(
            f"integration_name: expected a reference such as {REFERENCE_FORMS}, found {found}"
        )
    if inner.startswith("#"):
        return Reference(match[1], account_id=inner[1:].strip())
    return Reference(match[1], endpoint=inner)


def normalised(name: str) -> str:
    """Return *name* in composed Unicode (NFC), trimmed, with single spaces."""
    return " ".join(unicodedata.normalize("NFC", name).split())


Outcome = Literal["found", "renamed", "not_connected", "unknown_endpoint", "ambiguous_endpoint"]
_NEAREST = 3
_LIKENESS = 0.5


@dataclass(frozen=True, slots=True)
class Resolution:
    """
    The result of resolving a reference.

    Attributes:
        series: The line; None unless `found` or `renamed`.
        account_id: The account of the line. Without a line, the remembered account, so that it
            is still known when the reference can be resolved again.
        note: A remark for people; empty if there is none.
    """

    outcome: Outcome
    integration: str
    series: Series | None = None
    account_id: str | None = None
    note: str = ""


class LineIndex:
    """All landed lines of a workspace, indexed by integration and name."""

    def __init__(self, integrations: Iterable[str], series: Sequence[Series]) -> None:
        grouped: dict[str, list[Series]] = defaultdict(list)
        for line in series:
            grouped[line.integration].append(line)
        landed = sorted({*integrations, *grouped})
        self._names = {name.casefold(): name for name in landed}
        self._lines = {name.casefold(): _Lines(name, grouped[name]) for name in landed}

    def resolve(self, reference: Reference, remembered: RememberedRow | None) -> Resolution:
        """
        Return the line that *reference* refers to.

        Args:
            reference: The reference of the model row.
            remembered: What the row's reference resolved to before. It is ignored if the row has
                another reference now.
        """
        lines = self._lines.get(reference.integration.casefold())
        if lines is None:
            landed = f"landed so far: {', '.join(self._names.values()) or 'nothing'}"
            note = f"no figures of {reference.integration} have landed; {landed}"
            return Resolution("not_connected", reference.integration, note=note)
        memory = remembered if _is_same_reference(reference, remembered) else None
        return lines.resolve(reference, memory.account_id if memory else None)


def _is_same_reference(reference: Reference, remembered: RememberedRow | None) -> bool:
    return (
        remembered is not None
        and remembered.integration.casefold() == reference.integration.casefold()
        and normalised(remembered.endpoint) == reference.text
    )


class _Lines:
    """The lines of one integration."""

    def __init__(self, integration: str, series: Sequence[Series]) -> None:
        self._integration = integration
        self._series = series
        self._exact = _Names(series, str)
        self._folded = _Names(series, str.casefold)

    def resolve(self, reference: Reference, remembered_id: str | None) -> Resolution:
        if reference.account_id is not None:
            candidates = self._by_account(reference.account_id)
        else:
            candidates = []
        candidates = candidates or self._by_name(reference.text)
        if len(candidates) > 1:
            note = (
                f"{reference.text!r} names {len(candidates)} lines of {self._integration}: "
                f"{_quoted(candidates)}; refer to one of them"
            )
            return self._unresolved("ambiguous_endpoint", remembered_id, note)
        remembered = self._by_account(remembered_id) if remembered_id else []
        if not candidates:
            return self._without_name(reference, remembered, remembered_id)
        (line,) = candidates
        if remembered_id is None or line.account_id == remembered_id:
            return self._resolved("found", line)
        if remembered:
            note = (
                f"{reference.text!r} is now another account than before, which is called "
                f"{_quoted(remembered)} today: choose between "
                f"{', '.join(_by_id(each) for each in (*remembered, line))}"
            )
            return self._unresolved("ambiguous_endpoint", remembered_id, note)
        note = "answered by another account than before, which no longer has figures"
        return self._resolved("found", line, note)

    def _without_name(
        self, reference: Reference, remembered: Sequence[Series], remembered_id: str | None
    ) -> Resolution:
        if len(remembered) == 1:
            note = f"{reference.text!r} is called {_quoted(remembered)} at {self._integration} now"
            return self._resolved("renamed", remembered[0], note)
        if reference.account_id is not None:
            note = f"{self._integration} has no account with this id"
            return self._unresolved("unknown_endpoint", remembered_id, note)
        known = {normalised(line.endpoint).casefold(): line.endpoint for line in self._series}
        near = get_close_matches(reference.text.casefold(), known, _NEAREST, _LIKENESS)
        nearest = ", ".join(repr(known[name]) for name in near) or "none alike"
        note = f"{self._integration} has no line called {reference.text!r}; nearest: {nearest}"
        return self._unresolved("unknown_endpoint", remembered_id, note)

    def _by_account(self, account_id: str) -> list[Series]:
        wanted = account_id.casefold()
        return [line for line in self._series if (line.account_id or "").casefold() == wanted]

    def _by_name(self, text: str) -> list[Series]:
        for names in (self._exact, self._folded):
            found = names.find(text)
            if found:
                return [self._series[i] for i in sorted(found)]
        return []

    def _resolved(self, outcome: Outcome, line: Series, note: str = "") -> Resolution:
        return Resolution(outcome, self._integration, line, line.account_id, note)

    def _unresolved(self, outcome: Outcome, remembered_id: str | None, note: str) -> Resolution:
        return Resolution(outcome, self._integration, None, remembered_id, note)


class _Names:
    """
    Positions of lines by the names that may refer to them.

    The endpoint name and the label of a line take precedence, then the longer names that begin
    with sections. A reference that was qualified while two lines shared a label thus remains
    valid when one of the two is gone.
    """

    def __init__(self, series: Sequence[Series], fold: Callable[[str], str]) -> None:
        self._fold = fold
        self._own: dict[str, set[int]] = defaultdict(set)
        self._qualified: dict[str, set[int]] = defaultdict(set)
        for position, line in enumerate(series):
            for name in (line.endpoint, line.label):
                self._own[fold(normalised(name))].add(position)
            for name in _qualified_names(line):
                self._qualified[fold(normalised(name))].add(position)

    def find(self, text: str) -> set[int]:
        key = self._fold(text)
        return self._own.get(key) or self._qualified.get(key) or set()


def _qualified_names(line: Series) -> Iterable[str]:
    path = (*line.section, line.label)
    for start in range(len(path) - 1):
        yield SECTION_SEPARATOR.join(path[start:])
    if line.statement in set(Statement):
        yield SECTION_SEPARATOR.join((Statement(line.statement).heading, *path))


def _quoted(lines: Iterable[Series]) -> str:
    return ", ".join(repr(line.endpoint) for line in lines)


def _by_id(line: Series) -> str:
    if line.account_id is None:
        return repr(line.endpoint)
    return f"{line.integration}[#{line.account_id}] ({line.endpoint!r})"
