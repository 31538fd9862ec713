"""Report JSON in, typed rows out."""

from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from support.xero_reports import account, computed, fixture, report, section, total

from integrations.contracts import LineKind, PayloadError, Statement
from integrations.xero.reports import parse_report
from integrations.xero.windows import ReportQuery, plan_queries

(QUERY,) = plan_queries(Statement.PROFIT_AND_LOSS, date(2026, 3, 1), date(2026, 5, 31))
(BALANCE,) = plan_queries(Statement.BALANCE_SHEET, date(2026, 3, 1), date(2026, 4, 30))
TWO = ReportQuery(
    Statement.PROFIT_AND_LOSS,
    (date(2026, 5, 1), date(2026, 5, 31)),
    (date(2026, 5, 31), date(2026, 4, 30)),
    frozenset({date(2026, 5, 31), date(2026, 4, 30)}),
)
TITLE, LABELS = "1 May 2026 to 31 May 2026", ("31 May 26", "30 Apr 26")


def amounts(*texts: str | None) -> tuple[Decimal | None, ...]:
    return tuple(None if text is None else Decimal(text) for text in texts)


def test_accounts_are_known_by_id_with_their_sections_and_trimmed_labels() -> None:
    rows = parse_report(fixture("profit_and_loss"), QUERY).rows

    assert [(r.account_id, r.section, r.label) for r in rows if r.kind is LineKind.ACCOUNT] == [
        ("a-sales", ("Income",), "Sales, Net (UK)"),
        ("a-cafe", ("Income",), "Café"),
        ("FXGROUPID", ("Plus Other Income",), "Foreign Currency Gains and Losses"),
        ("a-rent", ("Less Operating Expenses", "Premises"), "Rent [HQ]"),
        ("a-repairs", ("Less Operating Expenses",), "Repairs & Maintenance"),
    ]


def test_totals_of_sections_and_totals_that_xero_computes_are_told_apart() -> None:
    rows = parse_report(fixture("profit_and_loss"), QUERY).rows

    assert [(r.kind.value, r.section, r.label) for r in rows if r.account_id is None] == [
        ("section_total", ("Income",), "Total Income"),
        ("computed_total", (), "Gross Profit"),
        ("section_total", ("Plus Other Income",), "Total Other Income"),
        ("section_total", ("Less Operating Expenses", "Premises"), "Total Premises"),
        ("section_total", ("Less Operating Expenses",), "Total Operating Expenses"),
        ("computed_total", (), "NET PROFIT"),
    ]


def test_empty_cells_of_accounts_and_section_totals_are_zero() -> None:
    rows = {row.label: row for row in parse_report(fixture("profit_and_loss"), QUERY).rows}

    assert rows["Café"].values == amounts("10.25", "0", "0")
    assert rows["Total Income"].values == amounts("1210.75", "-119.00", "0")


def test_empty_cell_of_a_computed_total_is_no_figure() -> None:
    payload = report(TITLE, LABELS, section("", computed("Net Profit", "", "1.00")))

    (row,) = parse_report(payload, TWO).rows
    assert row.values == amounts(None, "1.00")


def test_balance_sheet_has_earnings_as_an_account_and_negative_liabilities() -> None:
    rows = {row.label: row for row in parse_report(fixture("balance_sheet"), BALANCE).rows}

    assert rows["Current Year Earnings"].kind is LineKind.ACCOUNT
    assert rows["Current Year Earnings"].account_id == "abababab-abab-abab-abab-abababababab"
    assert rows["VAT"].values == amounts("-170.35", "50.00")
    assert rows["Total Assets"].kind is LineKind.SECTION_TOTAL
    assert rows["Net Assets"].kind is LineKind.COMPUTED_TOTAL


def test_earnings_with_the_zero_id_are_an_account_too() -> None:
    zeros = "00000000-0000-0000-0000-000000000000"
    payload = report(TITLE, LABELS, section("Equity", account(zeros, "Earnings", "1.00", "2.00")))

    (row,) = parse_report(payload, TWO).rows
    assert (row.kind, row.account_id) == (LineKind.ACCOUNT, zeros)


def test_same_label_in_two_sections_stays_two_accounts() -> None:
    payload = report(
        TITLE,
        LABELS,
        section("Income", account("one", "Sales", "1.00", "2.00")),
        section("Plus Other Income", account("two", "Sales", "3.00", "4.00")),
    )

    assert [(r.account_id, r.section) for r in parse_report(payload, TWO).rows] == [
        ("one", ("Income",)),
        ("two", ("Plus Other Income",)),
    ]


def test_report_of_a_month_without_postings_has_no_rows() -> None:
    assert parse_report(report(TITLE, LABELS), TWO).rows == ()


@pytest.mark.parametrize(
    "dates",
    ["1 May 2026 to 31 May 2026", "For the month ended 31 May 2026", "01 May 26 to 31 May 26"],
)
def test_title_of_the_base_window_is_accepted_in_every_known_form(dates: str) -> None:
    assert parse_report(report(dates, LABELS), TWO).query is TWO


