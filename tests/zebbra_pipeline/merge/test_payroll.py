import json
from datetime import date
from typing import Any

from support.merge_models import TODAY, a_model, a_row, a_series, a_spell, landed

from zebbra_pipeline.figures import EmployeeSpell, MergedModel
from zebbra_pipeline.merge import merge_model


def merge_people(*spells: EmployeeSpell, **model: Any) -> MergedModel:
    rows = model.pop("rows", [])
    figures = landed(a_series(), employees=spells)
    return merge_model(a_model(rows, **model), figures, model_id="m", today=TODAY)


def people(merged: MergedModel) -> list[dict[str, Any]]:
    employees: list[dict[str, Any]] = merged.document["payroll"]["employees"]
    return employees


def costs(merged: MergedModel, count: int) -> list[str]:
    return [entry["value"] for entry in merged.document["payroll"]["payroll_values"][:count]]


def own_employee(**other: Any) -> dict[str, Any]:
    return {
        "_id": "89703917898006208425303315310906378297",
        "name": "Joanna Doe",
        "start_date": "2022-08-01",
        "end_date": None,
        "title": "CEO",
        "department": "Founders",
        "monthly_salary": 4500,
        "from_integration": False,
    } | other


def test_people_of_the_integration_come_before_the_models_own() -> None:
    merged = merge_people(a_spell("1234.50"), employees=[own_employee(note="kept")])

    assert [each["name"] for each in people(merged)] == ["Ada Example", "Joanna Doe"]
    ada = people(merged)[0]
    assert ada == {
        "_id": ada["_id"],
        "name": "Ada Example",
        "start_date": "2023-01-01",
        "end_date": None,
        "title": "Engineer",
        "department": "Product",
        "monthly_salary": 1234.5,
        "from_integration": True,
    }
    assert ada["_id"].isdecimal()
    assert len(ada["_id"]) <= 39
    assert people(merged)[1] == own_employee(note="kept")


def test_past_months_keep_the_past_salary() -> None:
    merged = merge_people(
        a_spell("4000", date(2024, 2, 1)),
        a_spell("3000", date(2023, 1, 1), date(2024, 1, 31)),
    )

    assert costs(merged, 3) == ["3000.00", "4000.00", "4000.00"]
    assert [each["monthly_salary"] for each in people(merged)] == [3000, 4000]
    assert len({each["_id"] for each in people(merged)}) == 2


def test_month_counts_the_share_of_its_days_with_both_ends() -> None:
    merged = merge_people(
        a_spell("3100", date(2024, 1, 22), date(2024, 2, 15)), starting_month="2024-01-09"
    )

    # 10 of 31 days of January; 15 of 29 days of February: 1603.448...
    assert costs(merged, 3) == ["1000.00", "1603.45", "0.00"]


def test_one_day_is_one_day() -> None:
    merged = merge_people(a_spell("3100", date(2024, 1, 31), date(2024, 1, 31)))

    assert costs(merged, 2) == ["100.00", "0.00"]


def test_cost_is_rounded_once_a_month_and_halves_go_up() -> None:
    # Each alone is 0.335 on 31 days; rounded one by one the sum would be 0.68.
    pair = [a_spell("0.335", employee_id=who) for who in ("a", "b")]
    merged = merge_people(*pair)

    assert costs(merged, 1) == ["0.67"]
    assert costs(merge_people(a_spell("0.125")), 1) == ["0.13"]


def test_models_own_people_count_and_so_do_the_coming_months() -> None:
    merged = merge_people(a_spell("1000"), employees=[own_employee(monthly_salary=4500.25)])

    assert len(merged.document["payroll"]["payroll_values"]) == 24
    assert costs(merged, 24) == ["5500.25"] * 24
    assert merged.document["payroll"]["payroll_values"][1]["date"] == "2024-02-29"


def test_spell_that_ended_before_the_model_begins_is_left_out() -> None:
    gone = a_spell(start=date(2020, 1, 1), end=date(2023, 12, 31), employee_id="gone")
    last_day = a_spell(start=date(2020, 1, 1), end=date(2024, 1, 1), employee_id="last")
    merged = merge_people(gone, last_day, starting_month="2024-01-20")

    assert [each["end_date"] for each in people(merged)] == ["2024-01-01"]


def test_people_of_an_earlier_merge_are_replaced() -> None:
    earlier = own_employee(_id="5", name="Old Copy", from_integration=True)
    merged = merge_people(a_spell(), employees=[earlier, own_employee()])

    assert [each["name"] for each in people(merged)] == ["Ada Example", "Joanna Doe"]
    assert costs(merged, 1) == ["7500.00"]


def test_ids_stay_the_same_when_other_people_join_or_pay_changes() -> None:
    before = people(merge_people(a_spell("3000")))[0]["_id"]
    after = people(merge_people(a_spell("3500"), a_spell(employee_id="e0", name="Aaron")))

    assert before in {each["_id"] for each in after if each["name"] == "Ada Example"}


def test_two_jobs_begun_on_one_day_have_two_ids() -> None:
    merged = merge_people(a_spell("1000", title="Cook"), a_spell("500", title="Driver"))

    assert len({each["_id"] for each in people(merged)}) == 2
    assert costs(merged, 1) == ["1500.00"]


def test_order_does_not_depend_on_the_order_of_landing() -> None:
    spells = [a_spell(employee_id=str(i), name=f"Person {i}") for i in range(4)]

    assert people(merge_people(*spells)) == people(merge_people(*reversed(spells)))


def test_salaries_are_numbers_that_json_keeps_exactly() -> None:
    merged = merge_people(a_spell("12345678.9012"))

    text = json.dumps(people(merged))
    assert '"monthly_salary": 12345678.9012' in text
    assert costs(merged, 1) == ["12345678.90"]


def test_model_without_a_payroll_gets_one() -> None:
    document = a_model([])
    del document["payroll"]
    merged = merge_model(document, landed(), model_id="m", today=TODAY)

    assert people(merged) == []
    assert costs(merged, 24) == ["0.00"] * 24


def test_pay_in_two_currencies_is_never_added_up() -> None:
    merged = merge_people(
        a_spell("1000"), a_spell("9", currency="USD", employee_id="us"), rows=[a_row()]
    )

    assert costs(merged, 1) == ["1000.00"]
    assert len(people(merged)) == 1
    assert merged.notes == ("payroll: left out 1 paid in USD; this model is in GBP",)


def test_pay_in_another_currency_than_the_model_declares_is_left_out() -> None:
    merged = merge_people(a_spell(currency="USD"), currency="GBP")

    assert people(merged) == []
    assert merged.notes == ("payroll: left out 1 paid in USD; this model is in GBP",)


def test_pay_in_another_currency_than_the_filled_rows_is_left_out() -> None:
    merged = merge_people(a_spell(currency="USD"), rows=[a_row()])

    assert people(merged) == []
    assert costs(merged, 1) == ["0.00"]
    assert merged.notes == ("payroll: left out 1 paid in USD; this model is in GBP",)


def test_salaries_are_not_in_what_is_printed() -> None:
    merged = merge_people(a_spell("98765.43"), employees=[own_employee(monthly_salary=87654)])

    assert "98765" not in repr(merged) + repr(a_spell("98765.43"))
    assert "87654" not in repr(merged)
