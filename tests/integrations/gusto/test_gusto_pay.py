from decimal import Decimal

import pytest
from support.gusto_payloads import pay_schedule

from integrations.contracts import PayloadError
from integrations.gusto.pay import monthly_pay, paychecks_per_year

HERE = "Gusto: employees[0].jobs[0].compensations[0]"


@pytest.mark.parametrize(
    ("rate", "unit", "monthly"),
    [
        ("22.00", "Hour", "3813.33"),
        ("854.80", "Week", "3704.13"),
        ("4321.09", "Month", "4321.09"),
        ("78000.00", "Year", "6500.00"),
        ("100000.00", "Year", "8333.33"),
        ("0.00", "Hour", "0.00"),
    ],
)
def test_each_unit_comes_to_a_full_month(rate: str, unit: str, monthly: str) -> None:
    pay = monthly_pay(Decimal(rate), unit, paychecks_per_year=None, where=HERE)

    assert pay == Decimal(monthly)
    assert pay.as_tuple().exponent == -2


@pytest.mark.parametrize(
    ("frequency", "monthly"),
    [
        ("Every week", "13000.00"),
        ("Every other week", "6500.00"),
        ("Twice per month", "6000.00"),
        ("Monthly", "3000.00"),
        ("Quarterly", "1000.00"),
        ("Annually", "250.00"),
    ],
)
def test_paycheck_is_paid_as_often_as_the_schedule_says(frequency: str, monthly: str) -> None:
    paychecks = paychecks_per_year([pay_schedule(frequency)])
    pay = monthly_pay(Decimal("3000.00"), "Paycheck", paychecks_per_year=paychecks, where=HERE)

    assert pay == Decimal(monthly)


def test_half_a_cent_is_rounded_upwards_and_only_once() -> None:
    assert monthly_pay(Decimal("0.06"), "Year", paychecks_per_year=None, where=HERE) == Decimal(
        "0.01"
    )
    assert monthly_pay(Decimal("0.0577"), "Year", paychecks_per_year=None, where=HERE) == Decimal(
        "0.00"
    )


def test_active_schedule_counts_before_inactive_ones() -> None:
    schedules = [pay_schedule("Monthly", active=False), pay_schedule("Every week")]

    assert paychecks_per_year(schedules) == 52


def test_company_without_active_schedule_is_read_by_its_old_one() -> None:
    assert paychecks_per_year([pay_schedule("Monthly", active=False)]) == 12


def test_paycheck_without_any_schedule_says_so() -> None:
    assert paychecks_per_year([]) is None
    with pytest.raises(PayloadError, match=r"compensations\[0\]: paid by paycheck"):
        monthly_pay(Decimal(1), "Paycheck", paychecks_per_year=None, where=HERE)


def test_unknown_unit_names_the_place_and_the_known_ones_but_no_value() -> None:
    with pytest.raises(PayloadError) as caught:
        monthly_pay(Decimal("98765.43"), "Fortnight", paychecks_per_year=None, where=HERE)

    assert str(caught.value) == (
        f"{HERE}.payment_unit: expected one of Hour, Week, Month, Year, Paycheck, found other text"
    )


def test_unknown_frequency_is_an_error() -> None:
    with pytest.raises(PayloadError, match=r"pay_schedules\[0\]\.frequency: expected one of"):
        paychecks_per_year([pay_schedule("Each blue moon")])