@pytest.mark.parametrize(
    ("dates", "found"),
    [
        ("31 May 2025 to 31 May 2026", "2025-05-31 to 2026-05-31"),
        ("1 May 2026 to 30 May 2026", "2026-05-01 to 2026-05-30"),
        ("For the month ended 30 April 2026", "2026-04-01 to 2026-04-30"),
    ],
)
def test_title_of_another_window_is_refused_and_both_are_named(dates: str, found: str) -> None:
    with pytest.raises(PayloadError) as caught:
        parse_report(report(dates, LABELS), TWO)

    assert str(caught.value) == (
        "ProfitAndLoss: ReportTitles[2]: expected 2026-05-01 to 2026-05-31, found " + found
    )


@pytest.mark.parametrize(
    "titles", [None, [], ["Profit & Loss", "Acme"], ["a", "b", "All dates"], ["a", "b", 3]]
)
def test_report_without_readable_dates_is_refused(titles: Any) -> None:
    payload = report(TITLE, LABELS)
    payload["Reports"][0]["ReportTitles"] = titles

    with pytest.raises(PayloadError, match=r"ReportTitles\[2\]: expected"):
        parse_report(payload, TWO)


def test_balance_sheet_of_another_day_is_refused() -> None:
    payload = fixture("balance_sheet")
    payload["Reports"][0]["ReportTitles"][2] = "As at 31 March 2026"

    with pytest.raises(PayloadError, match="expected 2026-04-30, found 2026-03-31"):
        parse_report(payload, BALANCE)


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        (("31 May 26",), "expected 2 columns, found 1"),
        (("31 May 26", "30 Apr 26", "31 Mar 26"), "expected 2 columns, found 3"),
        (("30 Apr 26", "31 May 26"), r"Cells\[1\]: expected column 2026-05-31, found 2026-04-30"),
        (("31 May 26", "29 Apr 26"), r"Cells\[2\]: expected column 2026-04-30, found 2026-04-29"),
        (("31 May 26", "30 Apr 25"), r"Cells\[2\]: expected column 2026-04-30, found 2025-04-30"),
        (("31 May 26", "Total"), r"Cells\[2\]: expected column 2026-04-30, found no date"),
    ],
)
def test_columns_of_other_months_are_refused(labels: tuple[str, ...], message: str) -> None:
    with pytest.raises(PayloadError, match=message):
        parse_report(report(TITLE, labels), TWO)


def test_columns_may_have_two_or_four_digit_years() -> None:
    payload = report(TITLE, ("31 May 2026", "30 April 26"))

    assert parse_report(payload, TWO).rows == ()


def test_row_with_too_few_cells_is_refused_by_place() -> None:
    payload = report(TITLE, LABELS, section("Income", account("one", "Sales", "1.00")))

    with pytest.raises(PayloadError) as caught:
        parse_report(payload, TWO)

    assert str(caught.value) == "ProfitAndLoss: Rows[1].Rows[0].Cells: expected 3 cells, found 2"


def test_unreadable_amount_is_refused_without_repeating_it() -> None:
    payload = report(TITLE, LABELS, section("Income", account("one", "Sales", "9,876.00", "1.00")))

    with pytest.raises(PayloadError) as caught:
        parse_report(payload, TWO)

    assert "Rows[1].Rows[0].Cells[1]: expected an amount" in str(caught.value)
    assert "876" not in str(caught.value)


def test_account_listed_twice_is_refused() -> None:
    payload = report(
        TITLE,
        LABELS,
        section("Income", account("one", "Sales", "1.00", "1.00")),
        section("Other", account("one", "Sales", "2.00", "2.00")),
    )

    with pytest.raises(PayloadError, match="section 'Other': expected every account once"):
        parse_report(payload, TWO)


@pytest.mark.parametrize(
    ("payload", "message"),
    [
        (None, "ProfitAndLoss: expected an object, found NoneType"),
        ({}, "ProfitAndLoss: Reports: expected 1 report, found 0"),
        ({"Reports": {}}, "ProfitAndLoss: Reports: expected a list, found dict"),
        (
            {"Reports": [{"ReportTitles": ["", "", TITLE]}]},
            "ProfitAndLoss: Rows: expected a row of type Header, found none",
        ),
        (
            report(TITLE, LABELS, {"RowType": "Footer"}),
            "ProfitAndLoss: Rows[1].RowType: expected Header, Section, Row or SummaryRow, found other text",
        ),
    ],
)
def test_answer_of_another_shape_is_refused_by_place(payload: Any, message: str) -> None:
    with pytest.raises(PayloadError) as caught:
        parse_report(payload, TWO)

    assert str(caught.value) == message


def test_parsing_does_not_change_its_input() -> None:
    payload = report(TITLE, LABELS, section("Income", total("Total Income", "0.00", "0.00")))

    assert parse_report(payload, TWO) == parse_report(payload, TWO)
