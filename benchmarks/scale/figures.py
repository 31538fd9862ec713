"""Compares every landed figure and every merged row with the sandbox's own books, by value."""

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from pathlib import Path

import duckdb

from benchmarks.scale.models import ROWS
from benchmarks.scale.world import Phase, Workspace, World
from integrations.contracts import month_start
from integrations.sandbox_kit.books import AccountKind, Books

_AT_ONCE = 100
_FIGURES = """
    SELECT workspace_id, statement, kind, coalesce(account_id, endpoint), month, value
    FROM data_points WHERE workspace_id IN (SELECT unnest($1::VARCHAR[]))
"""
_ROWS = """
    SELECT workspace_id, row_name, month, value
    FROM model_values WHERE workspace_id IN (SELECT unnest($1::VARCHAR[]))
"""
_Figures = dict[tuple[str, str, str, date], Decimal | None]
_Rows = dict[tuple[str, date], Decimal | None]


@dataclass
class Compared:
    """
    What came of comparing.

    Attributes:
        figures: How many were compared and found equal.
        model_values: The same of the merged models' months.
        wrong: What differs, one line for each workspace.
    """

    figures: int
    model_values: int
    wrong: list[str]


def compare(
    world: World,
    published: Path,
    phase: Phase,
    months: tuple[date, ...],
    today: date,
    *,
    models: bool,
) -> Compared:
    """
    Compare what people read with the books.

    Args:
        world: Who should have which figures.
        published: The copy for people.
        phase: What has just been done.
        months: Those that should have landed.
        today: The day on which the books end.
        models: Whether they should have been merged.
    """
    result = Compared(0, 0, [])
    with duckdb.connect(str(published), read_only=True) as database:
        strange = database.execute("SELECT DISTINCT workspace_id FROM data_points").fetchall()
        landed = {workspace for (workspace,) in strange}
        for extra in sorted(landed - world.landing(phase)):
            result.wrong.append(f"{extra}: has figures, and should have none")
        for group in _groups(world):
            ids = [item.id for item in group]
            figures: dict[str, _Figures] = defaultdict(dict)
            for workspace, *key, value in database.execute(_FIGURES, [ids]).fetchall():
                figures[workspace][tuple(key)] = value
            rows: dict[str, _Rows] = defaultdict(dict)
            for workspace, name, month, value in database.execute(_ROWS, [ids]).fetchall():
                rows[workspace][name, month] = value
            for item in group:
                if not item.lands(phase):
                    continue
                books = item.books(phase, today)
                _compare_figures(result, item, books, figures[item.id], months)
                if models:
                    _compare_rows(result, item, books, rows[item.id], months)
    return result


def _groups(world: World) -> Iterator[tuple[Workspace, ...]]:
    for start in range(0, len(world.workspaces), _AT_ONCE):
        yield world.workspaces[start : start + _AT_ONCE]


def _compare_figures(
    result: Compared,
    workspace: Workspace,
    books: Books,
    found: _Figures,
    months: tuple[date, ...],
) -> None:
    """Compare accounts with the books, and the totals that Xero computes with what follows."""
    accounts = {key: value for key, value in found.items() if key[1] == "account"}
    expected = _accounts(books, months)
    known = {account.id for account in books.accounts}
    earnings = {key[3]: value for key, value in accounts.items() if key[2] not in known}
    own = {key: value for key, value in accounts.items() if key[2] in known}
    totals = {(key[2], key[3]): value for key, value in found.items() if key[1] != "account"}
    problems = [
        *_different("account", own, expected),
        *_different(
            "earnings", earnings, {month: books.current_year_earnings(month) for month in months}
        ),
        *_different(
            "Net Profit",
            {month: totals.get(("Net Profit", month)) for month in months},
            {month: books.net_profit(month_start(month), month) for month in months},
        ),
        *_different(
            "Net Assets",
            {month: totals.get(("Net Assets", month)) for month in months},
            {month: _net_assets(books, month) for month in months},
        ),
    ]
    if problems:
        result.wrong.append(f"{workspace.id}: {problems[0]} ({len(problems)} in all)")
        return
    result.figures += len(expected) + 3 * len(months)


def _accounts(
    books: Books, months: tuple[date, ...]
) -> dict[tuple[str, str, str, date], Decimal | None]:
    """Return what should have landed; an account without a figure in any month is left out."""
    monthly = books.monthly(months)
    expected: dict[tuple[str, str, str, date], Decimal | None] = {}
    for account in books.accounts:
        statement = "profit_and_loss" if account.kind.in_profit_and_loss else "balance_sheet"
        figures = {month: monthly[month][account.id] for month in months}
        if any(figures.values()):
            expected |= {
                (statement, "account", account.id, month): value for month, value in figures.items()
            }
    return expected


def _net_assets(books: Books, month: date) -> Decimal:
    """Return assets less liabilities at a month's end."""
    return sum(
        (
            books.balance(account.id, month) * account.kind.sign
            for account in books.accounts
            if not account.kind.in_profit_and_loss and account.kind is not AccountKind.EQUITY
        ),
        Decimal(0),
    )


def _compare_rows(
    result: Compared, workspace: Workspace, books: Books, found: _Rows, months: tuple[date, ...]
) -> None:
    """Compare the model's rows with the accounts that they stand for."""
    expected = {
        (name, month): sum(
            (
                books.movement(account.id, month_start(month), month)
                for account in books.accounts
                if account.code in codes
            ),
            Decimal(0),
        )
        for name, codes in ROWS.items()
        for month in months
    }
    problems = list(_different("model", found, expected))
    if problems:
        result.wrong.append(f"{workspace.id}: {problems[0]} ({len(problems)} in all)")
        return
    result.model_values += len(expected)


def _different(
    what: str, found: Mapping[object, Decimal | None], expected: Mapping[object, Decimal | None]
) -> Iterator[str]:
    """Yield where they differ, without amounts."""
    for key in found.keys() | expected.keys():
        if key not in found:
            yield f"{what} {key}: is missing"
        elif key not in expected:
            yield f"{what} {key}: should not be there"
        elif found[key] != expected[key]:
            yield f"{what} {key}: has another value than the books"
