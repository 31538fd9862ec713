"""The emulator answers and refuses as QuickBooks does."""

from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from datetime import date
from decimal import Decimal
from typing import Any

import httpx
import pytest
from support.quickbooks_sandbox import (
    ACME,
    GLOBEX,
    Connection,
    QuickBooksSandbox,
    chart,
    connect,
    freshly_connected,
    quickbooks_sandbox,
)

from integrations.contracts import AccessDeniedError
from integrations.quickbooks.sandbox.realms import realm_id
from integrations.sandbox_kit.books import COMPANIES

TODAY = date(2024, 3, 20)
MONTHLY = {"summarize_column_by": "Month", "start_date": "2024-01-01", "end_date": "2024-03-20"}


class Raw:
    """Sends plain requests and hands over whatever comes back."""

    def __init__(self, sandbox: QuickBooksSandbox, connection: Connection) -> None:
        self.sandbox, self.connection = sandbox, connection

    async def __call__(
        self,
        path: str,
        *,
        realm: str | None = None,
        accept: str = "application/json",
        token: str | None = None,
        body: str | None = None,
        **query: Any,
    ) -> httpx.Response:
        bearer = token or self.connection.tokens.access_token.get_secret_value()
        return await self._send(
            f"v3/company/{realm or self.connection.realm}/{path}",
            headers={"Authorization": f"Bearer {bearer}", "Accept": accept},
            params=query,
            content=body,
        )

    async def truth(self, **query: Any) -> dict[str, Any]:
        return (await self._send("_control/books", params=query)).json()

    async def report(self, name: str, **query: Any) -> dict[str, Any]:
        response = await self(f"reports/{name}", **query)
        assert response.status_code == 200, response.text
        return response.json()

    async def _send(self, path: str, *, content: str | None = None, **more: Any) -> httpx.Response:
        async with httpx.AsyncClient(trust_env=False) as client:
            method = "GET" if content is None else "POST"
            return await client.request(
                method, f"{self.sandbox.base}/{path}", content=content, **more
            )


@pytest.fixture(scope="module")
def served() -> Iterator[QuickBooksSandbox]:
    with quickbooks_sandbox(TODAY) as sandbox:
        yield sandbox


@pytest.fixture
async def raw(served: QuickBooksSandbox) -> AsyncIterator[Raw]:
    async with freshly_connected(served) as connection:
        yield Raw(served, connection)


def titles(report: dict[str, Any]) -> list[str]:
    return [column["ColTitle"] for column in report["Columns"]["Column"]]


def texts(cells: dict[str, Any]) -> list[str]:
    return [cell["value"] for cell in cells["ColData"]]


def groups(rows: list[dict[str, Any]]) -> list[Any]:
    """Return group names, nested like the sections."""
    found: list[Any] = []
    for row in rows:
        if "group" in row:
            inner = groups(row.get("Rows", {}).get("Row", []))
            found.append([row["group"], *inner] if inner else row["group"])
    return found


def test_company_ids_are_digits_and_the_same_in_every_run() -> None:
    ids = [realm_id(company) for company in COMPANIES]

    assert all(len(realm) == 16 and realm.isdigit() for realm in ids)
    assert len(set(ids)) == len(COMPANIES)
    assert realm_id(ACME) == "9130350863138626"


async def test_profit_and_loss_has_months_oldest_first_and_a_total(raw: Raw) -> None:
    report = await raw.report("ProfitAndLoss", **MONTHLY)
    column = report["Columns"]["Column"][3]

    assert titles(report) == ["", "Jan 2024", "Feb 2024", "Mar 1-20, 2024", "Total"]
    assert column["MetaData"] == [
        {"Name": "StartDate", "Value": "2024-03-01"},
        {"Name": "EndDate", "Value": "2024-03-20"},
        {"Name": "ColKey", "Value": "Mar 1-20, 2024"},
    ]
    assert report["Header"]["Currency"] == "GBP"
    assert groups(report["Rows"]["Row"]) == [
        *("Income", "COGS", "GrossProfit", "Expenses", "NetOperatingIncome"),
        *("OtherIncome", "OtherExpenses", "NetOtherIncome", "NetIncome"),
    ]


