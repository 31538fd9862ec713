"""Profit and loss, balance sheet and trial balance of some books, in QuickBooks' JSON."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from integrations.quickbooks.sandbox.chart import (
    BALANCE_SHEET,
    COGS,
    EQUITY,
    EXPENSES,
    INCOME,
    OTHER_EXPENSES,
    OTHER_INCOME,
    Chart,
    Group,
)
from integrations.quickbooks.sandbox.parameters import Column, ReportParameters
from integrations.sandbox_kit.books import Account

_Json = dict[str, Any]
_Figures = list[Decimal]
_ZERO = Decimal("0.00")


@dataclass(frozen=True, slots=True)
class _Block:
    """Rows with what they add up to; no rows if nothing in them has a figure."""

    rows: list[_Json]
    sums: _Figures

    def __bool__(self) -> bool:
        return bool(self.rows)


class StatementMaker:
    """
    Builds the rows of one report.

    Args:
        chart: The company's accounts.
        parameters: Range and columns.
        figure: Returns an account's figure of a column.
        with_total: Whether a last column adds up the others.
    """

    def __init__(
        self,
        chart: Chart,
        parameters: ReportParameters,
        figure: Callable[[Account, Column], Decimal],
        *,
        with_total: bool,
    ) -> None:
        self._chart = chart
        self._columns = parameters.columns
        self._figure = figure
        self._with_total = with_total and parameters.by != "Total"

    def group(self, group: Group, extra: _Block | None = None) -> _Block:
        """Return the section of a group; what has no figure in any column is left out."""
        blocks = [self.group(part, extra if part is EQUITY else None) for part in group.parts]
        blocks += [self._account(account) for account in self._chart.top_of(group.name)]
        if group is EQUITY and extra is not None:
            blocks.append(extra)
        rows = [row for block in blocks for row in block.rows]
        sums = self._add(*(block.sums for block in blocks))
        if not rows:
            return _Block([], sums)
        section = {
            "Header": self._cells(group.title, self._blank()),
            "Rows": {"Row": rows},
            "Summary": self._cells(group.total, sums),
            "type": "Section",
            "group": group.name,
        }
        return _Block([section], sums)

    def computed(self, group: str, title: str, sums: _Figures) -> _Block:
        """Return a figure that QuickBooks computes over sections."""
        row = {"Summary": self._cells(title, sums), "type": "Section", "group": group}
        return _Block([row], sums)

    def unnumbered(self, group: str, title: str, figures: _Figures) -> _Block:
        """Return an account row without an id."""
        row = {**self._cells(title, figures), "type": "Data", "group": group}
        return _Block([row], figures)

    def each(self, figure: Callable[[Column], Decimal]) -> _Figures:
        """Return one figure for each column."""
        return [figure(column) for column in self._columns]

    def less(self, one: _Figures, other: _Figures) -> _Figures:
        """Return the differences."""
        return [a - b for a, b in zip(one, other, strict=True)]

    def plus(self, one: _Figures, other: _Figures) -> _Figures:
        """Return the sums."""
        return self._add(one, other)

    def _account(self, account: Account) -> _Block:
        """Return an account's row, or its section if a sub-account has a figure."""
        own = [self._figure(account, column) for column in self._columns]
        name, id_ = account.name, self._chart.id_of(account)
        below = [self._account(child) for child in self._chart.below(account)]
        rows = [row for block in below for row in block.rows]
        if not rows:
            data = {**self._cells(name, _or_blank(own), id_), "type": "Data"}
            return _Block([data] if any(own) else [], own)
        sums = self._add(own, *(block.sums for block in below))
        section = {
            "Header": self._cells(name, _or_blank(own), id_),
            "Rows": {"Row": rows},
            "Summary": self._cells(f"Total {name}", sums),
            "type": "Section",
        }
        return _Block([section], sums)

    def _cells(self, title: str, figures: Sequence[Decimal | None], id_: str = "") -> _Json:
        label = {"value": title, "id": id_} if id_ else {"value": title}
        shown = list(figures)
        if self._with_total:
            known = [figure for figure in figures if figure is not None]
            shown.append(sum(known, _ZERO) if known else None)
        texts = ("" if figure is None else f"{figure:.2f}" for figure in shown)
        return {"ColData": [label, *({"value": text} for text in texts)]}

    def _blank(self) -> list[Decimal | None]:
        return [None] * len(self._columns)

    def _add(self, *many: _Figures) -> _Figures:
        return [sum(column, _ZERO) for column in zip(*many, strict=True)] or [_ZERO] * len(
            self._columns
        )


