import copy
from dataclasses import replace
from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from support.merge_models import (
    APR,
    FEB,
    JAN,
    MAR,
    TODAY,
    a_model,
    a_row,
    a_series,
    first_values,
    landed,
    only_row,
)

from zebbra_pipeline.figures import Figure, MergedModel, RememberedRow, Series
from zebbra_pipeline.merge import merge_model


def merge_row(reference: str | None, *series: Series, **meta: Any) -> MergedModel:
    document = a_model([a_row("1", reference)], **meta)
    return merge_model(document, landed(*series), model_id="m", today=TODAY)


def merge_remembering(
    endpoint: str, account_id: str, *series: Series, reference: str | None = None
) -> MergedModel:
    remembered = {("m", "1"): RememberedRow("Xero", endpoint, account_id)}
    document = a_model([a_row("1", reference or f"Xero[{endpoint}]")])
    return merge_model(document, landed(*series, remembered=remembered), model_id="m", today=TODAY)


def test_row_has_one_entry_for_each_of_24_months_from_the_starting_month() -> None:
    merged = merge_row("Xero[Sales]", a_series(figures={JAN: "1", FEB: "2", MAR: "3"}))

    entries = merged.document["sheets"][0]["sections"][0]["rows"][0]["integration_values"]
    assert len(entries) == 24
    assert entries[:4] == [
        {"date": "2024-01-31", "value": "1.00"},
        {"date": "2024-02-29", "value": "2.00"},
        {"date": "2024-03-31", "value": "3.00"},
        {"date": "2024-04-30", "value": None},
    ]
    assert entries[23] == {"date": "2025-12-31", "value": None}


def test_month_without_a_figure_is_null_and_shifts_nothing() -> None:
    merged = merge_row("Xero[Sales]", a_series(figures={JAN: "1", MAR: "3"}))

    assert first_values(merged, 3) == ["1.00", None, "3.00"]
    assert only_row(merged).status == "missing_month"
    assert [value.status for value in only_row(merged).values[:3]] == [
        "actual",
        "missing_month",
        "actual",
    ]


def test_figures_before_the_starting_month_do_not_shift_the_row() -> None:
    figures = {date(2023, 12, 31): "9", JAN: "1", FEB: "2", MAR: "3"}
    merged = merge_row("Xero[Sales]", a_series(figures=figures), starting_month="2024-02-17")

    assert first_values(merged, 3) == ["2.00", "3.00", None]
    assert only_row(merged).values[0].month == FEB


def test_months_after_the_running_one_stay_null_even_if_the_provider_has_figures() -> None:
    merged = merge_row("Xero[Sales]", a_series(figures={JAN: "1", FEB: "2", MAR: "3", APR: "4"}))

    assert first_values(merged, 4) == ["1.00", "2.00", "3.00", None]
    assert only_row(merged).status == "actual"


def test_provisional_month_is_filled_and_marked() -> None:
    line = a_series(figures={JAN: "1", FEB: "2"})
    figures = {**line.figures, MAR: Figure(Decimal(3), provisional=True, batch_id="b7")}
    merged = merge_row("Xero[Sales]", replace(line, figures=figures))

    march = only_row(merged).values[2]
    assert (march.value, march.status, march.batch_id) == (Decimal(3), "provisional", "b7")
    assert only_row(merged).status == "provisional"
    assert only_row(merged).values[1].status == "actual"


def test_figure_the_provider_does_not_give_is_null_not_zero() -> None:
    merged = merge_row("Xero[Sales]", a_series(figures={JAN: "1", FEB: None, MAR: "0"}))

    assert first_values(merged, 3) == ["1.00", None, "0.00"]


def test_account_that_a_landed_month_does_not_list_had_no_movement() -> None:
    quiet = a_series("Sales", {JAN: "1"})
    busy = a_series("Fees", {JAN: "5", FEB: "6"})
    merged = merge_row("Xero[Sales]", quiet, busy)

    assert first_values(merged, 3) == ["1.00", "0.00", None]
    assert only_row(merged).values[1].batch_id == "b1"


def test_month_landed_for_another_statement_says_nothing_about_this_one() -> None:
    quiet = a_series("Sales", {JAN: "1"})
    assets = a_series("Bank", {JAN: "5", FEB: "6"}, statement="balance_sheet")
    merged = merge_row("Xero[Sales]", quiet, assets)

    assert first_values(merged, 2) == ["1.00", None]


