"""Currency, lock date and identity of an organisation; the list of connections."""

from datetime import date
from typing import Any

import pytest

from integrations.contracts import PayloadError, ReconnectRequiredError, Statement
from integrations.xero.adapter import report_urls
from integrations.xero.connections import XeroConnection, parse_connections
from integrations.xero.organisation import Organisation, check_name, has_id_of, parse_organisation

ONE, OTHER = "0e5b1a5e-5d2d-4a3b-9d55-9f6a3a6b7c01", "0e5b1a5e-5d2d-4a3b-9d55-9f6a3a6b7c02"


def answer(**fields: Any) -> dict[str, Any]:
    return {"Organisations": [{"BaseCurrency": "GBP", **fields}]}


def test_later_of_the_two_lock_dates_counts() -> None:
    found = parse_organisation(
        answer(
            OrganisationID=ONE,
            Name=" Acme ",
            PeriodLockDate="/Date(1546214400000+0000)/",
            EndOfYearLockDate="2018-03-31",
        )
    )

    assert found == Organisation(ONE, "Acme", "GBP", date(2018, 12, 31))


@pytest.mark.parametrize(
    ("text", "day"),
    [
        ("/Date(1706659200000)/", date(2024, 1, 31)),
        ("/Date(1706659200000+1300)/", date(2024, 1, 31)),
        ("2024-01-31T00:00:00", date(2024, 1, 31)),
        ("2024-01-31", date(2024, 1, 31)),
        ("", None),
        (None, None),
    ],
)
def test_lock_date_is_read_in_every_form(text: str | None, day: date | None) -> None:
    assert parse_organisation(answer(PeriodLockDate=text)).lock_date == day


def test_unreadable_lock_date_is_refused_by_name() -> None:
    with pytest.raises(PayloadError, match="Organisation: PeriodLockDate: expected a date"):
        parse_organisation(answer(PeriodLockDate="soon"))


@pytest.mark.parametrize(
    "payload", [None, {}, {"Organisations": []}, answer(BaseCurrency="pounds")]
)
def test_answer_without_an_organisation_and_currency_is_refused(payload: Any) -> None:
    with pytest.raises(PayloadError, match="Organisation"):
        parse_organisation(payload)


def test_other_id_is_not_surely_the_tenant() -> None:
    assert not has_id_of(Organisation(OTHER, "Acme", "GBP", None), tenant_id=ONE)


@pytest.mark.parametrize("answered", [ONE, ONE.upper(), None, "not-a-uuid"])
def test_same_or_unknown_id_is_the_tenant(answered: str | None) -> None:
    assert has_id_of(Organisation(answered, "Acme", "GBP", None), tenant_id=ONE)


def test_other_id_under_the_name_of_the_connection_passes() -> None:
    connection = XeroConnection("c", ONE, "Acme", "ORGANISATION", None)

    check_name(Organisation(OTHER, "Acme", "GBP", None), [connection], tenant_id=ONE)


@pytest.mark.parametrize("tenant_id", [ONE, OTHER])
def test_other_id_and_name_asks_to_reconnect(tenant_id: str) -> None:
    connection = XeroConnection("c", tenant_id, "Acme", "ORGANISATION", None)

    with pytest.raises(ReconnectRequiredError, match=rf"{ONE}.*found 'Globex' \({OTHER}\)"):
        check_name(Organisation(OTHER, "Globex", "GBP", None), [connection], tenant_id=ONE)


def test_connection_id_and_tenant_id_are_kept_apart() -> None:
    (found,) = parse_connections(
        [{"id": "c-1", "tenantId": "t-1", "tenantName": "Acme ", "tenantType": "ORGANISATION"}]
    )

    assert (found.id, found.tenant_id, found.tenant_name) == ("c-1", "t-1", "Acme")
    assert found.auth_event_id is None


@pytest.mark.parametrize("payload", [{}, None, ["x"], [{"id": "c-1"}], [{"tenantId": "t-1"}]])
def test_other_list_of_connections_is_refused(payload: Any) -> None:
    with pytest.raises(PayloadError, match="connections"):
        parse_connections(payload)


@pytest.mark.parametrize(
    ("country", "profit_and_loss", "balance_sheet"),
    [("US", 1116, 1117), ("GB", 1216, 1217), ("NZ", 1016, 1017), (None, 1016, 1017)],
)
def test_reports_are_shown_by_xero_under_the_numbers_of_the_region(
    country: str | None, profit_and_loss: int, balance_sheet: int
) -> None:
    found = parse_organisation(answer(ShortCode="!mBdtL", CountryCode=country))

    assert report_urls(found) == {
        Statement.PROFIT_AND_LOSS: f"https://reporting.xero.com/!mBdtL/v1/Run/{profit_and_loss}",
        Statement.BALANCE_SHEET: f"https://reporting.xero.com/!mBdtL/v1/Run/{balance_sheet}",
    }


@pytest.mark.parametrize("code", [None, "", 7, "!", "!a/../b", "!mBdtL)[x](https://x.invalid"])
def test_a_short_code_that_is_none_makes_no_link(code: Any) -> None:
    assert report_urls(parse_organisation(answer(ShortCode=code))) == {}