def profit_and_loss(chart: Chart, parameters: ReportParameters, *, now: datetime) -> _Json:
    """Return the report: each column has the postings of its days."""
    books = chart.books
    make = StatementMaker(
        chart,
        parameters,
        lambda account, column: books.movement(account.id, column.first, column.last),
        with_total=True,
    )
    income, cogs, expenses = make.group(INCOME), make.group(COGS), make.group(EXPENSES)
    others, costs = make.group(OTHER_INCOME), make.group(OTHER_EXPENSES)
    gross = make.computed("GrossProfit", "Gross Profit", make.less(income.sums, cogs.sums))
    operating = make.computed(
        "NetOperatingIncome", "Net Operating Income", make.less(gross.sums, expenses.sums)
    )
    other = make.computed("NetOtherIncome", "Net Other Income", make.less(others.sums, costs.sums))
    net = make.computed("NetIncome", "Net Income", make.plus(operating.sums, other.sums))
    blocks = [income, cogs, gross, expenses, operating, others, costs]
    blocks += [other, net] if others or costs else [net]
    rows = [row for block in blocks for row in block.rows]
    empty = not any((income, cogs, expenses, others, costs))
    return _report("ProfitAndLoss", chart, parameters, [] if empty else rows, now=now)


def balance_sheet(chart: Chart, parameters: ReportParameters, *, now: datetime) -> _Json:
    """Return the report: each column has the balances at the end of its last day."""
    books = chart.books
    make = StatementMaker(
        chart,
        parameters,
        lambda account, column: books.balance(account.id, column.last),
        with_total=False,
    )
    earned = make.each(lambda column: books.current_year_earnings(column.last))
    earnings = make.unnumbered("NetIncome", "Net Income", earned) if any(earned) else None
    blocks = [make.group(group, earnings) for group in BALANCE_SHEET]
    rows = [row for block in blocks for row in block.rows]
    return _report("BalanceSheet", chart, parameters, rows, now=now)


def trial_balance(chart: Chart, parameters: ReportParameters, *, now: datetime) -> _Json:
    """Return the report: debits and credits of the range, balances at its end."""
    books = chart.books
    rows: list[_Json] = []
    sums = [_ZERO, _ZERO]
    for account in books.accounts:
        flow = account.kind.in_profit_and_loss
        start = books.year_start(parameters.last)
        debit = account.kind.sign * (
            books.movement(account.id, start, parameters.last)
            if flow
            else books.balance(account.id, parameters.last)
        )
        if debit == 0:
            continue
        cells = [max(debit, _ZERO), max(-debit, _ZERO)]
        sums = [total + cell for total, cell in zip(sums, cells, strict=True)]
        texts = [f"{cell:.2f}" if cell else "" for cell in cells]
        label = {"value": ":".join(chart.path_of(account)), "id": chart.id_of(account)}
        rows.append({"ColData": [label, *({"value": text} for text in texts)]})
    if rows:
        total = [{"value": "TOTAL"}, *({"value": f"{amount:.2f}"} for amount in sums)]
        rows.append({"Summary": {"ColData": total}, "type": "Section", "group": "GrandTotal"})
    report = _report("TrialBalance", chart, parameters, rows, now=now)
    report["Columns"]["Column"][1:] = [
        {"ColTitle": title, "ColType": "Money", "MetaData": _named(ColKey=key)}
        for title, key in (("Debit", "debt_home_amt"), ("Credit", "credit_home_amt"))
    ]
    return report


def _report(
    name: str, chart: Chart, parameters: ReportParameters, rows: list[_Json], *, now: datetime
) -> _Json:
    total = name == "ProfitAndLoss" and parameters.by != "Total"
    return {
        "Header": {
            "Time": now.isoformat(timespec="seconds"),
            "ReportName": name,
            "ReportBasis": "Accrual",
            "StartPeriod": parameters.first.isoformat(),
            "EndPeriod": parameters.last.isoformat(),
            "SummarizeColumnsBy": parameters.by,
            "Currency": chart.books.company.currency,
            "Option": _named(AccountingStandard="GAAP", NoReportData=str(not rows).lower()),
        },
        "Columns": {
            "Column": [
                {"ColTitle": "", "ColType": "Account", "MetaData": _named(ColKey="account")},
                *(_column(column, parameters.by) for column in parameters.columns),
                *([_total_column()] if total else []),
            ]
        },
        "Rows": {"Row": rows} if rows else {},
    }


def _column(column: Column, by: str) -> _Json:
    if by == "Total":
        return _total_column()
    return {
        "ColTitle": column.title,
        "ColType": "Money",
        "MetaData": _named(
            StartDate=column.first.isoformat(),
            EndDate=column.last.isoformat(),
            ColKey=column.title,
        ),
    }


def _total_column() -> _Json:
    return {"ColTitle": "Total", "ColType": "Money", "MetaData": _named(ColKey="total")}


def _named(**values: str) -> list[_Json]:
    return [{"Name": name, "Value": value} for name, value in values.items()]


def _or_blank(figures: _Figures) -> list[Decimal | None]:
    return [figure or None for figure in figures]
