import json
from pathlib import Path
from typing import Any

import pytest
from support.merge_models import TODAY, a_model, a_row, landed

from zebbra_pipeline.merge import (
    ModelDocumentError,
    load_model,
    load_models,
    merge_model,
    model_paths,
)


def stored(folder: Path, name: str, document: Any) -> Path:
    path = folder / "acme" / f"{name}.json"
    path.parent.mkdir(exist_ok=True)
    path.write_text(document if isinstance(document, str) else json.dumps(document), "utf-8")
    return path


def test_models_of_a_workspace_are_read_by_name(tmp_path: Path) -> None:
    document = a_model([a_row(name="Café")])
    stored(tmp_path, "plan-b", document)
    stored(tmp_path, "plan-a", document)
    stored(tmp_path, ".half-written", "{")
    (tmp_path / "acme" / "notes.txt").write_text("no model")

    assert load_models(tmp_path, "acme") == [("plan-a", document), ("plan-b", document)]


def test_workspace_without_a_folder_has_no_models(tmp_path: Path) -> None:
    assert load_models(tmp_path, "acme") == []


def test_workspace_id_cannot_leave_the_folder(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="workspace id"):
        model_paths(tmp_path, "../other")


def test_corrupt_document_does_not_hide_the_others(tmp_path: Path) -> None:
    stored(tmp_path, "bad", "{")
    stored(tmp_path, "good", a_model([]))
    stored(tmp_path, "ugly", "[]")

    names = []
    for path in model_paths(tmp_path, "acme"):
        try:
            load_model(path)
        except ModelDocumentError:
            continue
        names.append(path.stem)
    assert names == ["good"]

    with pytest.raises(ModelDocumentError) as refused:
        load_models(tmp_path, "acme")
    assert "bad.json" in refused.value.problems[0]
    assert "ugly.json" in refused.value.problems[1]
    assert "good.json" not in str(refused.value)


def test_wrong_field_is_named_by_file_and_path(tmp_path: Path) -> None:
    document = a_model([a_row("1"), a_row("2", val_type="money")])
    path = stored(tmp_path, "plan", document)

    with pytest.raises(ModelDocumentError) as refused:
        load_model(path)
    assert str(refused.value) == (
        f"{path}: sheets[0].sections[0].rows[1].val_type: "
        "expected 'number', 'currency' or 'percentage', found other text"
    )


@pytest.mark.parametrize(
    ("place", "value", "problem"),
    [
        (
            ("meta", "starting_month"),
            "2024-13-01",
            "meta.starting_month: expected a day such as '2024-01-31', found other text",
        ),
        (
            ("meta", "starting_month"),
            "20240101",
            "meta.starting_month: expected a day such as '2024-01-31', found other text",
        ),
        (
            ("meta", "starting_month"),
            "9999-01-01",
            "meta.starting_month: expected a day such as '2024-01-31', found other text",
        ),
        (
            ("meta", "starting_month"),
            None,
            "meta.starting_month: expected a day such as '2024-01-31', found null",
        ),
        (
            ("meta", "currency"),
            "pounds",
            "meta.currency: expected a currency code such as 'GBP', or null, found other text",
        ),
        (("meta",), [], "meta: expected an object, found a list"),
        (("sheets",), {}, "sheets: expected a list, found an object"),
        (("sheets", 0), 5, "sheets[0]: expected an object, found a number"),
        (
            ("sheets", 0, "sections", 0, "end_row"),
            None,
            "sheets[0].sections[0].end_row: expected an object, found null",
        ),
        (
            ("sheets", 0, "sections", 0, "rows", 0, "starting_at"),
            -1,
            "sheets[0].sections[0].rows[0].starting_at: expected a whole number, 0 or more, found a smaller number",
        ),
        (
            ("sheets", 0, "sections", 0, "rows", 0, "time_series"),
            "yes",
            "sheets[0].sections[0].rows[0].time_series: expected true or false, found text",
        ),
        (
            ("sheets", 0, "sections", 0, "rows", 0, "_id"),
            12,
            "sheets[0].sections[0].rows[0]._id: expected text that is not empty, found a number",
        ),
        (
            ("payroll", "employees", 0, "start_date"),
            "soon",
            "payroll.employees[0].start_date: expected a day such as '2024-01-31', found other text",
        ),
        (
            ("payroll", "employees", 0, "monthly_salary"),
            "a lot",
            "payroll.employees[0].monthly_salary: expected a number, found other text",
        ),
        (
            ("payroll", "employees", 0, "monthly_salary"),
            True,
            "payroll.employees[0].monthly_salary: expected a number, found true or false",
        ),
    ],
)
def test_each_problem_says_what_was_expected_and_found(
    place: tuple[str | int, ...], value: Any, problem: str
) -> None:
    employee = {"_id": "5", "name": "X", "start_date": "2024-01-01", "monthly_salary": 1}
    document = a_model([a_row()], employees=[employee])
    target: Any = document
    for part in place[:-1]:
        target = target[part]
    target[place[-1]] = value

    with pytest.raises(ModelDocumentError) as refused:
        merge_model(document, landed(), model_id="m", today=TODAY)
    assert refused.value.problems == (problem,)


