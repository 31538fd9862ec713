"""Report JSON in, typed rows out."""

from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from support.quickbooks_reports import (
    account,
    cells,
    column,
    computed,
    fixture,
    parent,
    query,
    report,
    section,
)

from integrations.contracts import LineKind, PayloadError, Statement
from integrations.quickbooks.reports import TooMuchDataError, parse_report

SEPTEMBER, OCTOBER, NOVEMBER = date(2026, 9, 30), date(2026, 10, 31), date(2026, 11, 30)
PROFIT = query(SEPTEMBER, OCTOBER, NOVEMBER)
BALANCE = query(SEPTEMBER, OCTOBER, statement=Statement.BALANCE_SHEET)
TWO = query(SEPTEMBER, OCTOBER)


def amounts(*texts: str | None) -> tuple[Decimal | None, ...]:
    return tuple(None if text is None else Decimal(text) for text in texts)


def by_label(name: str, asked: Any) -> dict[str, Any]:
    return {row.label: row for row in parse_report(fixture(name), asked).rows}


def test_accounts_are_known_by_id_with_the_sections_around_them_and_trimmed_labels() -> None:
    rows = parse_report(fixture("profit_and_loss"), PROFIT).rows

    assert [(r.account_id, r.section, r.label) for r in rows if r.kind is LineKind.ACCOUNT] == [
        ("82", ("Income",), "Design income"),
        ("45", ("Income",), "Landscaping Services"),
        ("49", ("Income", "Landscaping Services", "Job Materials"), "Plants and Soil"),
        ("51", ("Income", "Landscaping Services"), "Labor"),
        ("12", ("Expenses",), "Legal & Professional Fees"),
        ("69", ("Expenses", "Legal & Professional Fees"), "Accounting"),
        (None, ("Other Expenses",), "Unrealized Gain or Loss"),
    ]


def test_what_was_posted_to_a_parent_account_itself_is_read_from_its_header() -> None:
    rows = by_label("profit_and_loss", PROFIT)

    assert rows["Landscaping Services"].values == amounts("300.00", "-20.00", "0")
    assert rows["Legal & Professional Fees"].values == amounts("75.00", "600000.00", "0")


def test_parent_account_with_a_blank_header_has_nothing_of_its_own() -> None:
    assert "Job Materials" not in by_label("profit_and_loss", PROFIT)


def test_three_kinds_of_totals_are_told_apart() -> None:
    rows = parse_report(fixture("profit_and_loss"), PROFIT).rows

    assert [
        (r.kind.value, r.parent_id, r.group, r.section, r.label)
        for r in rows
        if r.kind is not LineKind.ACCOUNT
    ] == [
        ("computed_total", "46", None, ("Income", "Landscaping Services", "Job Materials"), "Total Job Materials"),
        ("computed_total", "45", None, ("Income", "Landscaping Services"), "Total Landscaping Services"),
        ("section_total", None, "Income", ("Income",), "Total Income"),
        ("computed_total", None, "GrossProfit", (), "Gross Profit"),
        ("computed_total", "12", None, ("Expenses", "Legal & Professional Fees"), "Total Legal & Professional Fees"),
        ("section_total", None, "Expenses", ("Expenses",), "Total Expenses"),
        ("computed_total", None, "NetOperatingIncome", (), "Net Operating Income"),
        ("section_total", None, "OtherExpenses", ("Other Expenses",), "Total Other Expenses"),
        ("computed_total", None, "NetOtherIncome", (), "Net Other Income"),
        ("computed_total", None, "NetIncome", (), "Net Income"),
    ]  # fmt: skip


def test_empty_cells_are_zero_for_accounts_and_sums_and_no_figure_for_computed_ones() -> None:
    rows = by_label("profit_and_loss", PROFIT)

    assert rows["Design income"].values == amounts("1000.00", "0", "250.50")
    assert rows["Net Other Income"].values == amounts("0.00", "-1.25", None)


