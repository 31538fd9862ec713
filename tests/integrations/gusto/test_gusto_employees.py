from copy import deepcopy
from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from support.gusto_payloads import SECRETS, compensation, employee, job, stint, termination

from integrations.contracts import AccessDeniedError, Employee, JobSpell, PayloadError
from integrations.gusto.employees import needs_history, paid_by_paycheck, parse_employees

FROM = date(2025, 1, 15)
TODAY = date(2026, 3, 10)
YEARLY = compensation("60000.00", "Year", "2020-01-20")


def parse(
    *employees: dict[str, Any],
    histories: dict[str, list[dict[str, Any]]] | None = None,
    paychecks: int | None = None,
    from_date: date = FROM,
) -> list[Employee]:
    return parse_employees(
        employees, histories=histories or {}, paychecks_per_year=paychecks, from_date=from_date
    )


def spells(*employees: dict[str, Any], **more: Any) -> list[tuple[str, str | None, Decimal]]:
    """Return start, end and pay of all spells of the one employee."""
    (person,) = parse(*employees, **more)
    return [
        (str(item.start_date), str(item.end_date) if item.end_date else None, item.monthly_salary)
        for item in person.spells
    ]


def test_employee_is_name_department_and_paid_spells() -> None:
    found = parse(employee(job("2020-01-20", YEARLY)))

    assert found == [
        Employee(
            employee_id="e-1",
            name="Ada Byron",
            spells=(
                JobSpell(
                    title="Baker",
                    department="Kitchen",
                    start_date=date(2020, 1, 20),
                    end_date=None,
                    monthly_salary=Decimal("5000.00"),
                    currency="USD",
                ),
            ),
        )
    ]


def test_personal_data_never_leaves_the_parser() -> None:
    (person,) = parse(employee(job("2020-01-20", YEARLY)))
    shown = person.model_dump_json() + repr(person)

    assert [secret for secret in SECRETS if secret in shown] == []


def test_errors_never_repeat_personal_data_or_pay() -> None:
    broken = employee(job("2020-01-20", compensation("6O,000", "Year", "2020-01-20")))
    with pytest.raises(PayloadError) as caught:
        parse(broken)

    assert str(caught.value) == (
        "Gusto: employees[0].jobs[0].compensations[0].rate: "
        "expected an amount such as '1234.50', found other text"
    )


def test_parsing_changes_nothing_and_gives_the_same_twice() -> None:
    record = employee(job("2020-01-20", YEARLY, compensation("72000.00", "Year", "2025-02-01")))
    before = deepcopy(record)

    assert parse(record) == parse(record)
    assert record == before


def test_a_rise_cuts_the_spell_so_that_past_months_keep_their_pay() -> None:
    record = employee(
        job(
            "2020-01-20",
            YEARLY,
            compensation("66000.00", "Year", "2025-07-16"),
            compensation("72000.00", "Year", "2026-08-01"),
        )
    )

    assert spells(record) == [
        ("2020-01-20", "2025-07-15", Decimal("5000.00")),
        ("2025-07-16", "2026-07-31", Decimal("5500.00")),
        ("2026-08-01", None, Decimal("6000.00")),
    ]


def test_days_before_the_first_effective_date_are_paid_by_the_first_rate() -> None:
    late = compensation("60000.00", "Year", "2020-03-01")

    assert spells(employee(job("2020-01-20", late))) == [("2020-01-20", None, Decimal("5000.00"))]


def test_rate_from_before_the_hire_date_holds_on_the_first_day() -> None:
    record = employee(job("2021-06-01", YEARLY, compensation("72000.00", "Year", "2021-01-01")))

    assert spells(record) == [("2021-06-01", None, Decimal("6000.00"))]


def test_same_pay_under_a_new_compensation_is_one_spell() -> None:
    record = employee(job("2020-01-20", YEARLY, compensation("5000.00", "Month", "2024-01-01")))

    assert spells(record) == [("2020-01-20", None, Decimal("5000.00"))]


def test_rise_after_the_last_day_of_work_is_left_out() -> None:
    record = employee(
        job("2020-01-20", YEARLY, compensation("72000.00", "Year", "2025-09-01")),
        terminations=[termination("2025-08-31")],
        terminated=True,
    )

    assert spells(record) == [("2020-01-20", "2025-08-31", Decimal("5000.00"))]


def test_rise_on_the_last_day_of_work_is_a_spell_of_one_day() -> None:
    record = employee(
        job("2020-01-20", YEARLY, compensation("72000.00", "Year", "2025-08-31")),
        terminations=[termination("2025-08-31")],
        terminated=True,
    )

    assert spells(record) == [
        ("2020-01-20", "2025-08-30", Decimal("5000.00")),
        ("2025-08-31", "2025-08-31", Decimal("6000.00")),
    ]


