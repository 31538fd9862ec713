"""The adapter against the sandbox over HTTP: figures, calls, refusals."""

from collections.abc import AsyncIterator, Iterator
from datetime import date
from decimal import Decimal

import pytest
from support.xero_sandbox import (
    ACME,
    GLOBEX,
    Connection,
    XeroSandbox,
    books,
    connect,
    connected,
    freshly_connected,
    xero_sandbox,
)

from integrations.contracts import (
    AccessDeniedError,
    Answer,
    DataBatch,
    DayLimitError,
    LineKind,
    PayloadError,
    ReconnectRequiredError,
    Statement,
    month_start,
    months_back,
)
from integrations.runtime.http import HttpSession
from integrations.sandbox_kit.books import COMPANIES, AccountKind, Books, Company
from integrations.xero.adapter import XeroFetchAdapter
from integrations.xero.reports import parse_report
from integrations.xero.sandbox.statements import CURRENT_YEAR_EARNINGS_ID
from integrations.xero.windows import ReportQuery

MARCH = date(2024, 3, 31)
REPORTS = "api.xro/2.0/Reports"


@pytest.fixture(scope="module")
def served() -> Iterator[XeroSandbox]:
    with xero_sandbox(MARCH) as sandbox:
        yield sandbox


@pytest.fixture
async def rig(served: XeroSandbox) -> AsyncIterator[tuple[XeroSandbox, Connection]]:
    async with freshly_connected(served) as connection:
        yield served, connection


class SwappedClient:
    """Pinned to one organisation and answered by another."""

    tenant_id, tenant_name, calls = ACME.id, ACME.name, 0

    async def get(self, path, _params=None, *, headers=None) -> Answer:
        self.calls += 1
        if path == "connections":
            return Answer(
                status=200, payload=[{"id": "c", "tenantId": ACME.id, "tenantName": ACME.name}]
            )
        entry = {"OrganisationID": GLOBEX.id, "Name": GLOBEX.name, "BaseCurrency": "EUR"}
        return Answer(status=200, payload={"Organisations": [entry]})


def expected_figures(truth: Books, batch: DataBatch) -> dict[str, dict[date, Decimal]]:
    """Return the exact figures of all accounts that moved, by account id."""
    monthly = truth.monthly(batch.dates)
    figures = {
        account.id: {month: monthly[month][account.id] for month in batch.dates}
        for account in truth.accounts
    }
    figures[CURRENT_YEAR_EARNINGS_ID] = {
        month: truth.current_year_earnings(month) for month in batch.dates
    }
    return {key: values for key, values in figures.items() if any(values.values())}


def landed_figures(batch: DataBatch) -> dict[str | None, dict[date, Decimal | None]]:
    return {
        line.account_id: dict(line.values)
        for line in batch.lines
        if line.kind is LineKind.ACCOUNT and any(line.values.values())
    }


@pytest.mark.parametrize(
    ("today", "report_calls"),
    [
        (date(2024, 3, 31), 4),
        (date(2024, 3, 9), 4),
        (date(2024, 2, 29), 5),
        (date(2025, 2, 28), 5),
        (date(2024, 4, 30), 5),
        (date(2026, 11, 24), 5),
        (date(2024, 12, 31), 4),
    ],
    ids=str,
)
async def test_24_months_equal_the_books_to_the_penny(today: date, report_calls: int) -> None:
    async with connected(today) as (sandbox, connection):
        batch = await connection.adapter(today).get_data(months_back(today, 24))
        calls = sandbox.control.calls("/api.xro")

    assert len(batch.dates) == 24
    assert landed_figures(batch) == expected_figures(books(ACME, today), batch)
    assert len([call for call in calls if "Reports" in call["path"]]) == report_calls
    assert len(calls) == report_calls + 1


@pytest.mark.parametrize("company", COMPANIES, ids=lambda company: company.currency)
async def test_eleven_months_of_every_company_cost_two_report_calls(
    served: XeroSandbox, company: Company
) -> None:
    today = date(2024, 2, 20)
    async with freshly_connected(served, company) as connection:
        batch = await connection.adapter(today).get_data(months_back(today, 11))
        reports = served.control.calls(REPORTS)

    assert landed_figures(batch) == expected_figures(books(company, MARCH), batch)
    assert (batch.currency, batch.tenant_id, batch.tenant_name) == (
        company.currency,
        company.id,
        company.name,
    )
    assert len(reports) == 2