def test_computed_total_that_a_landed_month_does_not_list_is_not_zero() -> None:
    total = a_series("Net Profit", {JAN: "1"}, kind="computed_total", account_id=None)
    merged = merge_row("Xero[Net Profit]", total, a_series("Fees", {JAN: "5", FEB: "6"}))

    assert first_values(merged, 2) == ["1.00", None]


@pytest.mark.parametrize(
    ("landed_text", "text"),
    [
        ("1234.5", "1234.50"),
        ("1234.5600", "1234.56"),
        ("1234.5678", "1234.5678"),
        ("-0.00", "0.00"),
        ("-12.345", "-12.345"),
        ("1E+6", "1000000.00"),
        ("99999999999999.9999", "99999999999999.9999"),
    ],
)
def test_amounts_are_plain_decimals(landed_text: str, text: str) -> None:
    merged = merge_row("Xero[Sales]", a_series(figures={JAN: landed_text}))

    assert first_values(merged, 1) == [text]


def test_assumptions_and_end_rows_are_filled_too() -> None:
    document = a_model([])
    document["sheets"][0]["assumptions"] = [a_row("7")]
    document["sheets"][0]["sections"][0]["end_row"] = a_row("8", name="")
    merged = merge_model(document, landed(a_series()), model_id="m", today=TODAY)

    places = [(row.sheet, row.section, row.row_id, row.values[1].value) for row in merged.rows]
    assert places == [
        ("Revenues", "Assumptions", "7", Decimal("200.00")),
        ("Revenues", "Revenues", "8", Decimal("200.00")),
    ]
    end_row = merged.document["sheets"][0]["sections"][0]["end_row"]
    assert end_row["integration_values"][0] == {"date": "2024-01-31", "value": "100.00"}


def test_rows_that_are_no_integration_rows_stay_as_they_are() -> None:
    formula = a_row("2", "Xero[Sales]", var_type="formula", value="#1*2", integration_values=[])
    merged = merge_model(a_model([formula]), landed(a_series()), model_id="m", today=TODAY)

    assert merged.document["sheets"][0]["sections"][0]["rows"] == [formula]
    assert merged.rows == ()


def test_integration_and_line_are_found_whatever_the_case() -> None:
    merged = merge_row("xERO[sales]", a_series())

    row = only_row(merged)
    assert (row.integration, row.account_id, row.values[0].value) == (
        "Xero",
        "id-Sales",
        Decimal("100.00"),
    )


def test_exact_name_wins_over_one_in_another_case() -> None:
    merged = merge_row("Xero[Sales]", a_series("SALES", {JAN: "1"}), a_series("Sales", {JAN: "2"}))

    assert first_values(merged, 1) == ["2.00"]


def test_name_in_another_case_that_means_two_lines_is_ambiguous() -> None:
    merged = merge_row("Xero[sales]", a_series("SALES"), a_series("Sales"))

    row = only_row(merged)
    assert row.status == "ambiguous_endpoint"
    assert "'SALES', 'Sales'" in row.note


def test_account_id_finds_its_line_under_any_label() -> None:
    merged = merge_row("Xero[#ID-1]", a_series("Whatever", account_id="id-1"))

    row = only_row(merged)
    assert (row.status, row.endpoint, row.account_id) == ("missing_month", "#ID-1", "id-1")
    assert first_values(merged, 2) == ["100.00", "200.00"]


def test_unknown_account_id_is_an_unknown_endpoint() -> None:
    row = only_row(merge_row("Xero[#nope]", a_series()))

    assert (row.status, row.note) == ("unknown_endpoint", "Xero has no account with this id")


def test_line_whose_name_begins_with_a_number_sign_is_found() -> None:
    merged = merge_row("Xero[#1 Product]", a_series("#1 Product"))

    assert first_values(merged, 1) == ["100.00"]


def test_integration_that_never_landed_is_not_connected() -> None:
    merged = merge_row("QuickBooks[Sales]", a_series())

    row = only_row(merged)
    assert row.status == "not_connected"
    assert row.note == "no figures of QuickBooks have landed; landed so far: Xero"
    assert row.integration == "QuickBooks"
    assert first_values(merged, 24) == [None] * 24
    assert {value.status for value in row.values} == {"not_connected"}