async def test_parent_account_has_its_own_postings_in_its_header_alone(raw: Raw) -> None:
    report = await raw.report("ProfitAndLoss", **MONTHLY)
    expenses = next(row for row in report["Rows"]["Row"] if row.get("group") == "Expenses")
    rent = next(
        row
        for row in expenses["Rows"]["Row"]
        if "Header" in row and texts(row["Header"])[0] == "Rent [HQ]"
    )
    books = chart(ACME, TODAY).books
    own = books.account("469").id

    assert "group" not in rent
    assert rent["Header"]["ColData"][0]["id"] == "19"
    assert (
        texts(rent["Header"])[1]
        == f"{books.movement(own, date(2024, 1, 1), date(2024, 1, 31)):.2f}"
    )
    assert [texts(row)[0] for row in rent["Rows"]["Row"]] == [
        "Light, Power, Heating",
        "Repairs & Maintenance",
    ]
    assert texts(rent["Summary"])[0] == "Total Rent [HQ]"


async def test_balance_sheet_nests_groups_and_has_no_total_column(raw: Raw) -> None:
    report = await raw.report("BalanceSheet", **MONTHLY)
    equity = report["Rows"]["Row"][1]["Rows"]["Row"][-1]

    assert titles(report) == ["", "Jan 2024", "Feb 2024", "Mar 1-20, 2024"]
    assert groups(report["Rows"]["Row"]) == [
        [
            "TotalAssets",
            ["CurrentAssets", "BankAccounts", "AR", "OtherCurrentAssets"],
            "FixedAssets",
        ],
        [
            "TotalLiabilitiesAndEquity",
            ["Liabilities", ["CurrentLiabilities", "AP", "OtherCurrentLiabilities"], "LongTermLiabilities"],
            ["Equity", "NetIncome"],
        ],
    ]  # fmt: skip
    assert equity["Rows"]["Row"][-1]["ColData"][0] == {"value": "Net Income"}


@pytest.mark.parametrize(
    ("by", "expected"),
    [
        ("Total", ["", "Total"]),
        ("Quarter", ["", "Nov 5 - Dec 31, 2023", "Jan 1 - Mar 20, 2024", "Total"]),
        ("Year", ["", "Nov 5 - Dec 31, 2023", "Jan 1 - Mar 20, 2024", "Total"]),
        (
            "Month",
            ["", "Nov 5-30, 2023", "Dec 2023", "Jan 2024", "Feb 2024", "Mar 1-20, 2024", "Total"],
        ),
    ],
)
async def test_columns_are_calendar_periods_cut_at_the_ends_of_the_range(
    raw: Raw, by: str, expected: list[str]
) -> None:
    report = await raw.report(
        "ProfitAndLoss", summarize_column_by=by, start_date="2023-11-05", end_date="2024-03-20"
    )

    assert titles(report) == expected


async def test_whole_quarters_and_years_are_named_by_their_months(raw: Raw) -> None:
    whole = {"start_date": "2023-01-01", "end_date": "2023-12-31"}
    quarters = await raw.report("ProfitAndLoss", summarize_column_by="Quarter", **whole)
    year = await raw.report("ProfitAndLoss", summarize_column_by="Year", **whole)

    assert titles(quarters)[1] == "Jan - Mar, 2023"
    assert titles(year)[1] == "Jan - Dec 2023"


@pytest.mark.parametrize("given", [{}, {"start_date": "2023-01-01"}, {"end_date": "2023-12-31"}])
async def test_single_date_is_silently_ignored(raw: Raw, given: dict[str, str]) -> None:
    header = (await raw.report("ProfitAndLoss", **given))["Header"]

    # Acme's financial year begins in April.
    assert (header["StartPeriod"], header["EndPeriod"]) == ("2023-04-01", "2024-03-20")


async def test_range_without_postings_says_that_there_is_no_data(raw: Raw) -> None:
    for name in ("ProfitAndLoss", "BalanceSheet", "TrialBalance"):
        report = await raw.report(name, start_date="2021-01-01", end_date="2021-12-31")

        assert report["Rows"] == {}
        assert {"Name": "NoReportData", "Value": "true"} in report["Header"]["Option"]


async def test_sections_without_accounts_are_left_out(raw: Raw) -> None:
    # On the 1st of February only the rent had been paid.
    report = await raw.report("ProfitAndLoss", start_date="2024-02-01", end_date="2024-02-01")

    assert groups(report["Rows"]["Row"]) == [
        "GrossProfit",
        "Expenses",
        "NetOperatingIncome",
        "NetIncome",
    ]


async def test_trial_balance_balances(raw: Raw) -> None:
    report = await raw.report("TrialBalance", start_date="2024-01-01", end_date="2024-02-29")
    label, debit, credit = texts(report["Rows"]["Row"][-1]["Summary"])

    assert titles(report) == ["", "Debit", "Credit"]
    assert label == "TOTAL"
    assert debit == credit != "0.00"


