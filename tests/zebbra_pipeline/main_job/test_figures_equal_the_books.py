"""Connect, fetch, land and merge through the real services, and compare with the books."""

from datetime import date
from decimal import Decimal

import pytest
from support.stack import books_of, money

from integrations.contracts import month_ends, month_start
from integrations.gusto.sandbox import build_companies

pytestmark = pytest.mark.every_python
FIRST, LAST = date(2023, 3, 31), date(2025, 2, 28)
MONTHS = month_ends(FIRST, LAST)
WORKSPACES = {"acme": "Acme Trading Inc", "globex": "Globex"}


@pytest.fixture(scope="module")
def landed(stack):
    result = stack.refresh(acme="xero gusto", globex="xero")

    assert result.failures == {}
    return stack


def test_the_months_are_the_24_up_to_the_running_one_with_all_lengths(landed):
    months = [
        month for (month,) in landed.query("SELECT DISTINCT month FROM data_points ORDER BY 1")
    ]

    assert months == list(MONTHS)
    assert {month.day for month in months} == {28, 29, 30, 31}


@pytest.mark.parametrize("workspace", WORKSPACES)
def test_every_account_and_month_equals_the_books_to_the_penny(landed, workspace):
    books = books_of(WORKSPACES[workspace], landed.today)
    found = {
        (statement, account, month): money(value)
        for statement, account, month, value in landed.query(
            "SELECT statement, account_id, month, value FROM data_points "
            "WHERE workspace_id = ? AND kind = 'account'",
            workspace,
        )
    }
    expected, silent = {}, set()
    for account in books.accounts:
        flow = account.kind.in_profit_and_loss
        statement = "profit_and_loss" if flow else "balance_sheet"
        figures = {
            month: books.movement(account.id, month_start(month), month)
            if flow
            else books.balance(account.id, month)
            for month in MONTHS
        }
        if any(figures.values()):
            expected |= {(statement, account.id, month): figures[month] for month in MONTHS}
        else:
            silent.add(account.id)  # the provider leaves it out; absent is 0
    earnings = {
        key: value
        for key, value in found.items()
        if key[1] not in {account.id for account in books.accounts}
    }

    assert {key: value for key, value in found.items() if key not in earnings} == expected
    assert len({account for _, account, _ in earnings}) == 1
    assert {month: value for (_, _, month), value in earnings.items()} == {
        month: books.current_year_earnings(month) for month in MONTHS
    }
    assert len(expected) > 24 * 25


@pytest.mark.parametrize("workspace", WORKSPACES)
def test_each_section_total_equals_its_accounts(landed, workspace):
    rows = landed.query(
        """
        SELECT statement, section, month,
            sum(value) FILTER (kind = 'account'), any_value(value) FILTER (kind = 'section_total')
        FROM data_points WHERE workspace_id = ? AND section <> ''
        GROUP BY ALL HAVING bool_or(kind = 'section_total')
        """,
        workspace,
    )

    assert len(rows) > 24 * 8
    assert [row for row in rows if row[3] != row[4]] == []


@pytest.mark.parametrize("workspace", WORKSPACES)
def test_net_profit_equals_income_less_costs_and_the_balance_sheet_balances(landed, workspace):
    books = books_of(WORKSPACES[workspace], landed.today)
    endpoints = {
        (endpoint, month): money(value)
        for endpoint, month, value in landed.query(
            "SELECT endpoint, month, value FROM data_points WHERE workspace_id = ?", workspace
        )
    }
    for month in MONTHS:
        of = {name: endpoints[name, month] for name, each in endpoints if each == month}
        income = of["Total Income"] + of["Total Other Income"]
        costs = of["Total Cost of Sales"] + of["Total Operating Expenses"]

        assert of["Net Profit"] == income - costs == books.net_profit(month_start(month), month)
        assert of["Net Assets"] == of["Total Equity"]
        assert of["Total Assets"] - of["Total Liabilities"] == of["Net Assets"]
        assert books.imbalance(month) == 0


