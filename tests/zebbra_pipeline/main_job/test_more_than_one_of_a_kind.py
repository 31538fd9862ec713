"""Two accounting providers in one workspace merge; two organisations of one provider do not."""

import json
from datetime import date
from decimal import Decimal

import pytest
from support.stack import books_of, money, running_stack

from integrations.contracts import month_end, month_ends, month_start
from integrations.sandbox_kit import ConsentError
from integrations.sandbox_kit.books import AccountKind
from zebbra_pipeline.merge.starter import starter_model

TODAY = date(2025, 2, 28)
MONTHS = month_ends(date(2024, 1, 31), TODAY)
COMPANY = "Acme Trading Inc"
ONLY_IN_XERO = Decimal("1234.56")
"""Posted to January in Xero's books alone, so that the two providers' figures differ."""
LANDED = """
SELECT DISTINCT points.integration, tenant_name, points.currency
FROM data_points AS points JOIN batches USING (batch_id)
WHERE points.workspace_id = ?
"""
FIGURES = "SELECT * EXCLUDE (batch_id) FROM data_points WHERE workspace_id = ? ORDER BY ALL"


@pytest.fixture(scope="module")
def stack(tmp_path_factory):
    home = tmp_path_factory.mktemp("two")
    with running_stack(home, today=TODAY, history_months=len(MONTHS)) as running:
        yield running


@pytest.fixture(scope="module")
def income():
    """The income of each month by the books that both sandboxes keep."""
    books = books_of(COMPANY, TODAY)
    accounts = [item.id for item in books.accounts if item.kind is AccountKind.INCOME]
    return {
        month: sum(books.movement(account, month_start(month), month) for account in accounts)
        for month in MONTHS
    }


@pytest.fixture(scope="module")
def merged(stack):
    """A workspace with both, and one model document that refers to both."""
    books = books_of(COMPANY, TODAY)
    sales = next(item for item in books.accounts if item.kind is AccountKind.INCOME)
    stack.control("xero").post(
        "restate",
        tenant_id=books.company.id,
        account=sales.id,
        day="2025-01-15",
        amount=str(ONLY_IN_XERO),
    )
    stack.connect("both", xero=COMPANY, quickbooks=COMPANY)
    document = starter_model(
        "Both", starting_month=MONTHS[0], rows={"Revenues": ("Total Income", "Sales, Net (UK)")}
    )
    second = document["sheets"][0]["sections"][0]["rows"][1]
    second |= {"name": "As QuickBooks says", "integration_name": "QuickBooks[Total Income]"}
    path = stack.settings.models / "both" / "plan.json"
    path.parent.mkdir(parents=True)
    path.write_text(json.dumps(document))
    result = stack.refresh(both="xero quickbooks")

    assert result.failures == {}
    return stack


def test_xero_and_quickbooks_of_one_workspace_both_land(merged):
    assert sorted(merged.query(LANDED, "both")) == [
        ("QuickBooks", f"{COMPANY} (sandbox)", "USD"),
        ("Xero", f"{COMPANY} (sandbox)", "USD"),
    ]


def test_one_model_takes_each_row_from_the_provider_that_it_names(merged, income):
    rows = merged.query(
        "SELECT integration, endpoint, month, value, status FROM model_values "
        "WHERE workspace_id = 'both' AND month <= ? ORDER BY ALL",
        TODAY,
    )
    found = {(name, month): money(value) for name, _, month, value, _ in rows}
    january = month_end(date(2025, 1, 1))
    expected = {("QuickBooks", month): income[month] for month in MONTHS} | {
        ("Xero", month): income[month] + (ONLY_IN_XERO if month == january else 0)
        for month in MONTHS
    }

    assert found == expected
    assert {endpoint for _, endpoint, *_ in rows} == {"Total Income"}
    assert {status for *_, status in rows} == {"actual", "provisional"}


def test_both_are_listed_as_what_a_model_can_refer_to(merged):
    done = merged.zebbra("endpoints", "both", "--json")
    offered = {(item["integration"], item["endpoint"]) for item in json.loads(done.stdout)}

    assert {("Xero", "Total Income"), ("QuickBooks", "Total Income")} <= offered


def test_second_organisation_of_one_provider_is_refused_and_the_books_stay(stack):
    stack.connect("one", xero=COMPANY)
    assert stack.refresh(one="xero").failures == {}
    before = stack.query(FIGURES, "one")

    with pytest.raises(ConsentError, match="answers 409"):
        stack.connect("one", xero="Globex")

    assert stack.refresh(one="xero").failures == {}
    assert stack.query(FIGURES, "one") == before
    assert stack.query(LANDED, "one") == [("Xero", f"{COMPANY} (sandbox)", "USD")]


def test_after_disconnecting_the_new_organisations_whole_history_takes_the_place(stack):
    stack.connect("moved", xero=COMPANY)
    assert stack.refresh(moved="xero").failures == {}
    stack.disconnect("moved", "xero")
    assert stack.query(LANDED, "moved") == [("Xero", f"{COMPANY} (sandbox)", "USD")]

    stack.connect("moved", xero="Globex")
    assert stack.refresh(moved="xero").failures == {}

    assert stack.query(LANDED, "moved") == [("Xero", "Globex GmbH (sandbox)", "EUR")]
    months = stack.query(
        "SELECT DISTINCT month FROM data_points WHERE workspace_id = 'moved' ORDER BY 1"
    )
    assert [month for (month,) in months] == list(MONTHS)
