"""Fills model rows with the monthly actuals of the lines that they refer to."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal

from integrations.contracts import month_end
from zebbra_pipeline.figures import Figure, MergedRow, ModelValue, Series, WorkspaceFigures
from zebbra_pipeline.merge.resolve import (
    LineIndex,
    MalformedReferenceError,
    Resolution,
    normalised,
    parse_reference,
)
from zebbra_pipeline.merge.schema import Row

_SEVERITY = ("missing_month", "renamed", "provisional", "actual")
_SUMMED = frozenset({"account", "section_total"})
_ZERO = Decimal(0)


@dataclass(frozen=True, slots=True)
class RowPlace:
    """The position of a row in the model."""

    sheet: str
    section: str


class RowMerger:
    """
    Fills the rows of one model, in the document's order.

    Attributes:
        currency: ISO 4217 code that all figures must have. If the model declares none, it is
            the currency of the first resolved row, and None before.
    """

    def __init__(
        self,
        figures: WorkspaceFigures,
        *,
        model_id: str,
        months: Sequence[date],
        today: date,
        currency: str | None,
    ) -> None:
        self.currency = currency
        self._declared = currency is not None
        self._index = LineIndex(figures.integrations, figures.series)
        self._covered = _covered_months(figures.series)
        self._remembered = figures.remembered
        self._model_id = model_id
        self._months = months
        self._running = month_end(today)

    def fill(self, row: Row, place: RowPlace) -> MergedRow:
        """Return *row* with one value for each month of the model, or with the reason for none."""
        try:
            reference = parse_reference(row.integration_name)
        except MalformedReferenceError as exc:
            written = normalised(row.integration_name or "")
            found = Resolution("unknown_endpoint", "", note=str(exc))
            return self._unfilled(row, place, found, written, status="unknown_endpoint")
        found = self._index.resolve(reference, self._remembered.get((self._model_id, row.id)))
        line = found.series
        if line is None:
            return self._unfilled(row, place, found, reference.text, status=found.outcome)
        self.currency = self.currency or line.currency
        if line.currency != self.currency:
            found = replace(found, note=self._mismatch(line))
            return self._unfilled(row, place, found, reference.text, status="currency_mismatch")
        values = tuple(self._value(line, month, found.outcome) for month in self._months)
        return _merged(
            row,
            place,
            found,
            reference.text,
            values=values,
            status=self._row_status(values),
            note="; ".join(filter(None, (found.note, self._remark(row)))),
        )

    def _value(self, line: Series, month: date, outcome: str) -> ModelValue:
        figure = self._figure(line, month) if month <= self._running else None
        if figure is None or figure.value is None:
            batch_id = figure.batch_id if figure else None
            return ModelValue(month, None, "missing_month", batch_id)
        status = "provisional" if figure.provisional else "actual"
        return ModelValue(
            month, figure.value, "renamed" if outcome == "renamed" else status, figure.batch_id
        )

    def _figure(self, line: Series, month: date) -> Figure | None:
        figure = line.figures.get(month)
        if figure is None and line.kind in _SUMMED:
            # A landed month is a full snapshot: a line that is missing from it had no movement.
            return self._covered[line.integration, line.statement].get(month)
        return figure

    def _row_status(self, values: Iterable[ModelValue]) -> str:
        begun = {value.status for value in values if value.month <= self._running}
        return next((status for status in _SEVERITY if status in begun), "missing_month")

    def _remark(self, row: Row) -> str:
        if self._months[0] > self._running:
            return "no month of this model has begun"
        if row.time_series and row.first_value_diff and row.starting_at > 0:
            return (
                f"starts {row.starting_at} months in with a first value of its own: "
                "the planner shows the actual of the model's first month there"
            )
        return ""

    def _mismatch(self, line: Series) -> str:
        origin = "as it says" if self._declared else "as its first filled row"
        return (
            f"{line.endpoint!r} of {line.integration} is in {line.currency}, "
            f"this model in {self.currency}, {origin}"
        )

    def _unfilled(
        self, row: Row, place: RowPlace, found: Resolution, written: str, *, status: str
    ) -> MergedRow:
        values = tuple(ModelValue(month, None, status, None) for month in self._months)
        return _merged(row, place, found, written, values=values, status=status, note=found.note)


def _merged(
    row: Row,
    place: RowPlace,
    found: Resolution,
    endpoint: str,
    *,
    values: tuple[ModelValue, ...],
    status: str,
    note: str,
) -> MergedRow:
    return MergedRow(
        sheet=place.sheet,
        section=place.section,
        row_id=row.id,
        row_name=row.name,
        integration=found.integration,
        endpoint=endpoint,
        account_id=found.account_id,
        currency=found.series.currency if found.series else None,
        status=status,
        note=note,
        values=values,
    )


def _covered_months(
    series: Iterable[Series],
) -> Mapping[tuple[str, str], Mapping[date, Figure]]:
    """Return a zero figure for each landed month, by integration and statement."""
    covered: dict[tuple[str, str], dict[date, Figure]] = defaultdict(dict)
    for line in series:
        months = covered[line.integration, line.statement]
        for month, figure in line.figures.items():
            known = months.get(month)
            provisional = figure.provisional or (known is not None and known.provisional)
            months[month] = Figure(_ZERO, provisional, figure.batch_id)
    return covered
