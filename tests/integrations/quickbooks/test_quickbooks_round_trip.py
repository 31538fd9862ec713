"""Planner, emulator and parser agree on every month, for any day, length and cut."""

from datetime import UTC, date, datetime
from functools import cache
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from integrations.contracts import LineKind, Statement, month_ends, months_back
from integrations.quickbooks.adapter import join_reports
from integrations.quickbooks.proofs import prove
from integrations.quickbooks.reports import parse_report
from integrations.quickbooks.sandbox import statements
from integrations.quickbooks.sandbox.chart import Chart
from integrations.quickbooks.sandbox.parameters import report_parameters
from integrations.quickbooks.windows import ReportQuery, plan_query
from integrations.sandbox_kit.books import COMPANIES, Account, Books

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
MAKERS = {
    Statement.PROFIT_AND_LOSS: statements.profit_and_loss,
    Statement.BALANCE_SHEET: statements.balance_sheet,
}


@cache
def chart(company: int, today: date) -> Chart:
    return Chart(Books(COMPANIES[company], today=today))


def answer(query: ReportQuery, ledger: Chart) -> dict[str, Any]:
    """Return what the emulator answers, without HTTP in between."""
    parameters = report_parameters(
        {name: str(value) for name, value in query.params.items()},
        today=ledger.books.today,
        year_start=ledger.books.year_start,
    )
    return MAKERS[query.statement](ledger, parameters, now=NOW)


def below(ledger: Chart, account: Account) -> list[Account]:
    """Return an account and all accounts below it."""
    return [account, *(deep for child in ledger.below(account) for deep in below(ledger, child))]


@settings(deadline=None, max_examples=40)
@given(
    company=st.integers(0, len(COMPANIES) - 1),
    today=st.dates(date(2022, 1, 1), date(2027, 12, 31)),
    count=st.integers(1, 40),
    most=st.integers(1, 14),
    statement=st.sampled_from(list(Statement)),
)
def test_every_account_and_parents_total_equals_the_books_in_every_month(
    company: int, today: date, count: int, most: int, statement: Statement
) -> None:
    ledger = chart(company, today)
    first = months_back(today, count)
    months = month_ends(first, today)
    reports = []
    for query in plan_query(statement, first, today).parts(most):
        reports.append(parse_report(answer(query, ledger), query))
        prove(reports[-1])
    lines = join_reports(reports, months)
    landed = {line.account_id: line.values for line in lines if line.kind is LineKind.ACCOUNT}
    totals = {
        line.section[-1]: line.values
        for line in lines
        if line.kind is LineKind.COMPUTED_TOTAL and line.section
    }

    flows = statement is Statement.PROFIT_AND_LOSS
    truth = ledger.books.monthly(months)
    for account in ledger.books.accounts:
        if account.kind.in_profit_and_loss is not flows:
            continue
        expected = {month: truth[month][account.id] for month in months}
        assert landed.pop(ledger.id_of(account), dict.fromkeys(months, 0)) == expected
        if account.name in totals and len(below(ledger, account)) > 1:
            assert totals.pop(account.name) == {
                month: sum(truth[month][item.id] for item in below(ledger, account))
                for month in months
            }
    if not flows:
        earnings = landed.pop(None, dict.fromkeys(months, 0))
        assert earnings == {month: ledger.books.current_year_earnings(month) for month in months}
    assert landed == totals == {}
