from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest
from support.merge_models import FEB, JAN, MAR, TODAY, a_model, a_row, a_series, landed

from zebbra_pipeline.figures import Figure, MergedModel, Series
from zebbra_pipeline.merge import merge_model, table_of


def merged_of(*series: Series, **row: Any) -> MergedModel:
    document = a_model([a_row("1", "Xero[Sales]", **row)])
    return merge_model(document, landed(*series), model_id="m", today=TODAY)


def test_table_has_names_statuses_and_months() -> None:
    headers, cells = table_of(merged_of(a_series(figures={JAN: "1234567.5", FEB: "-89.5"})))

    assert headers[:4] == ["Row", "Status", "Jan 2024", "Feb 2024"]
    assert len(headers) == 26
    assert cells[0][:5] == ["Row 1", "missing_month", "1,234,567.50", "−89.50", "–"]  # noqa: RUF001 -- the signs shown
    assert len(cells[0]) == 26


def test_provisional_amount_is_marked() -> None:
    line = a_series(figures={JAN: "1", FEB: "2"})
    march = Figure(Decimal("-3.1"), provisional=True, batch_id="b")
    _, cells = table_of(merged_of(replace(line, figures={**line.figures, MAR: march})), 3)

    assert cells == [["Row 1", "provisional", "1.00", "2.00", "−3.10*"]]  # noqa: RUF001 -- the sign shown


@pytest.mark.parametrize(("decimals", "shown"), [(0, "1,235"), (1, "1,234.6"), (4, "1,234.5678")])
def test_amounts_have_the_decimals_of_their_row(decimals: int, shown: str) -> None:
    merged = merged_of(a_series(figures={JAN: "1234.5678"}), decimal_places=decimals)

    assert table_of(merged, 1)[1][0][2] == shown


def test_zero_is_never_shown_with_a_minus_sign() -> None:
    merged = merged_of(a_series(figures={JAN: "-0.001"}))

    assert table_of(merged, 1)[1][0][2] == "0.00"


def test_last_months_are_those_up_to_the_latest_actual() -> None:
    merged = merged_of(a_series(figures={JAN: "1", FEB: "2", MAR: "3"}))

    assert table_of(merged, 2)[0][2:] == ["Feb 2024", "Mar 2024"]
    assert table_of(merged, 5)[0][2:] == [
        "Jan 2024",
        "Feb 2024",
        "Mar 2024",
        "Apr 2024",
        "May 2024",
    ]
    assert len(table_of(merged, 99)[0]) == 26


def test_model_without_actuals_shows_its_first_months() -> None:
    headers, cells = table_of(merged_of(), 2)

    assert headers[2:] == ["Jan 2024", "Feb 2024"]
    assert cells == [["Row 1", "unknown_endpoint", "–", "–"]]  # noqa: RUF001 -- the dash shown


def test_total_without_a_name_is_shown_with_its_section() -> None:
    document = a_model([])
    document["sheets"][0]["sections"][0]["end_row"] = a_row("8", name="")
    merged = merge_model(document, landed(a_series()), model_id="m", today=TODAY)

    assert table_of(merged, 1)[1][0][0] == "Revenues (total)"


def test_showing_zero_months_is_refused() -> None:
    with pytest.raises(ValueError, match="1 or more"):
        table_of(merged_of(), 0)