def test_months_come_from_the_columns_days_and_the_total_is_left_out() -> None:
    # The fixture's titles are French, and its November has come to the 24th.
    (line,) = [
        row.line(PROFIT)
        for row in parse_report(fixture("profit_and_loss"), PROFIT).rows
        if row.account_id == "69"
    ]

    assert line.values == {
        SEPTEMBER: Decimal("390.00"),
        OCTOBER: Decimal(0),
        NOVEMBER: Decimal("100.00"),
    }


def test_balance_sheet_has_groups_in_groups_and_the_years_profit_without_an_id() -> None:
    rows = by_label("balance_sheet", BALANCE)

    assert rows["Checking"].section == ("ASSETS", "Current Assets", "Bank Accounts")
    assert rows["Truck"].values == amounts("500.00", "650.00")
    assert rows["Depreciation"].section == ("ASSETS", "Fixed Assets", "Truck")
    assert rows["Net Income"].kind is LineKind.ACCOUNT
    assert (rows["Net Income"].account_id, rows["Net Income"].group) == (None, None)
    assert rows["TOTAL ASSETS"].group == "TotalAssets"


def test_report_tells_its_currency() -> None:
    assert parse_report(fixture("balance_sheet"), BALANCE).currency == "USD"


@pytest.mark.parametrize("rows", [{}, {"Row": []}, None])
@pytest.mark.parametrize("columns", [{}, None])
def test_report_without_data_has_no_rows_and_may_have_no_columns(rows: Any, columns: Any) -> None:
    payload = report(TWO, empty=True)
    payload |= {"Rows": rows, "Columns": columns}

    assert parse_report(payload, TWO).rows == ()


def test_report_without_rows_that_does_not_say_so_is_refused() -> None:
    with pytest.raises(PayloadError, match="expected rows, or NoReportData, found neither"):
        parse_report(report(TWO), TWO)


def test_old_report_with_a_title_alone_in_its_header_is_read() -> None:
    row = section("Income", "Income", account("1", "Sales", "1.00", "2.00"), total=("1.00", "2.00"))
    row["Header"] = cells("Income")

    assert [item.label for item in parse_report(report(TWO, row), TWO).rows] == [
        "Sales",
        "Total Income",
    ]


def test_notice_that_the_report_was_cut_off_is_found_wherever_it_stands() -> None:
    notice = {"value": "Unable to display more data. Please reduce the date range."}
    payload = report(TWO, account("1", "Sales", "1.00", "2.00"), {"ColData": [notice]})

    with pytest.raises(TooMuchDataError, match="found a report cut off"):
        parse_report(payload, TWO)


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        (
            "ReportName",
            "BalanceSheet",
            "ReportName: expected 'ProfitAndLoss', found 'BalanceSheet'",
        ),
        ("ReportBasis", "Cash", "ReportBasis: expected 'Accrual', found 'Cash'"),
        ("SummarizeColumnsBy", "Total", "SummarizeColumnsBy: expected 'Month', found 'Total'"),
        ("StartPeriod", "2026-01-01", "StartPeriod: expected '2026-09-01', found '2026-01-01'"),
        ("EndPeriod", "2026-10-30", "EndPeriod: expected '2026-10-31', found '2026-10-30'"),
        ("EndPeriod", None, "EndPeriod: expected '2026-10-31', found none"),
        ("Currency", "", "Currency: expected a code such as 'USD', found other text"),
        ("Currency", None, "Currency: expected a code such as 'USD', found NoneType"),
    ],
)
def test_report_about_something_else_is_refused_and_both_are_named(
    key: str, value: Any, message: str
) -> None:
    payload = report(TWO, account("1", "Sales", "1.00", "2.00"))
    payload["Header"][key] = value

    with pytest.raises(PayloadError) as caught:
        parse_report(payload, TWO)
    assert str(caught.value) == f"ProfitAndLoss: Header.{message}"