async def test_totals_are_those_of_the_books(rig: tuple[XeroSandbox, Connection]) -> None:
    _sandbox, connection = rig
    batch = await connection.adapter(MARCH).get_data(date(2023, 1, 31))
    truth = books(ACME, MARCH)

    for month in batch.dates:
        first = month_start(month)
        income = sum(
            truth.movement(account.id, first, month)
            for account in truth.accounts
            if account.kind is AccountKind.INCOME
        )
        assert batch.data["Total Income"][month] == income
        assert batch.data["Net Profit"][month] == truth.net_profit(first, month)
        assert batch.data["Net Assets"][month] == batch.data["Total Equity"][month]


async def test_same_label_in_two_sections_gets_two_endpoints(
    rig: tuple[XeroSandbox, Connection],
) -> None:
    _sandbox, connection = rig
    endpoints = await connection.adapter(MARCH).get_data_endpoints(date(2024, 1, 1))

    assert {"Income / Sales", "Plus Other Income / Sales", "Sales, Net (UK)"} <= set(endpoints)
    assert {"Repairs & Maintenance", "Rent [HQ]", "Current Year Earnings"} <= set(endpoints)
    assert "Sales" not in endpoints


async def test_one_statement_costs_only_its_own_calls(
    rig: tuple[XeroSandbox, Connection],
) -> None:
    sandbox, connection = rig
    batch = await connection.adapter(MARCH).get_data(
        date(2024, 1, 1), statements=frozenset({Statement.BALANCE_SHEET})
    )

    assert {line.statement for line in batch.lines} == {Statement.BALANCE_SHEET}
    assert [call["path"] for call in sandbox.control.calls()] == [
        "/api.xro/2.0/Organisation",
        "/api.xro/2.0/Reports/BalanceSheet",
    ]


async def test_single_month_equals_the_books(rig: tuple[XeroSandbox, Connection]) -> None:
    sandbox, connection = rig
    february = date(2024, 2, 29)
    batch = await connection.adapter(february).get_data(february)
    (profit_and_loss, balance_sheet) = sandbox.control.calls(REPORTS)

    assert batch.dates == (february,)
    assert landed_figures(batch) == expected_figures(books(ACME, MARCH), batch)
    assert "periods" not in profit_and_loss["query"]
    assert balance_sheet["query"]["periods"] == "1"


async def test_lock_date_and_basis_come_with_the_batch(
    rig: tuple[XeroSandbox, Connection],
) -> None:
    _sandbox, connection = rig
    batch = await connection.adapter(MARCH).get_data(MARCH)

    assert batch.lock_date == books(ACME, MARCH).lock_date == date(2024, 1, 31)
    assert batch.basis == "accrual"


async def test_restated_month_and_renamed_account_arrive_with_the_next_fetch(
    rig: tuple[XeroSandbox, Connection],
) -> None:
    sandbox, connection = rig
    adapter = connection.adapter(MARCH)
    before = await adapter.get_data(date(2024, 1, 1))
    sandbox.control.post(
        "restate", tenant_id=ACME.id, account="Rent [HQ]", day="2024-02-15", amount="-100.25"
    )
    sandbox.control.post("rename_account", tenant_id=ACME.id, account="469", name="Rent (Leeds)")
    after = await adapter.get_data(date(2024, 1, 1))

    change = {
        month: after.data["Rent (Leeds)"][month] - before.data["Rent [HQ]"][month]
        for month in before.dates
    }
    assert list(change.values()) == [Decimal(0), Decimal("-100.25"), Decimal(0)]


async def test_base_window_of_thirty_days_cuts_long_months_at_the_provider(
    rig: tuple[XeroSandbox, Connection],
) -> None:
    _sandbox, connection = rig
    client = connection.client()
    wrong = await client.get(
        f"{REPORTS}/ProfitAndLoss",
        {"fromDate": "2023-04-01", "toDate": "2023-04-30", "periods": 2, "timeframe": "MONTH"},
    )
    header = wrong.payload["Reports"][0]["Rows"][0]["Cells"]
    net = wrong.payload["Reports"][0]["Rows"][-1]["Rows"][0]["Cells"]
    truth = books(ACME, MARCH)
    march = date(2023, 3, 1)

    assert [cell["Value"] for cell in header] == ["", "30 Apr 23", "30 Mar 23", "28 Feb 23"]
    assert Decimal(net[1]["Value"]) == truth.net_profit(date(2023, 4, 1), date(2023, 4, 30))
    assert Decimal(net[2]["Value"]) == truth.net_profit(march, date(2023, 3, 30))
    assert Decimal(net[2]["Value"]) != truth.net_profit(march, date(2023, 3, 31))
    assert Decimal(net[3]["Value"]) == truth.net_profit(date(2023, 2, 1), date(2023, 2, 28))