@pytest.mark.parametrize(
    ("query", "detail"),
    [
        ({"start_date": "01/02/2024", "end_date": "2024-02-29"}, "start_date: expected YYYY-MM-DD"),
        ({"start_date": "2024-02-02", "end_date": "2024-02-01"}, "must not be after end_date"),
        ({"accounting_method": "Cash"}, "accrual basis only"),
        ({"summarize_column_by": "Customers"}, "Total, Month, Quarter, Year"),
    ],
)
async def test_bad_parameters_are_refused_in_the_upper_case_shape(
    raw: Raw, query: dict[str, str], detail: str
) -> None:
    response = await raw("reports/ProfitAndLoss", **query)
    (error,) = response.json()["Fault"]["Error"]

    assert response.status_code == 400
    assert response.json()["Fault"]["type"] == "ValidationFault"
    assert detail in error["Detail"]


async def test_unknown_token_is_refused_in_the_lower_case_shape(raw: Raw) -> None:
    response = await raw("preferences", token="abc")
    (error,) = response.json()["fault"]["error"]

    assert response.status_code == 401
    assert response.json()["fault"]["type"] == "AUTHENTICATION"
    assert error == {
        "message": "message=AuthenticationFailed; errorCode=003200; statusCode=401",
        "detail": "Malformed bearer token: too short or too long",
        "code": "3200",
        "element": None,
    }


async def test_expired_and_revoked_tokens_say_so(raw: Raw) -> None:
    raw.sandbox.control.advance_clock(3601)
    expired = (await raw("preferences")).json()["fault"]["error"][0]
    await raw.connection.refresh()
    raw.sandbox.control.revoke_grants(raw.connection.realm)
    revoked = (await raw("preferences")).json()["fault"]["error"][0]

    assert (expired["detail"], revoked["detail"]) == ("Token expired", "Token revoked")


@pytest.mark.parametrize("realm", ["1", realm_id(GLOBEX)])
async def test_company_outside_the_grant_is_forbidden(raw: Raw, realm: str) -> None:
    response = await raw("preferences", realm=realm)

    assert response.status_code == 403
    assert response.json()["fault"]["error"][0]["code"] == "3100"


@pytest.mark.parametrize("path", ["reports/Horoscope", "companyinfo/1"])
async def test_unknown_objects_are_code_610(raw: Raw, path: str) -> None:
    response = await raw(path)

    assert response.status_code == 400
    assert response.json()["Fault"]["Error"][0]["code"] == "610"


async def test_answers_and_faults_are_xml_unless_json_is_asked_for(raw: Raw) -> None:
    data = await raw("preferences", accept="*/*")
    fault = await raw("preferences", accept="*/*", token="abc")

    assert data.headers["content-type"].startswith("application/xml")
    assert fault.status_code == 401
    assert '<Fault type="AUTHENTICATION">' in fault.text


async def test_every_answer_can_be_traced(raw: Raw) -> None:
    one, two = await raw("preferences"), await raw("preferences")

    assert len(one.headers["intuit_tid"]) > 20
    assert one.headers["intuit_tid"] != two.headers["intuit_tid"]


async def test_call_over_the_minutes_limit_is_refused_without_a_retry_after(raw: Raw) -> None:
    raw.sandbox.control.set_limits(minute=1)
    await raw("preferences")
    refused = await raw("preferences")

    assert refused.status_code == 429
    assert "retry-after" not in refused.headers
    assert refused.json()["Fault"]["Error"][0]["code"] == "3001"


async def test_preferences_tell_currency_and_closing_date(raw: Raw) -> None:
    found = (await raw("preferences")).json()["Preferences"]

    assert found["AccountingInfoPrefs"]["BookCloseDate"] == "2024-01-31"
    assert found["CurrencyPrefs"]["HomeCurrency"] == {"value": "GBP"}


async def test_company_info_tells_the_name_and_the_financial_year(raw: Raw) -> None:
    found = (await raw(f"companyinfo/{raw.connection.realm}")).json()["CompanyInfo"]

    assert found["CompanyName"] == "Acme Trading Ltd (sandbox)"
    assert found["FiscalYearStartMonth"] == "April"


