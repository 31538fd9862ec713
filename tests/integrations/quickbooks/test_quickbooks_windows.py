"""Which queries give which months."""

from datetime import date

import pytest

from integrations.contracts import Statement, add_months, month_ends, months_back
from integrations.quickbooks.windows import plan_query


@pytest.mark.parametrize(
    ("today", "count", "calls"),
    [
        (date(2026, 11, 24), 24, 2),
        (date(2024, 2, 29), 24, 2),
        (date(2026, 11, 24), 12, 1),
        (date(2026, 11, 24), 13, 2),
        (date(2026, 3, 31), 1, 1),
        (date(2026, 1, 1), 36, 3),
    ],
)
def test_twelve_months_cost_one_call_and_every_month_is_asked_for_once(
    today: date, count: int, calls: int
) -> None:
    first = months_back(today, count)
    parts = plan_query(Statement.PROFIT_AND_LOSS, first, today).parts(12)
    asked = [month for part in reversed(parts) for month in part.months]

    assert len(parts) == calls
    assert tuple(asked) == month_ends(first, today)


def test_query_asks_for_whole_months_on_accrual_basis_with_both_dates() -> None:
    query = plan_query(Statement.BALANCE_SHEET, date(2024, 1, 20), date(2024, 2, 3))

    assert query.report == "BalanceSheet"
    assert query.params == {
        "start_date": "2024-01-01",
        "end_date": "2024-02-29",
        "accounting_method": "Accrual",
        "summarize_column_by": "Month",
        "minorversion": 75,
    }
    assert query.running == date(2024, 2, 29)


def test_parts_are_newest_first() -> None:
    query = plan_query(Statement.PROFIT_AND_LOSS, date(2024, 1, 1), date(2024, 5, 9))

    assert [[month.month for month in part.months] for part in query.parts(2)] == [
        [4, 5],
        [2, 3],
        [1],
    ]


def test_first_month_after_the_running_one_is_refused() -> None:
    today = date(2026, 11, 24)
    with pytest.raises(ValueError, match="not after 2026-11-24"):
        plan_query(Statement.PROFIT_AND_LOSS, add_months(today, 1), today)