def test_missing_field_is_reported_as_nothing() -> None:
    row = a_row()
    del row["var_type"]

    with pytest.raises(ModelDocumentError) as refused:
        merge_model(a_model([row]), landed(), model_id="m", today=TODAY)
    assert str(refused.value) == (
        "sheets[0].sections[0].rows[0].var_type: "
        "expected 'value', 'formula' or 'integration', found nothing"
    )


def test_only_the_first_problems_are_listed_in_full() -> None:
    rows = [a_row(str(i), val_type="?") for i in range(8)]

    with pytest.raises(ModelDocumentError) as refused:
        merge_model(a_model(rows), landed(), model_id="m", today=TODAY)
    assert str(refused.value).endswith("; and 3 more")
    assert len(refused.value.problems) == 8


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"{", "at line 1 column 2"),
        (b"\xff\xfe", "expected JSON in UTF-8"),
        (b'{"meta": NaN}', "the constant NaN"),
        (b"[1]", "expected an object, found a list"),
        (b"", "at line 1 column 1"),
        (b"[" * 200_000, "nested too deep"),
    ],
)
def test_file_that_is_no_json_object_is_named(tmp_path: Path, content: bytes, said: str) -> None:
    path = tmp_path / "plan.json"
    path.write_bytes(content)

    with pytest.raises(ModelDocumentError) as refused:
        load_model(path)
    assert str(refused.value).startswith(f"{path}: ")
    assert said in str(refused.value)


def test_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    with pytest.raises(ModelDocumentError, match="cannot be read: No such file"):
        load_model(tmp_path / "gone.json")


def test_byte_order_mark_is_no_problem(tmp_path: Path) -> None:
    path = tmp_path / "plan.json"
    path.write_text(json.dumps(a_model([])), "utf-8-sig")

    assert load_model(path) == a_model([])


def test_salaries_are_not_in_errors(tmp_path: Path) -> None:
    employee = {"_id": "5", "name": "X", "start_date": "?", "monthly_salary": "98765 a month"}
    path = stored(tmp_path, "plan", a_model([], employees=[employee]))

    with pytest.raises(ModelDocumentError) as refused:
        load_model(path)
    error: BaseException | None = refused.value
    while error is not None:
        assert "98765" not in f"{error!r} {error}"
        error = error.__cause__


def test_ids_of_39_digits_pass_unchanged() -> None:
    row_id = "340282366920938463463374607431768211455"
    merged = merge_model(a_model([a_row(row_id)]), landed(), model_id="m", today=TODAY)

    assert merged.rows[0].row_id == row_id
