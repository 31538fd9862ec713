import json
from datetime import date
from decimal import Decimal

from support.warehouse import FEB, JAN, at, everything, stored, writing

from zebbra_pipeline.figures import MergedModel, MergedRow, ModelValue, RememberedRow


def row(row_id="r1", *, endpoint="Sales", account_id="a1", status="actual", values=(), sheet="S"):
    return MergedRow(
        sheet=sheet,
        section="Revenue",
        row_id=row_id,
        row_name=f"Row {row_id}",
        integration="Xero",
        endpoint=endpoint,
        account_id=account_id,
        currency="GBP",
        status=status,
        note="nearest: Sales" if account_id is None else "",
        values=tuple(values),
    )


def model(*rows, model_id="plan", document=None):
    return MergedModel(
        model_id=model_id, name=f"The {model_id}", document=document or {"meta": {}}, rows=rows
    )


FILLED = (
    ModelValue(JAN, Decimal("1.5"), "actual", "b1"),
    ModelValue(FEB, None, "missing_month", None),
)


def test_a_model_is_saved_with_its_document_rows_and_months(tmp_path):
    document = {"meta": {"name": "Plán"}, "value": Decimal("1.25"), "whole": Decimal("3.0000")}
    rows = (row(values=FILLED), row("r2", account_id=None, status="unknown_endpoint"))

    with writing(tmp_path) as session:
        session.save_model("acme", model(*rows, document=document), at(date(2026, 6, 15)))

        assert session.model_rows("acme", "plan") == list(rows)
        assert session.model_rows("acme", "other") == []
    path = tmp_path / "warehouse.duckdb"
    ((name, text, merged_at, resolved, unresolved),) = stored(
        path, "SELECT name, document, merged_at, rows_resolved, rows_unresolved FROM models"
    )
    assert (name, resolved, unresolved) == ("The plan", 1, 1)
    assert json.loads(text) == {"meta": {"name": "Plán"}, "value": 1.25, "whole": 3}
    assert merged_at.isoformat() == "2026-06-15T06:00:00"
    assert stored(path, "SELECT document->>'$.meta.name' FROM models") == [("Plán",)]
    assert stored(path, "SELECT * FROM model_values ORDER BY month") == [
        (
            "acme",
            "plan",
            "S",
            "Revenue",
            "r1",
            "Row r1",
            JAN,
            Decimal("1.5000"),
            "GBP",
            "Xero",
            "Sales",
            "a1",
            "actual",
            "b1",
        ),
        (
            "acme",
            "plan",
            "S",
            "Revenue",
            "r1",
            "Row r1",
            FEB,
            None,
            "GBP",
            "Xero",
            "Sales",
            "a1",
            "missing_month",
            None,
        ),
    ]


def test_saving_again_replaces_that_model_and_no_other(tmp_path):
    when = at(date(2026, 6, 15))
    with writing(tmp_path) as session:
        session.save_model("acme", model(row(values=FILLED)), when)
        session.save_model("acme", model(row(values=FILLED), model_id="second"), when)
        session.save_model("bravo", model(row(values=FILLED)), when)
    before = everything(tmp_path / "warehouse.duckdb")
    with writing(tmp_path) as session:
        session.save_model("acme", model(row("r9")), when)
    after = everything(tmp_path / "warehouse.duckdb")

    for table in ("models", "model_rows", "model_values"):
        others = [entry for entry in after[table] if entry[:2] != ("acme", "plan")]
        assert others == [entry for entry in before[table] if entry[:2] != ("acme", "plan")]
    assert [entry[5] for entry in after["model_rows"] if entry[:2] == ("acme", "plan")] == ["r9"]


def test_what_a_reference_resolved_to_is_remembered_while_it_cannot_be_resolved(tmp_path):
    when = at(date(2026, 6, 15))
    with writing(tmp_path) as session:
        session.save_model("acme", model(row(), row("r2", account_id=None)), when)
        first = session.figures("acme").remembered
        session.save_model("acme", model(row(account_id=None, status="not_connected")), when)
        second = session.figures("acme").remembered
        shown = session.model_rows("acme", "plan")

    assert first == {("plan", "r1"): RememberedRow("Xero", "Sales", "a1")}
    assert second == first
    assert shown[0].account_id is None


def test_a_reference_that_was_rewritten_forgets_its_old_account(tmp_path):
    when = at(date(2026, 6, 15))
    with writing(tmp_path) as session:
        session.save_model("acme", model(row()), when)
        session.save_model("acme", model(row(endpoint="Fees", account_id=None)), when)

        assert session.figures("acme").remembered == {}
        assert session.figures("bravo").remembered == {}


def test_many_rows_on_several_sheets_keep_their_order_and_months(tmp_path):
    rows = [row(f"r{n}", sheet=f"Sheet {n % 3}", values=FILLED) for n in range(30)]
    with writing(tmp_path) as session:
        session.save_model("acme", model(*rows), at(date(2026, 6, 15)))

        assert session.model_rows("acme", "plan") == rows
