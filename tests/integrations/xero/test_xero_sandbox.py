"""The emulator answers and refuses as Xero does."""

from collections.abc import AsyncIterator, Iterator
from datetime import date
from decimal import Decimal
from typing import Any

import httpx
import pytest
from support.xero_sandbox import (
    ACME,
    GLOBEX,
    Connection,
    XeroSandbox,
    books,
    freshly_connected,
    xero_sandbox,
)

from integrations.contracts import month_start
from integrations.xero.sandbox.parameters import moved_back

TODAY = date(2024, 3, 31)
BROAD = ("offline_access", "accounting.reports.read", "accounting.settings.read")
PROFIT_AND_LOSS = "api.xro/2.0/Reports/ProfitAndLoss"
BALANCE_SHEET = "api.xro/2.0/Reports/BalanceSheet"


class Raw:
    """Sends plain requests and hands over whatever comes back."""

    def __init__(self, sandbox: XeroSandbox, connection: Connection) -> None:
        self.sandbox, self.connection = sandbox, connection

    async def __call__(
        self, path: str, *, tenant: str = ACME.id, accept: str = "application/json", **query: Any
    ) -> httpx.Response:
        token = self.connection.tokens.access_token.get_secret_value()
        headers = {"Authorization": f"Bearer {token}", "Accept": accept, "xero-tenant-id": tenant}
        async with httpx.AsyncClient(trust_env=False) as client:
            return await client.get(f"{self.sandbox.base}/{path}", headers=headers, params=query)

    async def report(self, path: str, **query: Any) -> dict[str, Any]:
        response = await self(path, **query)
        assert response.status_code == 200, response.text
        (found,) = response.json()["Reports"]
        return found


@pytest.fixture(scope="module")
def served() -> Iterator[XeroSandbox]:
    with xero_sandbox(TODAY) as sandbox:
        yield sandbox


@pytest.fixture
async def raw(served: XeroSandbox) -> AsyncIterator[Raw]:
    async with freshly_connected(served, scopes=BROAD) as connection:
        yield Raw(served, connection)


def header(report: dict[str, Any]) -> list[str]:
    return [cell["Value"] for cell in report["Rows"][0]["Cells"]]


@pytest.mark.parametrize(
    ("day", "months", "moved"),
    [
        (date(2024, 3, 31), 1, date(2024, 2, 29)),
        (date(2023, 3, 31), 1, date(2023, 2, 28)),
        (date(2024, 3, 31), 13, date(2023, 2, 28)),
        (date(2024, 1, 30), 2, date(2023, 11, 30)),
        (date(2024, 5, 1), 11, date(2023, 6, 1)),
    ],
)
def test_day_is_kept_and_clipped_when_a_window_moves_back(
    day: date, months: int, moved: date
) -> None:
    assert moved_back(day, months) == moved


async def test_profit_and_loss_has_the_layout_of_xero(raw: Raw) -> None:
    report = await raw.report(
        PROFIT_AND_LOSS, fromDate="2024-03-01", toDate="2024-03-31", periods=1, timeframe="MONTH"
    )

    assert report["ReportTitles"] == [
        "Profit & Loss",
        "Acme Trading Ltd (sandbox)",
        "1 March 2024 to 31 March 2024",
    ]
    assert header(report) == ["", "31 Mar 24", "29 Feb 24"]
    assert [row["Title"] for row in report["Rows"][1:]] == [
        "Income",
        "Less Cost of Sales",
        "",
        "Plus Other Income",
        "Less Operating Expenses",
        "",
    ]
    net = report["Rows"][-1]["Rows"][0]
    assert net["RowType"] == "Row"
    assert net["Cells"][0] == {"Value": "Net Profit"}


async def test_balance_sheet_has_empty_headings_and_dated_earnings(raw: Raw) -> None:
    report = await raw.report(BALANCE_SHEET, date="2024-03-05", periods=1, timeframe="MONTH")
    sections = {row["Title"]: row for row in report["Rows"][1:]}
    equity = {row["Cells"][0]["Value"]: row["Cells"] for row in sections["Equity"]["Rows"]}

    assert report["ReportTitles"][2] == "As at 31 March 2024"
    assert header(report) == ["", "31 Mar 2024", "29 Feb 2024"]
    assert sections["Assets"]["Rows"] == sections["Liabilities"]["Rows"] == []
    assert {"Value": "4/1/2023", "Id": "fromDate"} in equity["Current Year Earnings"][1][
        "Attributes"
    ]
    assert {"Value": "", "Id": "fromDate"} in equity["Retained Earnings"][1]["Attributes"]


