"""Windows joined into lines, and the sums they must satisfy."""

from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from support.xero_reports import account, computed, fixture, report, section, total

from integrations.contracts import PayloadError, Statement
from integrations.xero.adapter import join_reports
from integrations.xero.proofs import prove
from integrations.xero.reports import Report, parse_report
from integrations.xero.windows import ReportQuery, plan_queries

MAY, APRIL = date(2026, 5, 31), date(2026, 4, 30)


def window(month: date, title: str, label: str, *rows: dict[str, Any]) -> Report:
    query = ReportQuery(
        Statement.PROFIT_AND_LOSS, (month.replace(day=1), month), (month,), frozenset({month})
    )
    return parse_report(report(title, [label], *rows), query)


def may(*rows: dict[str, Any]) -> Report:
    return window(MAY, "1 May 2026 to 31 May 2026", "31 May 26", *rows)


def april(*rows: dict[str, Any]) -> Report:
    return window(APRIL, "1 April 2026 to 30 April 2026", "30 Apr 26", *rows)


def values(lines: Any) -> dict[str, tuple[str | None, ...]]:
    return {
        line.label: tuple(
            None if line.values[day] is None else str(line.values[day]) for day in (APRIL, MAY)
        )
        for line in lines
    }


def test_account_absent_from_one_window_is_zero_there() -> None:
    lines = join_reports(
        [
            may(section("Income", account("one", "Sales", "5.00"))),
            april(section("Income", account("two", "Café", "7.00"))),
        ],
        (APRIL, MAY),
    )

    assert values(lines) == {"Sales": ("0", "5.00"), "Café": ("7.00", "0")}


def test_absent_section_total_is_zero_and_absent_computed_total_unknown() -> None:
    lines = join_reports(
        [
            may(),
            april(
                section("Income", account("one", "Sales", "7.00"), total("Total Income", "7.00")),
                section("", computed("Net Profit", "7.00")),
            ),
        ],
        (APRIL, MAY),
    )

    assert values(lines)["Total Income"] == ("7.00", "0")
    assert values(lines)["Net Profit"] == ("7.00", None)


def test_renamed_and_moved_account_is_one_line_with_its_newest_name_and_section() -> None:
    (line,) = join_reports(
        [
            may(section("Plus Other Income", account("one", "Sales (new)", "5.00"))),
            april(section("Income", account("ONE", "Sales", "4.00"))),
        ],
        (APRIL, MAY),
    )

    assert (line.label, line.section) == ("Sales (new)", ("Plus Other Income",))
    assert line.values == {APRIL: Decimal("4.00"), MAY: Decimal("5.00")}


def test_totals_are_joined_whatever_the_case_of_their_labels() -> None:
    lines = join_reports(
        [
            may(section("", computed("Net Profit", "5.00"))),
            april(section("", computed("NET PROFIT", "4.00"))),
        ],
        (APRIL, MAY),
    )

    assert values(lines) == {"Net Profit": ("4.00", "5.00")}


def test_lines_known_only_to_an_older_window_stand_after_their_neighbours() -> None:
    lines = join_reports(
        [
            may(section("Income", account("a", "A", "1.00"), account("c", "C", "1.00"))),
            april(section("Income", account("a", "A", "1.00"), account("b", "B", "1.00"))),
        ],
        (APRIL, MAY),
    )

    assert [line.label for line in lines] == ["A", "B", "C"]


def test_by_product_columns_do_not_enter_the_lines() -> None:
    (query,) = plan_queries(Statement.PROFIT_AND_LOSS, date(2026, 3, 1), APRIL)
    parsed = parse_report(
        report(
            "1 May 2026 to 31 May 2026",
            ["31 May 26", "30 Apr 26", "31 Mar 26"],
            section("Income", account("a", "A", "99.00", "4.00", "3.00")),
        ),
        query,
    )
    (line,) = join_reports([parsed], (date(2026, 3, 31), APRIL))

    assert line.values == {date(2026, 3, 31): Decimal("3.00"), APRIL: Decimal("4.00")}


@pytest.mark.parametrize("name", ["profit_and_loss", "balance_sheet"])
def test_sound_report_is_believed(name: str) -> None:
    statement = Statement(name)
    last = MAY if statement is Statement.PROFIT_AND_LOSS else APRIL
    (query,) = plan_queries(statement, date(2026, 3, 1), last)

    prove(parse_report(fixture(name), query))


def test_section_total_that_is_not_the_sum_of_its_accounts_is_refused() -> None:
    broken = may(section("Income", account("a", "A", "1234.56"), total("Total Income", "1234.57")))

    with pytest.raises(PayloadError) as caught:
        prove(broken)

    assert str(caught.value) == (
        "Profit and Loss: section 'Income': 'Total Income': expected the sum of its 1 accounts "
        "in 2026-05, found another amount"
    )


def test_sections_of_the_same_title_are_proved_apart() -> None:
    one = section("Other", account("a", "A", "5.00"), total("Total Other", "5.00"))
    two = section("Other", account("b", "B", "2.00"), total("Total Other", "2.00"))
    report_ = may(one, two)

    prove(report_)
    assert [line.values[MAY] for line in join_reports([report_], (MAY,))] == [
        Decimal("5.00"),
        Decimal("5.00"),
        Decimal("2.00"),
        Decimal("2.00"),
    ]


def test_total_of_an_untitled_section_is_proved_if_it_holds_accounts() -> None:
    prove(may(section("", total("Total Assets", "5.00"))))
    with pytest.raises(PayloadError, match="'Total': expected the sum of its 1 accounts"):
        prove(may(section("", account("a", "A", "5.00"), total("Total", "6.00"))))


def test_total_around_nested_sections_counts_all_accounts_within() -> None:
    inner = section("Premises", account("a", "Rent", "5.00"), total("Total Premises", "5.00"))
    outer = section("Expenses", inner, account("b", "Café", "2.00"), total("Total", "7.00"))

    prove(may(outer))


def test_net_assets_that_are_not_the_equity_are_refused() -> None:
    payload = fixture("balance_sheet")
    net_assets = payload["Reports"][0]["Rows"][7]["Rows"][0]["Cells"]
    net_assets[2]["Value"] = "849.00"
    (query,) = plan_queries(Statement.BALANCE_SHEET, date(2026, 3, 1), APRIL)

    with pytest.raises(PayloadError, match=r"Balance Sheet: 'Net Assets': .* in 2026-03"):
        prove(parse_report(payload, query))
