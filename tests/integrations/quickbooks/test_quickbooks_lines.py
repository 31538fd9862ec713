"""Reports of several ranges become one line for each account and total."""

from datetime import date
from decimal import Decimal

from support.quickbooks_reports import account, computed, parent, query, report, section

from integrations.contracts import LineKind, StatementLine
from integrations.quickbooks.adapter import join_reports
from integrations.quickbooks.reports import parse_report

OCTOBER, NOVEMBER = date(2026, 10, 31), date(2026, 11, 30)


def joined(newer: list, older: list) -> dict[str, StatementLine]:
    """Return the lines by label of a November and an October report."""
    reports = [
        parse_report(report(query(month), *rows, empty=not rows), query(month))
        for month, rows in ((NOVEMBER, newer), (OCTOBER, older))
    ]
    return {line.label: line for line in join_reports(reports, (OCTOBER, NOVEMBER))}


def figures(line: StatementLine) -> tuple[Decimal | None, Decimal | None]:
    return line.values[OCTOBER], line.values[NOVEMBER]


def test_accounts_join_by_id_and_the_newest_label_wins() -> None:
    lines = joined([account("7", "New name", "1.00")], [account("7", "Old name", "2.00")])

    assert figures(lines["New name"]) == (Decimal("2.00"), Decimal("1.00"))
    assert list(lines) == ["New name"]


def test_account_that_one_range_leaves_out_is_zero_there() -> None:
    lines = joined([account("7", "A", "1.00")], [account("8", "B", "2.00")])

    assert figures(lines["A"]) == (Decimal(0), Decimal("1.00"))
    assert figures(lines["B"]) == (Decimal("2.00"), Decimal(0))


def test_range_without_data_gives_zeros_and_no_computed_figure() -> None:
    income = section("Income", "Income", account("7", "A", "1.00"), total=("1.00",))
    lines = joined([income, computed("NetIncome", "Net Income", "1.00")], [])

    assert figures(lines["Total Income"]) == (Decimal(0), Decimal("1.00"))
    assert figures(lines["Net Income"]) == (None, Decimal("1.00"))


def test_parent_listed_without_its_sub_accounts_is_its_own_total() -> None:
    # In October no sub-account moved: QuickBooks lists the parent like any other account.
    with_child = parent(
        "1", "Rent", account("2", "Repairs", "3.00"), own=("5.00",), total=("8.00",)
    )
    for newer, older, expected in (
        ([with_child], [account("1", "Rent", "4.00")], ("4.00", "8.00")),
        ([account("1", "Rent", "4.00")], [with_child], ("8.00", "4.00")),
    ):
        lines = joined(newer, older)

        assert figures(lines["Total Rent"]) == tuple(Decimal(text) for text in expected)
        assert lines["Total Rent"].kind is LineKind.COMPUTED_TOTAL
        assert lines["Total Rent"].section == ("Rent",)
        assert lines["Rent"].section == ()


def test_parent_that_a_range_leaves_out_has_a_total_of_zero_there() -> None:
    idle = parent("1", "Rent", account("2", "Repairs", "3.00"), own=("",), total=("3.00",))
    lines = joined([account("9", "Other", "1.00")], [idle])

    assert figures(lines["Total Rent"]) == (Decimal("3.00"), Decimal(0))
    assert "Rent" not in lines


def test_parent_that_was_renamed_between_ranges_keeps_one_total() -> None:
    old = parent("1", "Old", account("2", "Repairs", "3.00"), own=("",), total=("3.00",))
    new = parent("1", "New", account("2", "Repairs", "4.00"), own=("",), total=("4.00",))
    lines = joined([new], [old])

    assert figures(lines["Total New"]) == (Decimal("3.00"), Decimal("4.00"))
    assert "Total Old" not in lines


def test_sub_accounts_of_the_same_name_stay_apart() -> None:
    truck = parent("1", "Truck", account("2", "Original Cost", "3.00"), own=("",), total=("3.00",))
    van = parent("4", "Van", account("5", "Original Cost", "6.00"), own=("",), total=("6.00",))
    asked = query(NOVEMBER)
    lines = join_reports([parse_report(report(asked, truck, van), asked)], (NOVEMBER,))

    assert [
        (line.section, line.values[NOVEMBER]) for line in lines if line.label == "Original Cost"
    ] == [(("Truck",), Decimal("3.00")), (("Van",), Decimal("6.00"))]