@pytest.mark.parametrize(
    ("index", "first", "last", "found"),
    [
        (
            1,
            "2026-09-02",
            "2026-09-30",
            r"\[1\]: expected 2026-09-01 to 2026-09-30, found 2026-09-02",
        ),
        (1, "2026-09-01", "2026-09-29", r"\[1\]: expected .* found 2026-09-01 to 2026-09-29"),
        (2, "2025-10-01", "2025-10-31", r"\[2\]: expected .* found 2025-10-01 to 2025-10-31"),
    ],
)
def test_column_of_other_days_than_the_month_is_refused(
    index: int, first: str, last: str, found: str
) -> None:
    payload = report(TWO, account("1", "Sales", "1.00", "2.00"))
    payload["Columns"]["Column"][index] = column(
        date.fromisoformat(first), date.fromisoformat(last)
    )

    with pytest.raises(PayloadError, match=found):
        parse_report(payload, TWO)


def test_closed_month_that_ends_early_is_refused_and_the_running_one_is_not() -> None:
    asked = query(OCTOBER, NOVEMBER)
    payload = report(asked, account("1", "Sales", "1.00", "2.00"))
    payload["Columns"]["Column"][2] = column(date(2026, 11, 1), date(2026, 11, 24))

    assert parse_report(payload, asked).rows[0].values == amounts("1.00", "2.00")
    with pytest.raises(PayloadError, match="found 2026-11-01 to 2026-11-24"):
        parse_report(payload, query(OCTOBER, NOVEMBER, today=date(2026, 12, 1)))


def test_balance_may_have_begun_long_ago_but_must_end_with_the_month() -> None:
    payload = fixture("balance_sheet")
    payload["Columns"]["Column"][1]["MetaData"][1]["Value"] = "2026-09-29"

    with pytest.raises(PayloadError, match="found 2013-07-04 to 2026-09-29"):
        parse_report(payload, BALANCE)


def test_missing_month_is_refused() -> None:
    payload = report(TWO, account("1", "Sales", "1.00"))
    del payload["Columns"]["Column"][2]

    with pytest.raises(PayloadError, match="expected 2 months, found 1 columns"):
        parse_report(payload, TWO)


@pytest.mark.parametrize(
    ("row", "message"),
    [
        (account("1", "Sales", "1.00"), r"Rows\[0\]\.ColData: expected 3 cells, found 2"),
        (account("1", "Sales", "1,000.00", "2"), r"ColData\[1\]: expected an amount such as"),
        ({"type": "Data"}, r"Rows\[0\]: expected a section or cells, found neither"),
        ({"ColData": {}}, r"ColData: expected a list, found dict"),
        ("text", r"Rows\[0\]: expected an object, found str"),
        (
            section("Income", "Income", total=("1.00",)),
            r"Rows\[0\]\.Summary\.ColData: expected 3 cells, found 2",
        ),
    ],
)
def test_rows_of_another_shape_are_refused_by_place(row: Any, message: str) -> None:
    with pytest.raises(PayloadError, match=message) as caught:
        parse_report(report(TWO, row), TWO)
    assert "1,000.00" not in str(caught.value)


def test_account_that_stands_twice_is_refused() -> None:
    row = account("7", "Sales", "1.00", "2.00")

    with pytest.raises(PayloadError, match="expected every account once, found account 7 again"):
        parse_report(report(TWO, row, row), TWO)


def test_figures_in_the_header_of_a_section_without_id_are_kept() -> None:
    odd = parent("", "Odd", account("1", "A", "1.00", ""), own=("2.00", ""), total=("3.00", ""))
    rows = parse_report(report(TWO, odd), TWO).rows

    assert [(row.kind.value, row.account_id, row.label) for row in rows] == [
        ("account", None, "Odd"),
        ("account", "1", "A"),
        ("section_total", None, "Total Odd"),
    ]


def test_computed_figure_stands_outside_all_sections() -> None:
    (row,) = parse_report(report(TWO, computed("NetIncome", "Net Income", "", "1.00")), TWO).rows

    assert (row.section, row.closes, row.values) == ((), False, amounts(None, "1.00"))