def test_termination_ends_on_the_last_day_of_work_also_a_future_one() -> None:
    record = employee(job("2020-01-20", YEARLY), terminations=[termination("2026-04-30")])

    assert spells(record) == [("2020-01-20", "2026-04-30", Decimal("5000.00"))]
    assert not needs_history(record, from_date=FROM, today=TODAY)


def test_rehired_person_has_the_spells_of_the_history() -> None:
    record = employee(
        job("2025-02-03", YEARLY, compensation("72000.00", "Year", "2025-02-03")),
        terminations=[termination("2023-06-30")],
    )
    history = [stint("2025-02-03", None), stint("2020-01-20", "2023-06-30")]

    assert needs_history(record, from_date=FROM, today=TODAY)
    assert spells(record, histories={"e-1": history}) == [
        ("2020-01-20", "2023-06-30", Decimal("5000.00")),
        ("2025-02-03", None, Decimal("6000.00")),
    ]


def test_rehired_person_who_is_about_to_leave_again_has_both_ends() -> None:
    record = employee(
        job("2025-02-03", YEARLY),
        terminations=[termination("2023-06-30"), termination("2026-05-31")],
    )
    history = [stint("2020-01-20", "2023-06-30"), stint("2025-02-03", None)]

    assert needs_history(record, from_date=FROM, today=TODAY)
    assert spells(record, histories={"e-1": history}) == [
        ("2020-01-20", "2023-06-30", Decimal("5000.00")),
        ("2025-02-03", "2026-05-31", Decimal("5000.00")),
    ]


def test_scheduled_rehire_starts_in_the_future() -> None:
    record = employee(
        job("2026-06-01", YEARLY), terminations=[termination("2025-10-31")], terminated=True
    )
    history = [stint("2020-01-20", "2025-10-31"), stint("2026-06-01", None)]

    assert needs_history(record, from_date=FROM, today=TODAY)
    assert spells(record, histories={"e-1": history}) == [
        ("2020-01-20", "2025-10-31", Decimal("5000.00")),
        ("2026-06-01", None, Decimal("5000.00")),
    ]


def test_stint_that_was_called_off_before_it_began_is_no_spell() -> None:
    record = employee(
        job("2025-02-03", YEARLY), terminations=[termination("2025-01-20")], terminated=True
    )

    assert parse(record, histories={"e-1": [stint("2025-02-03", "2025-01-20")]}) == []


@pytest.mark.parametrize(
    ("changes", "needed"),
    [
        ({}, False),
        ({"terminations": [termination("2025-08-31")], "terminated": True}, False),
        ({"terminations": [termination("2026-08-31")]}, False),
        ({"terminations": [termination("2025-08-31")], "terminated": False}, True),
        (
            {
                "terminations": [termination("2025-08-31")],
                "terminated": True,
                "hired_at": "2021-01-01",
            },
            True,
        ),
        (
            {
                "terminations": [termination("2023-08-31"), termination("2025-08-31")],
                "terminated": True,
            },
            True,
        ),
        (
            {
                "terminations": [termination("2022-08-31"), termination("2024-08-31")],
                "terminated": True,
            },
            False,
        ),
    ],
    ids=[
        "never left",
        "left",
        "will leave",
        "works again",
        "two hire dates",
        "left twice",
        "left twice, long ago",
    ],
)
def test_history_is_asked_for_only_where_it_can_say_more(
    changes: dict[str, Any], *, needed: bool
) -> None:
    record = employee(job("2020-01-20", YEARLY), **changes)

    assert needs_history(record, from_date=FROM, today=TODAY) is needed


def test_two_jobs_at_once_are_two_series_of_spells() -> None:
    second = job(
        "2024-05-06",
        compensation("10.00", "Hour", "2024-05-06"),
        title="Trainer",
        primary=False,
    )
    (person,) = parse(employee(job("2020-01-20", YEARLY), second))

    assert [(item.title, item.start_date, item.monthly_salary) for item in person.spells] == [
        ("Baker", date(2020, 1, 20), Decimal("5000.00")),
        ("Trainer", date(2024, 5, 6), Decimal("1733.33")),
    ]


def test_three_jobs_out_of_order_start_at_their_own_hire_dates_oldest_first() -> None:
    jobs = [job(f"{year}-03-01", YEARLY, title=str(year)) for year in (2020, 2022, 2021)]
    (person,) = parse(employee(*jobs))

    assert [item.title for item in person.spells] == ["2020", "2021", "2022"]
    assert person.spells[0].start_date == date(2020, 3, 1)


