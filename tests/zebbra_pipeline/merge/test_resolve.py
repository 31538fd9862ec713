import pytest

from zebbra_pipeline.merge import MalformedReferenceError, Reference, parse_reference


@pytest.mark.parametrize(
    ("text", "endpoint"),
    [
        ("Xero[Total Income]", "Total Income"),
        ("Xero[Repairs & Maintenance]", "Repairs & Maintenance"),
        ("Xero[Sales, Net (UK)]", "Sales, Net (UK)"),
        ("Xero[Café]", "Café"),
        ("Xero[Cafe\N{COMBINING ACUTE ACCENT}]", "Café"),
        ("Xero[Rent [HQ]]", "Rent [HQ]"),
        ("Xero[[HQ] Rent]", "[HQ] Rent"),
        ("Xero[Income / Sales]", "Income / Sales"),
        ("  Xero [ Total\N{NO-BREAK SPACE} Income ]  ", "Total Income"),
        ("Xero[100% Cotton #1]", "100% Cotton #1"),
        ("Xero[売上高]", "売上高"),
    ],
)
def test_any_line_can_be_referred_to_by_name(text: str, endpoint: str) -> None:
    assert parse_reference(text) == Reference("Xero", endpoint=endpoint)


def test_account_can_be_referred_to_by_id() -> None:
    reference = parse_reference("Xero[# 9f1c-22]")

    assert reference == Reference("Xero", account_id="9f1c-22")
    assert reference.text == "#9f1c-22"


@pytest.mark.parametrize(
    "text", ["", None, "Xero", "Xero[]", "Xero[ ]", "Xero[#]", "[Sales]", "Xero[Sales", "X ero[S]"]
)
def test_other_text_is_refused_with_what_a_reference_looks_like(text: str | None) -> None:
    with pytest.raises(MalformedReferenceError) as refused:
        parse_reference(text)

    assert "Xero[Total Income], Xero[Income / Sales] or Xero[#<account id>]" in str(refused.value)
