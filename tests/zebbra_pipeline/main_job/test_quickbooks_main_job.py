"""QuickBooks through the real services: connected by redirect, landed, compared with its books."""

from datetime import date

import pytest
from support.quickbooks_sandbox import chart
from support.stack import money, running_stack

from integrations.contracts import month_ends
from integrations.quickbooks.sandbox.realms import realm_id
from integrations.sandbox_kit.books import COMPANIES

TODAY = date(2025, 2, 28)
MONTHS = month_ends(date(2023, 3, 31), TODAY)
ACME = next(company for company in COMPANIES if "Acme Trading Inc" in company.name)


@pytest.fixture(scope="module")
def landed(tmp_path_factory):
    home = tmp_path_factory.mktemp("quickbooks")
    with running_stack(home, today=TODAY) as stack:
        stack.connect("initech", quickbooks="Acme Trading Inc")
        assert stack.refresh(initech="quickbooks").failures == {}
        yield stack


def test_every_account_and_month_equals_the_books_to_the_penny(landed):
    truth = chart(ACME, TODAY)
    monthly = truth.books.monthly(MONTHS)
    found = {
        (account, month): money(value)
        for account, month, value in landed.query(
            "SELECT account_id, month, value FROM data_points WHERE kind = 'account'"
        )
    }
    expected = {
        (truth.id_of(account), month): monthly[month][account.id]
        for account in truth.books.accounts
        for month in MONTHS
        if any(monthly[each][account.id] for each in MONTHS)
    } | {(None, month): truth.books.current_year_earnings(month) for month in MONTHS}

    assert found == expected
    assert len(found) > 24 * 30


def test_parent_account_and_its_total_are_two_endpoints(landed):
    books = chart(ACME, TODAY).books
    own, *below = (books.account(code).id for code in ("469", "445", "473"))
    rows = landed.query(
        "SELECT endpoint, section, value FROM data_points "
        "WHERE endpoint IN ('Rent [HQ]', 'Total Rent [HQ]') AND month = ? ORDER BY 1",
        TODAY,
    )
    first = date(2025, 2, 1)

    assert [(endpoint, section, money(value)) for endpoint, section, value in rows] == [
        ("Rent [HQ]", "Expenses", books.movement(own, first, TODAY)),
        (
            "Total Rent [HQ]",
            "Expenses / Rent [HQ]",
            sum(books.movement(id_, first, TODAY) for id_ in (own, *below)),
        ),
    ]


def test_company_of_the_redirect_is_pinned_and_its_currency_lands(landed):
    batches = landed.query(
        "SELECT DISTINCT integration, tenant_id, tenant_name, currency, basis FROM batches"
    )

    assert batches == [("QuickBooks", realm_id(ACME), ACME.name, "USD", "accrual")]


def test_routine_refresh_lives_through_the_daily_change_of_the_refresh_token(landed):
    control = landed.control("quickbooks")
    spent = []
    for _ in range(2):
        control.advance_clock(86_400)
        control.expire_access_tokens()
        result = landed.refresh(initech="quickbooks")
        spent.append(result.failures)

    assert spent == [{}, {}]
