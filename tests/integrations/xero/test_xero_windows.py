"""Which report calls cover which months."""

from datetime import date

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from integrations.contracts import Statement, add_months, month_end, month_ends, months_back
from integrations.xero.windows import plan_queries

PL, BS = Statement.PROFIT_AND_LOSS, Statement.BALANCE_SHEET


def test_months_up_to_a_long_one_use_it_as_base() -> None:
    (query,) = plan_queries(PL, date(2025, 6, 15), date(2026, 5, 4))

    assert query.path == "api.xro/2.0/Reports/ProfitAndLoss"
    assert query.params == {
        "fromDate": "2026-05-01",
        "toDate": "2026-05-31",
        "periods": 11,
        "timeframe": "MONTH",
        "standardLayout": "true",
    }
    assert query.columns[0] == date(2026, 5, 31)
    assert query.columns[-1] == date(2025, 6, 30)
    assert query.wanted == set(query.columns)


@pytest.mark.parametrize(
    ("running", "base"),
    [
        (date(2026, 4, 10), ("2026-05-01", "2026-05-31")),
        (date(2026, 6, 10), ("2026-07-01", "2026-07-31")),
        (date(2026, 9, 10), ("2026-10-01", "2026-10-31")),
        (date(2026, 11, 24), ("2026-12-01", "2026-12-31")),
        (date(2026, 2, 28), ("2026-03-01", "2026-03-31")),
        (date(2024, 2, 29), ("2024-03-01", "2024-03-31")),
    ],
)
def test_months_up_to_a_short_one_use_the_next_long_month_and_drop_it(
    running: date, base: tuple[str, str]
) -> None:
    (query,) = plan_queries(PL, months_back(running, 11), running)

    assert (query.params["fromDate"], query.params["toDate"]) == base
    assert query.params["periods"] == 11
    assert query.columns[0] == add_months(running, 1)
    assert query.wanted == set(query.columns[1:])


@pytest.mark.parametrize("statement", list(Statement))
@pytest.mark.parametrize("month", range(1, 13))
def test_eleven_months_always_cost_one_call_for_each_statement(
    statement: Statement, month: int
) -> None:
    running = date(2026, month, 9)

    assert len(plan_queries(statement, months_back(running, 11), running)) == 1


@pytest.mark.parametrize("month", range(1, 13))
def test_24_months_cost_four_calls_or_five_if_the_running_month_is_short(month: int) -> None:
    running = date(2026, month, 9)
    first = months_back(running, 24)
    calls = sum(len(plan_queries(statement, first, running)) for statement in Statement)

    assert calls == (4 if month_end(running).day == 31 else 5)


def test_single_month_is_asked_for_alone_even_if_it_is_short() -> None:
    (query,) = plan_queries(PL, date(2026, 4, 30), date(2026, 4, 30))

    assert query.params == {
        "fromDate": "2026-04-01",
        "toDate": "2026-04-30",
        "standardLayout": "true",
    }
    assert query.columns == (date(2026, 4, 30),)


def test_single_month_end_asks_for_one_comparison_column_and_drops_it() -> None:
    (query,) = plan_queries(BS, date(2024, 2, 1), date(2024, 2, 29))

    assert query.path == "api.xro/2.0/Reports/BalanceSheet"
    assert query.params == {
        "date": "2024-02-29",
        "periods": 1,
        "timeframe": "MONTH",
        "standardLayout": "true",
    }
    assert query.columns == (date(2024, 2, 29), date(2024, 1, 31))
    assert query.wanted == {date(2024, 2, 29)}


def test_first_month_after_the_last_is_refused() -> None:
    with pytest.raises(ValueError, match="not after 2026-04-30"):
        plan_queries(PL, date(2026, 5, 1), date(2026, 4, 30))


@settings(deadline=None)
@given(
    statement=st.sampled_from(list(Statement)),
    running=st.dates(date(2019, 1, 1), date(2032, 12, 31)),
    count=st.integers(1, 70),
)
def test_every_month_is_wanted_once_and_every_column_is_a_whole_month(
    statement: Statement, running: date, count: int
) -> None:
    first = months_back(running, count)
    queries = plan_queries(statement, first, running)

    wanted = [month for query in queries for month in query.wanted]
    assert sorted(wanted) == list(month_ends(first, running))
    for query in queries:
        assert len(query.columns) <= 12
        assert query.params.get("periods", 0) == len(query.columns) - 1
        assert query.columns == tuple(
            add_months(query.base[1], -k) for k in range(len(query.columns))
        )
        if statement is PL and len(query.columns) > 1:
            assert (query.base[0].day, query.base[1].day) == (1, 31)
