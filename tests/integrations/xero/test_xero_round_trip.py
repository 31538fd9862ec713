"""Planner, emulator and parser agree on every month, for any day and any length."""

from datetime import date
from functools import cache

from hypothesis import given, settings
from hypothesis import strategies as st

from integrations.contracts import LineKind, Statement, month_ends, months_back
from integrations.sandbox_kit.books import COMPANIES, Books
from integrations.xero.adapter import join_reports
from integrations.xero.proofs import prove
from integrations.xero.reports import parse_report
from integrations.xero.sandbox import statements
from integrations.xero.sandbox.parameters import (
    balance_sheet_parameters,
    profit_and_loss_parameters,
)
from integrations.xero.windows import ReportQuery, plan_queries


@cache
def books(company: int, today: date) -> Books:
    return Books(COMPANIES[company], today=today)


def answer(query: ReportQuery, ledger: Books) -> dict[str, object]:
    """Return what the emulator answers, without HTTP in between."""
    params = {name: str(value) for name, value in query.params.items()}
    if query.statement is Statement.PROFIT_AND_LOSS:
        parameters = profit_and_loss_parameters(params, ledger.today)
        return {"Reports": [statements.profit_and_loss(ledger, parameters)]}
    parameters = balance_sheet_parameters(params, ledger.today)
    return {"Reports": [statements.balance_sheet(ledger, parameters)]}


@settings(deadline=None, max_examples=40)
@given(
    company=st.integers(0, len(COMPANIES) - 1),
    today=st.dates(date(2022, 1, 1), date(2027, 12, 31)),
    count=st.integers(1, 40),
    statement=st.sampled_from(list(Statement)),
)
def test_every_account_equals_the_books_in_every_month(
    company: int, today: date, count: int, statement: Statement
) -> None:
    ledger = books(company, today)
    first = months_back(today, count)
    months = month_ends(first, today)
    reports = []
    for query in plan_queries(statement, first, today):
        reports.append(parse_report(answer(query, ledger), query))
        prove(reports[-1])
    landed = {
        line.account_id: line.values
        for line in join_reports(reports, months)
        if line.kind is LineKind.ACCOUNT
    }

    flows = statement is Statement.PROFIT_AND_LOSS
    truth = ledger.monthly(months)
    for account in ledger.accounts:
        if account.kind.in_profit_and_loss is flows:
            expected = {month: truth[month][account.id] for month in months}
            assert landed.pop(account.id, dict.fromkeys(months, 0)) == expected
    if not flows:
        earnings = landed.pop(statements.CURRENT_YEAR_EARNINGS_ID)
        assert earnings == {month: ledger.current_year_earnings(month) for month in months}
    assert landed == {}
