"""No report is believed whose totals do not add up."""

from copy import deepcopy
from dataclasses import replace
from datetime import date
from typing import Any

import pytest
from support.quickbooks_reports import (
    account,
    computed,
    fixture,
    parent,
    query,
    report,
    section,
)

from integrations.contracts import PayloadError, Statement
from integrations.quickbooks.proofs import prove
from integrations.quickbooks.reports import parse_report

PROFIT = query(date(2026, 9, 30), date(2026, 10, 31), date(2026, 11, 30))
BALANCE = query(date(2026, 9, 30), date(2026, 10, 31), statement=Statement.BALANCE_SHEET)
ASKED = {"profit_and_loss": PROFIT, "balance_sheet": BALANCE}
OCTOBER = query(date(2026, 10, 31))


def summaries(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return every summary of a report, innermost first."""
    found = []
    for row in rows:
        found += summaries(row.get("Rows", {}).get("Row", []))
        if "Summary" in row:
            found.append(row["Summary"])
    return found


@pytest.mark.parametrize("name", ASKED)
def test_report_that_adds_up_is_believed(name: str) -> None:
    prove(parse_report(fixture(name), ASKED[name]))


@pytest.mark.parametrize("name", ASKED)
def test_every_single_total_is_proved(name: str) -> None:
    payload = fixture(name)
    count = len(summaries(payload["Rows"]["Row"]))
    labels = []
    for index in range(count):
        changed = deepcopy(payload)
        summary = summaries(changed["Rows"]["Row"])[index]["ColData"]
        labels.append(summary[0]["value"])
        summary[2]["value"] = "99.99"
        with pytest.raises(PayloadError, match=r"in 2026-10, found another amount"):
            prove(parse_report(changed, ASKED[name]))

    assert len(labels) == {"profit_and_loss": 10, "balance_sheet": 7}[name]


@pytest.mark.parametrize(
    ("id_", "total"),
    [("45", "Total Landscaping Services"), ("12", "Total Legal & Professional Fees")],
)
def test_lost_own_posting_of_a_parent_would_show(id_: str, total: str) -> None:
    whole = parse_report(fixture("profit_and_loss"), PROFIT)
    rows = tuple(row for row in whole.rows if row.account_id != id_)

    with pytest.raises(PayloadError, match=f"{total}': expected the sum of its . accounts"):
        prove(replace(whole, rows=rows))


def test_message_names_statement_total_and_month_but_no_amount() -> None:
    row = section(
        "Income", "Income", account("1", "A", "5.00"), account("2", "B", "2.00"), total=("6.00",)
    )

    with pytest.raises(PayloadError) as caught:
        prove(parse_report(report(OCTOBER, row), OCTOBER))
    assert str(caught.value) == (
        "Profit and Loss: section 'Income': 'Total Income': expected the sum of its 2 accounts "
        "in 2026-10, found another amount"
    )


def test_total_of_a_parent_counts_itself_and_all_accounts_below() -> None:
    inner = parent("2", "Inner", account("3", "Leaf", "4.00"), own=("2.00",), total=("6.00",))
    outer = parent("1", "Outer", inner, own=("1.00",), total=("7.00",))

    prove(
        parse_report(
            report(OCTOBER, section("Expenses", "Expenses", outer, total=("7.00",))), OCTOBER
        )
    )
    outer["Summary"]["ColData"][1]["value"] = "6.00"
    with pytest.raises(PayloadError, match="'Total Outer': expected the sum of its 3 accounts"):
        prove(parse_report(report(OCTOBER, outer), OCTOBER))


def test_computed_figure_that_does_not_follow_is_refused() -> None:
    income = section("Income", "Income", account("1", "A", "5.00"), total=("5.00",))
    wrong = computed("GrossProfit", "Bénéfice brut", "4.00")

    with pytest.raises(
        PayloadError, match=r"'Bénéfice brut': expected what follows from 'Total Income' in"
    ):
        prove(parse_report(report(OCTOBER, income, wrong), OCTOBER))


def test_computed_figures_are_not_judged_where_a_section_is_unknown_to_us() -> None:
    income = section("Income", "Income", account("1", "A", "5.00"), total=("5.00",))
    taxes = section("ProvisionForTaxes", "Taxes", account("2", "T", "1.00"), total=("1.00",))
    net = computed("NetIncome", "Net Income", "4.00")

    prove(parse_report(report(OCTOBER, income, taxes, net), OCTOBER))


def test_assets_that_are_not_liabilities_and_equity_are_refused() -> None:
    asked = query(date(2026, 10, 31), statement=Statement.BALANCE_SHEET)
    assets = section("TotalAssets", "ASSETS", account("1", "Bank", "5.00"), total=("5.00",))
    others = section(
        "TotalLiabilitiesAndEquity", "LIABILITIES", account("2", "Loan", "4.00"), total=("4.00",)
    )

    with pytest.raises(
        PayloadError,
        match=r"Balance Sheet: 'Total ASSETS': expected 'Total LIABILITIES' in 2026-10",
    ):
        prove(parse_report(report(asked, assets, others), asked))