async def test_accounts_can_be_queried_in_pages_from_body_or_address(raw: Raw) -> None:
    every = (await raw("query", body="SELECT * FROM Account")).json()["QueryResponse"]
    page = (await raw("query", query="select * from account startposition 20 maxresults 2")).json()[
        "QueryResponse"
    ]
    count = (await raw("query", body="select count(*) from Account")).json()["QueryResponse"]
    by_name = {entry["FullyQualifiedName"]: entry for entry in every["Account"]}

    assert count == {"totalCount": len(every["Account"])}
    assert (page["startPosition"], page["maxResults"]) == (20, 2)
    assert page["Account"] == every["Account"][19:21]
    deep = by_name["General Expenses:Subscriptions:Printing & Stationery"]
    assert (deep["SubAccount"], deep["AccountType"], deep["Classification"]) == (
        True,
        "Expense",
        "Expense",
    )
    assert deep["ParentRef"] == {"value": by_name["General Expenses:Subscriptions"]["Id"]}
    assert by_name["Consulting (old)"]["Active"] is False


@pytest.mark.parametrize(
    "text", ["select * from Invoice", "drop table x", "select Id from Account"]
)
async def test_other_queries_are_refused(raw: Raw, text: str) -> None:
    response = await raw("query", body=text)

    assert response.status_code == 400
    assert "this sandbox knows" in response.json()["Fault"]["Error"][0]["Detail"]


async def test_token_endpoint_ignores_fields_it_does_not_know_and_reads_credentials_in_the_body(
    raw: Raw,
) -> None:
    tokens = raw.connection.tokens
    form = {
        "grant_type": "refresh_token",
        "refresh_token": tokens.refresh_token.get_secret_value(),
        "client_id": "test-client",
        "client_secret": "test-secret",
        "params": "stray",
    }
    async with httpx.AsyncClient(trust_env=False) as client:
        url = f"{raw.sandbox.base}/oauth2/v1/tokens/bearer"
        answer = await client.post(url, data=form)
        wrong = await client.post(url, data={**form, "client_secret": "wrong"})

    assert answer.status_code == 200
    assert set(answer.json()) == {
        *("access_token", "refresh_token", "token_type", "expires_in"),
        "x_refresh_token_expires_in",
    }
    assert (wrong.status_code, wrong.json()) == (401, {"error": "invalid_client"})


async def test_token_without_the_accounting_scope_is_forbidden(raw: Raw) -> None:
    signed_in_only = replace(raw.sandbox.app, scopes=("openid",))

    with pytest.raises(AccessDeniedError, match="ApplicationAuthorizationFailed"):
        await connect(raw.connection.session, raw.sandbox, app=signed_in_only)


async def test_books_can_be_asked_for_their_exact_figures(raw: Raw) -> None:
    found = await raw.truth(
        tenant_id=raw.connection.realm, **{"from": "2024-01-01", "to": "2024-02-29"}
    )
    truth = chart(ACME, TODAY)
    rent = truth.account("Rent [HQ]")

    assert list(found["months"]) == ["2024-01-31", "2024-02-29"]
    assert Decimal(found["months"]["2024-02-29"][truth.id_of(rent)]) == truth.books.movement(
        rent.id, date(2024, 2, 1), date(2024, 2, 29)
    )
    entry = next(item for item in found["accounts"] if item["name"] == "Repairs & Maintenance")
    assert entry["path"] == ["Rent [HQ]", "Repairs & Maintenance"]


@pytest.mark.parametrize(
    ("action", "body", "message"),
    [
        ("restate", {"tenant_id": "x"}, "tenant_id: expected one of"),
        ("restate", {"account": "1", "day": "2024-02-01", "amount": "lots"}, "expected a decimal"),
        ("rename_account", {"account": "Sales", "name": "x"}, "expected one account 'Sales'"),
        ("too_long", {"most_months": 2, "answer": "sigh"}, "expected 'gateway' or 'notice'"),
    ],
)
async def test_wrong_control_requests_say_what_is_wrong(
    raw: Raw, action: str, body: dict[str, str], message: str
) -> None:
    with pytest.raises(RuntimeError, match=f"422.*{message}"):
        raw.sandbox.control.post(action, **{"tenant_id": raw.connection.realm, **body})


async def test_reset_forgets_restatements_and_long_reports(raw: Raw) -> None:
    control, realm = raw.sandbox.control, raw.connection.realm
    query = {"tenant_id": realm, "from": "2024-02-01", "to": "2024-02-29"}
    before = await raw.truth(**query)
    control.post("restate", tenant_id=realm, account="200", day="2024-02-10", amount="10")
    control.post("too_long", tenant_id=realm, most_months=0)
    changed = await raw.truth(**query)
    failed = await raw("reports/ProfitAndLoss")
    control.reset()

    assert changed["net_profit"] != before["net_profit"]
    assert (failed.status_code, failed.text) == (504, "upstream request timeout")
    assert await raw.truth(**query) == before