def test_only_the_running_month_is_provisional_until_it_has_ended(landed):
    (months,) = landed.query("SELECT list_distinct(list(month)) FROM data_points WHERE provisional")

    assert months == ([LAST],)


def test_payroll_costs_and_people_equal_the_sandboxs_own_truth(landed):
    company = build_companies(landed.today)[0]
    found = landed.query(
        "SELECT month, gross_pay, employer_taxes, benefits, reimbursements, total_cost, currency "
        "FROM payroll_costs WHERE workspace_id = 'acme' ORDER BY month"
    )

    assert [row[0] for row in found] == list(MONTHS)
    for month, gross, taxes, benefits, reimbursements, total, currency in found:
        truth = company.true_cost(month)
        assert (gross, taxes, benefits, reimbursements) == (
            truth["gross_pay"],
            truth["employer_taxes"],
            truth["benefits"],
            truth["reimbursements"],
        )
        assert total == gross + taxes + benefits
        assert currency == "USD"
    assert sum((row[1] for row in found), Decimal(0)) > 0
    people = landed.query("SELECT count(DISTINCT employee_id) FROM employees")
    assert people[0][0] == sum(
        any(spell.end is None or spell.end >= month_start(FIRST) for spell in person.spells)
        for person in company.people
    )


def test_a_first_pull_of_24_months_costs_five_report_calls_when_the_month_is_short(landed):
    rows = landed.query(
        "SELECT DISTINCT workspace_id, api_calls FROM batches WHERE api_type = 'accounting'"
    )

    # Five reports, and the organisation for its currency and lock dates.
    assert sorted(rows) == [("acme", 6), ("globex", 6)]


def test_a_routine_refresh_costs_two_report_calls_and_keeps_the_older_months(landed):
    before = landed.query("SELECT * EXCLUDE (batch_id) FROM data_points ORDER BY ALL")
    landed.control().clear_calls()

    result = landed.refresh(globex="xero")

    assert result.failures == {}
    assert len(landed.control().calls("/api.xro/2.0/Reports")) == 2
    assert landed.query("SELECT * EXCLUDE (batch_id) FROM data_points ORDER BY ALL") == before


def test_a_routine_refresh_keeps_people_who_left_long_ago(landed):
    people = "SELECT * EXCLUDE (batch_id) FROM employees ORDER BY ALL"
    before = landed.query(people)

    assert landed.refresh(acme="gusto").failures == {}

    assert landed.query(people) == before
    assert landed.query("SELECT count(*) FROM employees WHERE end_date < '2024-03-01'")[0][0] > 0


def test_dagster_shows_the_runs_with_their_metadata(landed):
    import dagster as dg

    from zebbra_pipeline.orchestration.dagster_home import open_instance

    with open_instance(landed.settings.dagster_home) as instance:
        assert set(instance.get_dynamic_partitions("workspace")) >= {"acme", "globex"}
        event = instance.get_latest_materialization_event(dg.AssetKey(["xero", "profit_and_loss"]))
        metadata = event.asset_materialization.metadata
        assert event.asset_materialization.partition == "globex"
        assert metadata["zebbra/currency"].value == "EUR"
        assert metadata["zebbra/to_month"].value == str(LAST)
        counted = landed.query(
            "SELECT count(*) FROM data_points WHERE workspace_id = 'globex' "
            "AND statement = 'profit_and_loss' AND month > '2024-03-31'"
        )
        assert metadata["dagster/row_count"].value == counted[0][0]
        (gusto,) = instance.fetch_materializations(
            dg.AssetRecordsFilter(
                asset_key=dg.AssetKey(["gusto", "employees"]), asset_partitions=["globex"]
            ),
            limit=1,
        ).records
        assert gusto.asset_materialization.metadata["zebbra/status"].value == "not_connected"