def test_unknown_name_comes_with_the_nearest_ones() -> None:
    merged = merge_row(
        "Xero[Total Incme]", a_series("Total Income"), a_series("Total Expenses"), a_series("Rent")
    )

    row = only_row(merged)
    assert row.status == "unknown_endpoint"
    assert row.note.startswith("Xero has no line called 'Total Incme'; nearest: 'Total Income'")
    assert "Rent" not in row.note


def test_unknown_name_names_at_most_three_lines() -> None:
    row = only_row(merge_row("Xero[Sale]", *(a_series(f"Sales {i}") for i in range(9))))

    assert row.note.count("'Sales ") == 3


@pytest.mark.parametrize("reference", [None, "", "Sales", "Xero[]", "Xero{Sales}"])
def test_malformed_reference_says_what_references_look_like(reference: str | None) -> None:
    row = only_row(merge_row(reference, a_series()))

    assert row.status == "unknown_endpoint"
    assert "expected a reference such as Xero[Total Income]" in row.note


def two_lines_called_sales() -> tuple[Series, Series]:
    return (
        a_series("Income / Sales", {JAN: "1"}, label="Sales", account_id="a"),
        a_series(
            "Other Income / Sales",
            {JAN: "2"},
            label="Sales",
            account_id="b",
            section=("Other Income",),
        ),
    )


def test_bare_label_of_two_lines_is_ambiguous_and_lists_both() -> None:
    merged = merge_row("Xero[Sales]", *two_lines_called_sales())

    row = only_row(merged)
    assert row.status == "ambiguous_endpoint"
    assert row.note == (
        "'Sales' names 2 lines of Xero: 'Income / Sales', 'Other Income / Sales'; "
        "refer to one of them"
    )
    assert first_values(merged, 1) == [None]


def test_qualified_name_chooses_one_of_two_lines() -> None:
    merged = merge_row("Xero[Other Income / Sales]", *two_lines_called_sales())

    assert first_values(merged, 1) == ["2.00"]


def test_label_of_two_lines_is_ambiguous_even_if_it_is_the_name_of_one() -> None:
    row = only_row(merge_row("Xero[Sales]", a_series("Sales"), a_series("Fees", label="Sales")))

    assert row.status == "ambiguous_endpoint"


def test_qualified_name_keeps_working_when_the_other_line_is_gone() -> None:
    alone = a_series("Sales", section=("Trading", "Income"))

    for name in (
        "Income / Sales",
        "Trading / Income / Sales",
        "Profit and Loss / Trading / Income / Sales",
    ):
        assert first_values(merge_row(f"Xero[{name}]", alone), 1) == ["100.00"]


def test_qualified_name_that_fits_two_lines_is_ambiguous() -> None:
    lines = [
        a_series(f"{top} / Income / Sales", label="Sales", section=(top, "Income"))
        for top in ("Trading", "Other")
    ]
    row = only_row(merge_row("Xero[Income / Sales]", *lines))

    assert row.status == "ambiguous_endpoint"


def test_renamed_account_is_followed_by_its_id() -> None:
    renamed = a_series("Product Sales", {JAN: "1", FEB: "2", MAR: "3"}, account_id="a")
    merged = merge_remembering("Sales", "a", renamed)

    row = only_row(merged)
    assert (row.status, row.account_id, row.endpoint) == ("renamed", "a", "Sales")
    assert row.note == "'Sales' is called 'Product Sales' at Xero now"
    assert first_values(merged, 3) == ["1.00", "2.00", "3.00"]
    assert [value.status for value in row.values[:4]] == ["renamed"] * 3 + ["missing_month"]
    assert merged.rows_resolved == 1


def test_memory_of_another_reference_is_not_used() -> None:
    row = only_row(
        merge_remembering("Fees", "a", a_series("New", account_id="a"), reference="Xero[Sales]")
    )

    assert (row.status, row.account_id) == ("unknown_endpoint", None)


def test_label_taken_over_by_another_account_gives_no_number() -> None:
    merged = merge_remembering(
        "Sales",
        "a",
        a_series("Old Sales", {JAN: "1"}, account_id="a"),
        a_series("Sales", {JAN: "2"}, account_id="b"),
    )

    row = only_row(merged)
    assert (row.status, row.account_id) == ("ambiguous_endpoint", "a")
    assert "Xero[#a] ('Old Sales'), Xero[#b] ('Sales')" in row.note
    assert first_values(merged, 1) == [None]