async def test_balance_sheet_without_periods_adds_the_year_before(raw: Raw) -> None:
    report = await raw.report(BALANCE_SHEET, date="2024-02-10")

    assert header(report) == ["", "29 Feb 2024", "28 Feb 2023"]


async def test_account_without_movement_is_left_out(raw: Raw) -> None:
    winter = await raw.report(PROFIT_AND_LOSS, fromDate="2024-01-01", toDate="2024-01-31")
    summer = await raw.report(PROFIT_AND_LOSS, fromDate="2023-07-01", toDate="2023-07-31")

    assert "Café" not in str(winter)
    assert "Café" in str(summer)


async def test_month_before_the_books_has_no_account_rows(raw: Raw) -> None:
    report = await raw.report(PROFIT_AND_LOSS, fromDate="2021-01-01", toDate="2021-01-31")

    assert "Attributes" not in str(report["Rows"])


async def test_trial_balance_balances(raw: Raw) -> None:
    report = await raw.report("api.xro/2.0/Reports/TrialBalance", date="2024-02-29")
    total = [cell["Value"] for cell in report["Rows"][-1]["Rows"][0]["Cells"]]

    assert header(report) == ["Account", "Debit", "Credit", "YTD Debit", "YTD Credit"]
    assert total[1] == total[2] != "0.00"
    assert total[3] == total[4] != "0.00"


@pytest.mark.parametrize(
    ("query", "message"),
    [
        (
            {"fromDate": "2023-01-01", "toDate": "2024-01-31"},
            "The fromDate and toDate parameters must be with 365 days of each other",
        ),
        ({"periods": 12}, "The periods parameter must be between 1 and 11"),
        ({"periods": 0}, "The periods parameter must be between 1 and 11"),
        ({"timeframe": "WEEK", "periods": 1}, "The timeframe parameter must be"),
        ({"fromDate": "31/01/2024"}, "The fromDate parameter is not a valid date"),
        ({"fromDate": "2024-02-01", "toDate": "2024-01-01"}, "The fromDate must be before"),
        ({"paymentsOnly": "true"}, "accrual basis only"),
    ],
)
async def test_bad_parameters_are_refused_in_the_documented_shape(
    raw: Raw, query: dict[str, Any], message: str
) -> None:
    response = await raw(PROFIT_AND_LOSS, **query)
    body = response.json()

    assert response.status_code == 400
    assert (body["ErrorNumber"], body["Type"]) == (10, "ValidationException")
    assert message in body["Elements"][0]["ValidationErrors"][0]["Message"]


async def test_365_days_apart_are_accepted(raw: Raw) -> None:
    report = await raw.report(PROFIT_AND_LOSS, fromDate="2023-01-31", toDate="2024-01-31")

    assert report["ReportTitles"][2] == "31 January 2023 to 31 January 2024"


async def test_quarters_and_years_move_by_their_months(raw: Raw) -> None:
    query = {"fromDate": "2023-12-01", "toDate": "2023-12-31", "periods": 1}
    quarter = await raw.report(PROFIT_AND_LOSS, timeframe="QUARTER", **query)
    year = await raw.report(PROFIT_AND_LOSS, timeframe="YEAR", **query)

    assert header(quarter) == ["", "31 Dec 23", "30 Sep 23"]
    assert header(year) == ["", "31 Dec 23", "31 Dec 22"]


async def test_answers_are_xml_unless_json_is_asked_for(raw: Raw) -> None:
    response = await raw("api.xro/2.0/Organisation", accept="*/*")

    assert response.headers["content-type"].startswith("text/xml")
    assert response.text.startswith("<Response>")


async def test_every_answer_tells_what_is_left_and_how_to_trace_it(raw: Raw) -> None:
    first = await raw("api.xro/2.0/Organisation")
    second = await raw("api.xro/2.0/Organisation")

    assert first.headers["X-MinLimit-Remaining"] == "59"
    assert second.headers["X-MinLimit-Remaining"] == "58"
    assert second.headers["X-DayLimit-Remaining"] == "4998"
    assert second.headers["X-AppMinLimit-Remaining"] == "9998"
    assert first.headers["Xero-Correlation-Id"] != second.headers["Xero-Correlation-Id"]


@pytest.mark.parametrize(("rule", "longest_s"), [("minute", 60), ("day", 86_400)])
async def test_call_over_a_limit_is_refused_with_reason_and_wait(
    raw: Raw, rule: str, longest_s: int
) -> None:
    raw.sandbox.control.post("limits", **{rule: 1})
    await raw("api.xro/2.0/Organisation")
    refused = await raw("api.xro/2.0/Organisation")

    assert (refused.status_code, refused.content) == (429, b"")
    assert refused.headers["X-Rate-Limit-Problem"] == rule
    assert 0 < int(refused.headers["Retry-After"]) <= longest_s