def test_period_before_all_jobs_belongs_to_the_primary_one_alone() -> None:
    jobs = (
        job("2025-02-03", YEARLY, title="Second", primary=False),
        job("2025-02-03", YEARLY, title="First"),
    )
    record = employee(*jobs, terminations=[termination("2023-06-30")])
    history = [stint("2020-01-20", "2023-06-30"), stint("2025-02-03", None)]
    (person,) = parse(record, histories={"e-1": history})

    assert [(item.title, str(item.start_date)) for item in person.spells] == [
        ("First", "2020-01-20"),
        ("Second", "2025-02-03"),
        ("First", "2025-02-03"),
    ]


def test_job_without_pay_names_the_missing_scope_instead_of_paying_nothing() -> None:
    bare = job("2020-01-20", YEARLY)
    for name in ("rate", "payment_unit", "current_compensation_uuid", "compensations"):
        del bare[name]

    with pytest.raises(AccessDeniedError, match=r"employees\[0\]\.jobs\[0\].*compensations:read"):
        parse(employee(bare))


def test_empty_compensations_of_somebody_at_work_are_no_salary_of_zero() -> None:
    bare = job("2020-01-20", YEARLY, compensations=[], rate=None, payment_unit=None)

    with pytest.raises(AccessDeniedError, match="compensations:read"):
        parse(employee(bare))


def test_somebody_being_onboarded_without_agreed_pay_has_no_spell() -> None:
    bare = job("2026-05-01", YEARLY, compensations=[], rate=None, payment_unit=None)
    (person,) = parse(employee(bare, onboarded=False))

    assert person.spells == ()


def test_somebody_being_onboarded_without_a_job_has_no_spell() -> None:
    (person,) = parse(employee(onboarded=False, onboarding_status="self_onboarding_invited"))

    assert person.spells == ()


def test_job_with_only_its_current_rate_is_paid_by_it() -> None:
    record = job("2020-01-20", YEARLY)
    del record["compensations"]

    assert spells(employee(record)) == [("2020-01-20", None, Decimal("5000.00"))]


@pytest.mark.parametrize(
    ("last_day", "kept"), [("2024-12-31", False), ("2025-01-01", True), ("2025-01-20", True)]
)
def test_who_left_before_the_first_month_is_left_out(last_day: str, *, kept: bool) -> None:
    record = employee(
        job("2020-01-20", YEARLY), terminations=[termination(last_day)], terminated=True
    )

    assert bool(parse(record)) is kept


def test_earlier_spells_of_somebody_who_is_kept_are_kept_too() -> None:
    record = employee(job("2025-02-03", YEARLY), terminations=[termination("2021-06-30")])
    history = [stint("2020-01-20", "2021-06-30"), stint("2025-02-03", None)]

    assert len(spells(record, histories={"e-1": history})) == 2


def test_rate_as_a_json_number_is_read_exactly() -> None:
    record = employee(job("2020-01-20", compensation(Decimal("60000.12"), "Month", "2020-01-20")))

    assert spells(record)[0][2] == Decimal("60000.12")


def test_rate_that_went_through_a_float_is_refused() -> None:
    with pytest.raises(PayloadError, match=r"rate: expected an amount as text, found float"):
        parse(employee(job("2020-01-20", compensation(22.5, "Hour", "2020-01-20"))))


def test_paycheck_needs_the_pay_schedules_also_in_the_past() -> None:
    owner = employee(job("2020-01-20", compensation("3000.00", "Paycheck", "2020-01-20"), YEARLY))

    assert paid_by_paycheck([owner])
    assert not paid_by_paycheck([employee(job("2020-01-20", YEARLY))])


def test_owner_is_paid_26_paychecks_a_year() -> None:
    owner = employee(job("2020-01-20", compensation("3000.00", "Paycheck", "2020-01-20")))

    assert spells(owner, paychecks=26) == [("2020-01-20", None, Decimal("6500.00"))]


@pytest.mark.parametrize("name", ["uuid", "jobs"])
def test_fields_of_another_type_are_named_by_place_and_type(name: str) -> None:
    with pytest.raises(
        PayloadError, match=rf"Gusto: employees\[0\]\.{name}: expected .* found int"
    ):
        parse(employee(job("2020-01-20", YEARLY)) | {name: 7})


def test_hire_date_nil_is_an_error_and_not_today() -> None:
    with pytest.raises(PayloadError, match=r"jobs\[0\]\.hire_date: expected a day .* other text"):
        parse(employee(job("nil", YEARLY)))


def test_person_with_one_name_is_called_by_it() -> None:
    (person,) = parse(employee(job("2020-01-20", YEARLY), first_name=None))

    assert person.name == "Byron"