def test_label_taken_over_after_the_old_account_is_gone_is_filled_with_a_note() -> None:
    merged = merge_remembering("Sales", "a", a_series("Sales", account_id="b"))

    row = only_row(merged)
    assert (row.account_id, row.values[0].value) == ("b", Decimal("100.00"))
    assert "another account than before" in row.note


def test_line_still_under_its_name_is_not_called_renamed() -> None:
    merged = merge_remembering(
        "Sales", "id-Sales", a_series(figures={JAN: "1", FEB: "2", MAR: "3"})
    )

    assert (only_row(merged).status, only_row(merged).note) == ("actual", "")


def test_unresolved_row_keeps_its_memory() -> None:
    row = only_row(merge_remembering("Sales", "a", a_series("Fees")))

    assert (row.status, row.account_id) == ("unknown_endpoint", "a")


def test_row_in_another_currency_than_the_model_says_is_a_mismatch() -> None:
    merged = merge_row("Xero[Sales]", a_series(), currency="EUR")

    row = only_row(merged)
    assert row.status == "currency_mismatch"
    assert row.note == "'Sales' of Xero is in GBP, this model in EUR, as it says"
    assert (row.currency, row.account_id) == ("GBP", "id-Sales")
    assert first_values(merged, 1) == [None]
    assert merged.rows_unresolved == 1


def test_model_without_a_currency_takes_that_of_its_first_filled_row() -> None:
    lines = [a_series("Sales"), a_series("Fees", currency="USD"), a_series("Rent")]
    rows = [
        a_row(str(i), f"Xero[{name}]") for i, name in enumerate(["No", "Sales", "Fees", "Rent"])
    ]
    merged = merge_model(a_model(rows), landed(*lines), model_id="m", today=TODAY)

    assert [row.status for row in merged.rows] == [
        "unknown_endpoint",
        "missing_month",
        "currency_mismatch",
        "missing_month",
    ]
    assert merged.rows[2].values[0].value is None
    assert merged.rows[3].values[0].value == Decimal("100.00")


def test_a_row_that_fails_does_not_stop_the_others() -> None:
    rows = [
        a_row("1", None),
        a_row("2", "Xero[Nothing like it]"),
        a_row("3", "Gusto[Gross Pay]"),
        a_row("4", "Xero[Sales]"),
    ]
    merged = merge_model(a_model(rows), landed(a_series()), model_id="m", today=TODAY)

    assert [row.values[0].value for row in merged.rows] == [None, None, None, Decimal("100.00")]
    assert (merged.rows_resolved, merged.rows_unresolved) == (1, 3)


def test_model_that_starts_in_the_future_has_no_actuals() -> None:
    merged = merge_row("Xero[Sales]", a_series(), starting_month="2024-06-01")

    row = only_row(merged)
    assert (row.status, row.note) == ("missing_month", "no month of this model has begun")


def test_row_that_starts_later_with_its_own_first_value_is_pointed_out() -> None:
    document = a_model([a_row(first_value_diff=True, value_1="0", starting_at=2)])
    merged = merge_model(document, landed(a_series()), model_id="m", today=TODAY)

    assert "starts 2 months in" in only_row(merged).note


def test_merging_changes_nothing_of_its_input() -> None:
    document = a_model([a_row()])
    before = copy.deepcopy(document)
    merge_model(document, landed(a_series()), model_id="m", today=TODAY)

    assert document == before


def test_unknown_keys_and_the_order_of_keys_are_kept() -> None:
    document = a_model([a_row(colour="red")], theme={"dark": True})
    document["zz"] = [1, {"a": None}]
    merged = merge_model(document, landed(a_series()), model_id="m", today=TODAY).document

    assert list(merged) == list(document)
    assert list(merged["meta"]) == list(document["meta"])
    assert merged["meta"] == document["meta"]
    assert merged["zz"] == [1, {"a": None}]
    row = merged["sheets"][0]["sections"][0]["rows"][0]
    assert list(row) == [*a_row(), "colour"]
    assert row["colour"] == "red"
