"""What the company and its preferences tell."""

from datetime import date
from typing import Any

import pytest

from integrations.contracts import PayloadError
from integrations.quickbooks.company import parse_closing_date, parse_company_name


def test_company_is_called_by_its_name_or_else_its_legal_one() -> None:
    assert (
        parse_company_name({"CompanyInfo": {"CompanyName": " Acme ", "LegalName": "L"}}) == "Acme"
    )
    assert parse_company_name({"CompanyInfo": {"CompanyName": "", "LegalName": "L"}}) == "L"
    assert parse_company_name({"CompanyInfo": {}}) is None


@pytest.mark.parametrize("payload", [None, [], {}, {"CompanyInfo": []}])
def test_answer_about_something_else_is_refused(payload: Any) -> None:
    with pytest.raises(PayloadError, match="CompanyInfo: expected an object"):
        parse_company_name(payload)


def test_closing_date_is_the_last_closed_day() -> None:
    preferences = {"AccountingInfoPrefs": {"BookCloseDate": "2026-09-30"}}

    assert parse_closing_date({"Preferences": preferences}) == date(2026, 9, 30)


@pytest.mark.parametrize(
    "preferences",
    [
        {},
        {"AccountingInfoPrefs": None},
        {"AccountingInfoPrefs": {}},
        {"AccountingInfoPrefs": {"BookCloseDate": ""}},
    ],
)
def test_open_books_have_no_closing_date(preferences: Any) -> None:
    assert parse_closing_date({"Preferences": preferences}) is None


@pytest.mark.parametrize("value", ["30/09/2026", 20260930, "soon"])
def test_closing_date_in_another_form_is_refused_without_repeating_it(value: Any) -> None:
    with pytest.raises(PayloadError, match="BookCloseDate: expected a date") as caught:
        parse_closing_date({"Preferences": {"AccountingInfoPrefs": {"BookCloseDate": value}}})
    assert str(value) not in str(caught.value)
