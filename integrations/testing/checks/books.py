"""Checks of accounting figures against the books that the sandbox keeps."""

from collections.abc import Iterator, Sequence
from datetime import date
from decimal import Decimal

from integrations.contracts import DataBatch, LineKind, Statement, StatementLine
from integrations.sandbox_kit import SandboxTenant
from integrations.testing.expectations import expect
from integrations.testing.harness import Harness
from integrations.testing.truth import BooksTruth, books_of

_MOST_TENANTS = 3
_ZERO = Decimal(0)


def check_every_figure_equals_the_books(harness: Harness) -> None:
    """Every account and month of several organisations is equal to the cent; none is left out."""
    harness.fresh()
    for tenant in harness.tenants()[:_MOST_TENANTS]:
        batch, truth = _batch(harness, tenant), _truth(harness, tenant)
        expect(
            (batch.tenant_id, batch.currency) == (tenant.id, truth.currency),
            expected=f"figures of {tenant.id} in {truth.currency}",
            found=f"figures of {batch.tenant_id} in {batch.currency}",
            why="amounts of another organisation or currency would be added to this one's",
        )
        listed: set[str] = set()
        for line in _accounts(batch):
            account_id = line.account_id or ""
            if account_id in truth.names:
                listed.add(account_id)
                _expect_statement(line, truth)
                _expect_values(line, truth.figures(account_id), tenant)
            else:
                _expect_earnings(line, truth, tenant)
        for account_id in sorted(truth.names.keys() - listed):
            figures = truth.figures(account_id)
            moved = next((month for month, amount in figures.items() if amount), None)
            expect(
                moved is None,
                expected=f"account {truth.names[account_id]!r} of {tenant.name} among the lines, as "
                f"it has a figure in {moved}",
                found="no line with its id",
                why="an account that is not listed counts as one without movement",
            )


def check_sums_prove_that_nothing_is_missing(harness: Harness) -> None:
    """Section totals are the sums of their accounts; the net profit is among the totals."""
    harness.fresh()
    tenant = harness.tenants()[0]
    batch, truth = _batch(harness, tenant), _truth(harness, tenant)
    totals = 0
    for line in batch.lines:
        if line.kind is not LineKind.SECTION_TOTAL or not line.section:
            continue
        accounts = [
            item
            for item in _accounts(batch)
            if item.statement == line.statement
            and item.section[: len(line.section)] == line.section
        ]
        totals += 1
        for month in batch.dates:
            total = sum((item.values[month] or _ZERO for item in accounts), _ZERO)
            expect(
                (line.values[month] or _ZERO) == total,
                expected=f"{' / '.join(line.section)}, {line.label!r} in {month}: {total}, the sum of "
                f"its {len(accounts)} accounts",
                found=f"{line.values[month]}",
                why="no other check finds a row that the parser loses or counts twice",
            )
    expect(
        totals > 0,
        expected="totals of sections among the lines",
        found="none",
        why="without them nothing proves that the accounts are complete",
    )
    profits = [
        line
        for line in batch.lines
        if line.statement is Statement.PROFIT_AND_LOSS
        and line.kind is not LineKind.ACCOUNT
        and all(line.values[month] == truth.net_profit[month] for month in batch.dates)
    ]
    expect(
        bool(profits),
        expected="a total of the profit and loss that is the books' net profit in every month",
        found="none",
        why="it is the figure that people compare first",
    )


def check_absent_and_zero_are_told_apart(harness: Harness) -> None:
    """A missing figure is None and no movement is 0; neither is replaced or dropped."""
    harness.fresh()
    seen = 0
    for tenant in harness.tenants()[:_MOST_TENANTS]:
        batch, truth = _batch(harness, tenant), _truth(harness, tenant)
        for line in _accounts(batch):
            if line.account_id is None or line.account_id not in truth.names:
                continue
            for month, true in truth.figures(line.account_id).items():
                found = line.values[month]
                seen += not true
                expect(
                    (found is None) == (true is None),
                    expected=f"{line.label!r} in {month}: "
                    + ("None, as the provider has no figure" if true is None else str(true)),
                    found=f"{found}",
                    why="a forecast treats a month without a figure and a month with nothing in it "
                    "differently",
                )
    expect(
        seen > 0,
        expected="a sandbox in which some account has a month at zero, or without a figure",
        found="none",
        why="a difference that never occurs cannot be checked",
    )


def _batch(harness: Harness, tenant: SandboxTenant) -> DataBatch:
    batch = harness.reference(tenant).batch
    if batch is None:
        raise TypeError("expected an accounting plugin")
    return batch


def _truth(harness: Harness, tenant: SandboxTenant) -> BooksTruth:
    return books_of(harness.control, tenant.id, harness.from_date, harness.today)


def _accounts(batch: DataBatch) -> Iterator[StatementLine]:
    return (line for line in batch.lines if line.kind is LineKind.ACCOUNT)


def _expect_statement(line: StatementLine, truth: BooksTruth) -> None:
    is_flow = line.account_id in truth.flows
    expect(
        is_flow == (line.statement is Statement.PROFIT_AND_LOSS),
        expected=f"{line.label!r} in the {'profit and loss' if is_flow else 'balance sheet'}",
        found=f"in the {line.statement.heading}",
        why="a movement is summed over months, a balance is not",
    )


def _expect_values(
    line: StatementLine, true: dict[date, Decimal | None], tenant: SandboxTenant
) -> None:
    for month, amount in true.items():
        found = line.values[month]
        expect(
            (found or _ZERO) == (amount or _ZERO),
            expected=f"{line.label!r} of {tenant.name} in {month}: {amount}, as in the books",
            found=f"{found}",
            why="a wrong number is worse than no number",
        )


def _expect_earnings(line: StatementLine, truth: BooksTruth, tenant: SandboxTenant) -> None:
    """Only the current year's profit may be an account row without an account in the books."""
    months: Sequence[date] = tuple(line.values)
    is_profit = bool(truth.earnings) and all(
        line.values[month] == truth.earnings[month] for month in months
    )
    expect(
        is_profit,
        expected=f"lines of accounts that {tenant.name} has, identified by the provider's id",
        found=f"{line.label!r} with account_id {line.account_id!r}",
        why="accounts are followed by id from fetch to fetch; a label is edited and identifies "
        "nothing",
    )


CHECKS = (
    check_every_figure_equals_the_books,
    check_sums_prove_that_nothing_is_missing,
    check_absent_and_zero_are_told_apart,
)
