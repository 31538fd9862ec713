from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.gusto_payloads import payroll

from integrations.contracts import PayloadError, PayrollCost
from integrations.gusto.payrolls import (
    AHEAD,
    OVERLAP,
    monthly_costs,
    parse_payrolls,
    query_ranges,
    split_by_days,
)

JAN, FEB, MAR = date(2025, 1, 31), date(2025, 2, 28), date(2025, 3, 31)


def costs(*payrolls: dict[str, Any], to: date = MAR) -> list[PayrollCost]:
    return monthly_costs(parse_payrolls(payrolls), from_date=date(2025, 1, 20), to_date=to)


def test_cost_is_gross_pay_taxes_and_benefits_beside_reimbursements() -> None:
    january, *_ = costs(payroll("p-1", "2025-01-01", "2025-01-15", reimbursements="12.34"))

    assert january == PayrollCost(
        month=JAN,
        gross_pay=Decimal("1000.00"),
        employer_taxes=Decimal("76.50"),
        benefits=Decimal("50.00"),
        reimbursements=Decimal("12.34"),
        currency="USD",
    )
    assert january.total_cost == Decimal("1126.50")


def test_every_month_has_an_entry_and_zeros_without_a_payroll() -> None:
    found = costs(payroll("p-1", "2025-01-01", "2025-01-15"), to=date(2025, 4, 2))

    assert [item.month for item in found] == [JAN, FEB, MAR, date(2025, 4, 30)]
    assert [item.total_cost for item in found[1:]] == [Decimal("0.00")] * 3


def test_period_over_a_month_end_is_split_by_days_and_adds_up() -> None:
    january, february, _ = costs(payroll("p-1", "2025-01-27", "2025-02-09", "1000.01"))

    assert january.gross_pay == Decimal("357.15")  # 5 of 14 days: 357.146
    assert february.gross_pay == Decimal("642.86")  # 9 of 14 days: 642.864
    assert january.gross_pay + february.gross_pay == Decimal("1000.01")


def test_parts_in_months_that_nobody_asked_for_are_left_out() -> None:
    january, *_ = costs(payroll("p-1", "2024-12-25", "2025-01-07", "1400.00"))

    assert january.gross_pay == Decimal("700.00")


def test_reversal_counts_with_its_sign() -> None:
    found = costs(
        payroll("p-1", "2025-01-27", "2025-02-09", "1000.01", reversal_payroll_uuids=["p-2"]),
        payroll(
            "p-2",
            "2025-01-27",
            "2025-02-09",
            "-1000.01",
            taxes="-76.50",
            benefits="-50.00",
            off_cycle=True,
        ),
    )

    assert [item.total_cost for item in found] == [Decimal("0.00")] * 3


def test_payroll_that_comes_twice_counts_once() -> None:
    same = payroll("p-1", "2025-01-01", "2025-01-15")

    assert costs(same, dict(same))[0].gross_pay == Decimal("1000.00")


def test_payroll_with_only_its_old_id_field_is_told_apart_by_it() -> None:
    records = [payroll(name, "2025-01-01", "2025-01-15") for name in ("p-1", "p-2")]
    for record in records:
        del record["uuid"]

    assert costs(*records)[0].gross_pay == Decimal("2000.00")


def test_unprocessed_payroll_never_counts_whatever_its_fields_say() -> None:
    planned = payroll(
        "p-1",
        "2025-01-01",
        "2025-01-15",
        processed=False,
        processed_date="nil",
        calculated_at="nil",
    )

    assert costs(planned)[0].total_cost == Decimal("0.00")


def test_dates_that_nobody_needs_may_be_nil() -> None:
    odd = payroll("p-1", "2025-01-01", "2025-01-15", processed_date="nil", calculated_at="nil")

    assert costs(odd)[0].gross_pay == Decimal("1000.00")


def test_amounts_may_be_json_numbers() -> None:
    found = costs(
        payroll("p-1", "2025-01-01", "2025-01-15", Decimal("1000.10"), taxes=76, benefits="0.20")
    )

    assert found[0].total_cost == Decimal("1076.30")


def test_processed_payroll_without_totals_is_an_error() -> None:
    record = payroll("p-1", "2025-01-01", "2025-01-15")
    del record["totals"]

    with pytest.raises(PayloadError, match=r"payrolls\[0\]\.totals: expected an object"):
        costs(record)


@pytest.mark.parametrize("name", ["gross_pay", "employer_taxes", "benefits", "reimbursements"])
def test_missing_total_is_an_error_and_not_zero(name: str) -> None:
    record = payroll("p-1", "2025-01-01", "2025-01-15")
    del record["totals"][name]

    with pytest.raises(PayloadError, match=rf"totals\.{name}: expected an amount .* NoneType"):
        costs(record)


def test_period_nil_is_an_error() -> None:
    with pytest.raises(PayloadError, match=r"pay_period\.start_date: expected a day"):
        costs(payroll("p-1", "nil", "2025-01-15"))


def test_amounts_do_not_show_when_a_payroll_is_printed() -> None:
    assert "1000" not in repr(parse_payrolls([payroll("p-1", "2025-01-01", "2025-01-15")]))


def test_equal_remainders_favour_the_earlier_month() -> None:
    assert split_by_days(Decimal("0.01"), date(2025, 1, 31), date(2025, 2, 1)) == {
        JAN: Decimal("0.01"),
        FEB: Decimal("0.00"),
    }


def test_quarter_is_split_over_its_three_months() -> None:
    parts = split_by_days(Decimal("90.00"), date(2025, 1, 1), date(2025, 3, 31))

    assert parts == {JAN: Decimal("31.00"), FEB: Decimal("28.00"), MAR: Decimal("31.00")}


DAYS = st.dates(date(2023, 12, 1), date(2026, 3, 1))


@given(
    amount=st.decimals("-99999", "99999", places=2) | st.decimals("-99", "99", places=4),
    start=DAYS,
    length=st.integers(0, 370),
)
def test_parts_add_up_and_stay_within_one_unit_of_their_share(
    amount: Decimal, start: date, length: int
) -> None:
    end = start + timedelta(days=length)
    parts = split_by_days(amount, start, end)
    unit = Decimal("0.01") if amount.as_tuple().exponent == -2 else Decimal("0.0001")

    assert sum(parts.values()) == amount
    for month, part in parts.items():
        first = max(start, month.replace(day=1))
        share = amount * ((min(end, month) - first).days + 1) / (length + 1)
        assert abs(part - share) < unit
        assert part.is_zero() or (part < 0) == (amount < 0)


@given(from_date=DAYS, back=st.integers(0, 1200), length=st.integers(0, OVERLAP.days))
def test_every_period_lies_whole_in_one_query(from_date: date, back: int, length: int) -> None:
    today = from_date + timedelta(days=back)
    ranges = list(query_ranges(from_date, today))
    first = from_date.replace(day=1)

    for touch in (first, today, first + (today - first) / 2):
        start, end = touch - timedelta(days=length), touch
        assert any(low <= start and end <= high for low, high in ranges)
    assert all((high - low).days <= 364 for low, high in ranges)
    assert ranges[-1][1] == today + AHEAD


def test_query_of_a_routine_refresh_takes_three_calls() -> None:
    assert len(list(query_ranges(date(2025, 5, 1), date(2026, 3, 10)))) == 3