async def test_rolling_windows_have_the_right_labels_and_wrong_figures_and_are_refused(
    rig: tuple[XeroSandbox, Connection],
) -> None:
    # The classic mistake: from the last day of one long month to the end of another.
    _sandbox, connection = rig
    truth = books(ACME, MARCH)
    months = (date(2023, 12, 31), date(2023, 11, 30))
    rolling = await connection.client().get(
        f"{REPORTS}/ProfitAndLoss",
        {"fromDate": "2023-01-31", "toDate": "2023-12-31", "periods": 1, "timeframe": "MONTH"},
    )
    net = rolling.payload["Reports"][0]["Rows"][-1]["Rows"][0]["Cells"]
    base = (date(2023, 12, 1), date(2023, 12, 31))
    query = ReportQuery(Statement.PROFIT_AND_LOSS, base, months, frozenset(months))

    assert Decimal(net[1]["Value"]) == truth.net_profit(date(2023, 1, 31), date(2023, 12, 31))
    with pytest.raises(PayloadError) as caught:
        parse_report(rolling.payload, query)
    assert str(caught.value) == (
        "ProfitAndLoss: ReportTitles[2]: expected 2023-12-01 to 2023-12-31, "
        "found 2023-01-31 to 2023-12-31"
    )


async def test_expired_token_is_refreshed_in_mid_fetch(
    rig: tuple[XeroSandbox, Connection],
) -> None:
    sandbox, connection = rig
    sandbox.control.expire_access_tokens()
    batch = await connection.adapter(MARCH).get_data(date(2024, 1, 1))

    assert connection.refreshes == 1
    assert [call["status"] for call in sandbox.control.calls("/api.xro")] == [401, 200, 200, 200]
    assert landed_figures(batch) == expected_figures(books(ACME, MARCH), batch)


async def test_vanished_organisation_asks_to_reconnect(
    rig: tuple[XeroSandbox, Connection],
) -> None:
    sandbox, connection = rig
    sandbox.control.vanish_tenant(ACME.id)

    with pytest.raises(
        ReconnectRequiredError, match=r"'Acme Trading Ltd \(sandbox\)'.* no longer connected"
    ):
        await connection.adapter(MARCH).get_data(MARCH)


async def test_refused_report_of_a_connected_organisation_names_the_permission(
    rig: tuple[XeroSandbox, Connection],
) -> None:
    sandbox, connection = rig
    sandbox.control.fault("status", path=REPORTS, status=403)

    with pytest.raises(AccessDeniedError, match=r"still connected.*permission to see its reports"):
        await connection.adapter(MARCH).get_data(MARCH)
    assert [call["path"] for call in sandbox.control.calls()][-1] == "/connections"


async def test_missing_scope_is_named_as_such(rig: tuple[XeroSandbox, Connection]) -> None:
    sandbox, _connection = rig
    async with HttpSession() as session:
        sandbox.control.reset()
        poor, _tenants = await connect(
            session,
            sandbox,
            scopes=("offline_access", "accounting.settings.read"),
        )
        with pytest.raises(AccessDeniedError, match="lacks a scope"):
            await poor.adapter(MARCH).get_data(MARCH)


async def test_broad_scopes_of_an_older_app_work(rig: tuple[XeroSandbox, Connection]) -> None:
    sandbox, _connection = rig
    async with HttpSession() as session:
        sandbox.control.reset()
        broad = ("offline_access", "accounting.reports.read", "accounting.settings.read")
        connection, _tenants = await connect(session, sandbox, scopes=broad)
        batch = await connection.adapter(MARCH).get_data(MARCH)

    assert batch.dates == (MARCH,)


async def test_answer_about_another_organisation_never_becomes_figures() -> None:
    # No emulator mixes up its tenants, hence a client that does.
    client = SwappedClient()

    with pytest.raises(
        ReconnectRequiredError,
        match=r"'Acme Trading Ltd \(sandbox\)'.*found 'Globex GmbH \(sandbox\)'",
    ):
        await XeroFetchAdapter("acme", client, today=MARCH).get_data(MARCH)
    assert client.calls == 2


async def test_first_month_after_the_running_one_is_refused_without_a_call() -> None:
    client = SwappedClient()

    with pytest.raises(ValueError, match="not after 2024-03-31"):
        await XeroFetchAdapter("acme", client, today=MARCH).get_data(date(2024, 4, 1))
    assert client.calls == 0


async def test_used_up_day_says_when_to_come_back(rig: tuple[XeroSandbox, Connection]) -> None:
    sandbox, connection = rig
    sandbox.control.fault("day_limit", path=REPORTS, retry_after=7200)

    with pytest.raises(DayLimitError) as caught:
        await connection.adapter(MARCH).get_data(MARCH)
    assert caught.value.retry_after_s == 7200