async def test_limits_are_kept_for_each_organisation_apart(raw: Raw) -> None:
    raw.sandbox.control.post("limits", minute=1)

    assert (await raw("api.xro/2.0/Organisation")).status_code == 200
    assert (await raw("api.xro/2.0/Organisation")).status_code == 429
    assert (await raw("connections")).status_code == 200


async def test_expired_token_is_refused_with_its_time(raw: Raw) -> None:
    raw.sandbox.control.advance_clock(1801)
    response = await raw("api.xro/2.0/Organisation")
    body = response.json()

    assert response.status_code == 401
    assert (body["Title"], body["Status"]) == ("Unauthorized", 401)
    assert body["Detail"].startswith("TokenExpired: token expired at ")


@pytest.mark.parametrize("tenant", ["", "no-such-tenant", GLOBEX.id])
async def test_organisation_outside_the_grant_is_forbidden(raw: Raw, tenant: str) -> None:
    response = await raw("api.xro/2.0/Organisation", tenant=tenant)

    assert response.status_code == 403
    assert response.json()["Detail"] == "AuthenticationUnsuccessful"


async def test_unknown_report_is_not_found(raw: Raw) -> None:
    assert (await raw("api.xro/2.0/Reports/Horoscope")).status_code == 404


async def test_connections_can_be_filtered_by_consent(raw: Raw) -> None:
    (found,) = (await raw("connections")).json()
    same = (await raw("Connections", authEventId=found["authEventId"])).json()
    none = (await raw("connections", authEventId="another")).json()

    assert found["tenantType"] == "ORGANISATION"
    assert (same, none) == ([found], [])


async def test_accounts_tell_type_class_and_status(raw: Raw) -> None:
    accounts = {a["Code"]: a for a in (await raw("api.xro/2.0/Accounts")).json()["Accounts"]}

    assert accounts["412"]["Status"] == "ARCHIVED"
    assert (accounts["200"]["Type"], accounts["200"]["Class"]) == ("REVENUE", "REVENUE")
    assert (accounts["820"]["Type"], accounts["820"]["Class"]) == ("CURRLIAB", "LIABILITY")


async def test_books_can_be_asked_for_their_exact_figures(raw: Raw) -> None:
    response = await raw(
        "_control/books", tenant_id=ACME.id, **{"from": "2024-01-01", "to": "2024-02-29"}
    )
    truth, found = books(ACME, TODAY), response.json()
    rent = truth.account("Rent [HQ]").id

    assert list(found["months"]) == ["2024-01-31", "2024-02-29"]
    assert Decimal(found["months"]["2024-02-29"][rent]) == truth.movement(
        rent, date(2024, 2, 1), date(2024, 2, 29)
    )
    last = date(2024, 2, 29)
    assert found["net_profit"]["2024-02-29"] == str(truth.net_profit(month_start(last), last))


@pytest.mark.parametrize(
    ("action", "body", "message"),
    [
        ("restate", {"tenant_id": "x"}, "tenant_id: expected one of"),
        ("restate", {"tenant_id": ACME.id, "account": "200", "day": "2024-02-01"}, "amount"),
        (
            "restate",
            {"tenant_id": ACME.id, "account": "200", "day": "2024-02-01", "amount": "lots"},
            "amount: expected a decimal",
        ),
        (
            "rename_account",
            {"tenant_id": ACME.id, "account": "Sales", "name": "x"},
            "expected one account 'Sales', found 2",
        ),
    ],
)
async def test_wrong_control_requests_say_what_is_wrong(
    raw: Raw, action: str, body: dict[str, str], message: str
) -> None:
    with pytest.raises(RuntimeError, match=f"422.*{message}"):
        raw.sandbox.control.post(action, **body)


async def test_reset_forgets_restatements(raw: Raw) -> None:
    control = raw.sandbox.control
    query = {"tenant_id": ACME.id, "from": "2024-02-01", "to": "2024-02-29"}
    before = (await raw("_control/books", **query)).json()
    control.post("restate", tenant_id=ACME.id, account="200", day="2024-02-10", amount="10")
    changed = (await raw("_control/books", **query)).json()
    control.reset()

    assert changed["net_profit"] != before["net_profit"]
    assert (await raw("_control/books", **query)).json() == before
