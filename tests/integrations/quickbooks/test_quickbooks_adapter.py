"""The adapter against the sandbox over HTTP: figures, calls, refusals."""

from collections.abc import AsyncIterator, Iterator
from datetime import date
from decimal import Decimal

import pytest
from support.quickbooks_sandbox import (
    ACME,
    Connection,
    QuickBooksSandbox,
    chart,
    connected,
    expected_figures,
    freshly_connected,
    landed_figures,
    quickbooks_sandbox,
)

from integrations.contracts import (
    AccessDeniedError,
    LineKind,
    PayloadError,
    ProviderUnavailableError,
    ReconnectRequiredError,
    RequestRefusedError,
    Statement,
    TooSlowError,
    month_start,
    months_back,
)
from integrations.quickbooks.reports import TooMuchDataError
from integrations.sandbox_kit.books import COMPANIES, Company

MARCH = date(2024, 3, 31)
Rig = tuple[QuickBooksSandbox, Connection]


@pytest.fixture(scope="module")
def served() -> Iterator[QuickBooksSandbox]:
    with quickbooks_sandbox(MARCH) as sandbox:
        yield sandbox


@pytest.fixture
async def rig(served: QuickBooksSandbox) -> AsyncIterator[Rig]:
    async with freshly_connected(served) as connection:
        yield served, connection


def reports_called(sandbox: QuickBooksSandbox) -> list[tuple[str, str, str, int]]:
    """Return report, first and last month, and status of every report call."""
    return [
        (
            call["path"].rsplit("/", 1)[1],
            call["query"]["start_date"][:7],
            call["query"]["end_date"][:7],
            call["status"],
        )
        for call in sandbox.control.calls()
        if "/reports/" in call["path"]
    ]


@pytest.mark.parametrize(
    "today",
    [
        date(2024, 3, 31),
        date(2024, 3, 9),
        date(2024, 2, 29),
        date(2025, 2, 28),
        date(2024, 4, 30),
        date(2026, 11, 24),
    ],
    ids=str,
)
async def test_24_months_equal_the_books_to_the_penny_in_two_calls_a_statement(
    today: date,
) -> None:
    async with connected(today) as (sandbox, connection):
        batch = await connection.fetch(months_back(today, 24), today)
        calls = sandbox.control.calls()

    assert len(batch.dates) == 24
    assert landed_figures(batch) == expected_figures(chart(ACME, today), batch)
    assert [call["path"].rsplit("/", 1)[1] for call in calls] == [
        "preferences",
        *["ProfitAndLoss"] * 2,
        *["BalanceSheet"] * 2,
    ]


@pytest.mark.parametrize("company", COMPANIES, ids=lambda company: company.currency)
async def test_eleven_months_of_every_company_cost_one_call_a_statement(
    served: QuickBooksSandbox, company: Company
) -> None:
    today = date(2024, 2, 20)
    async with freshly_connected(served, company) as connection:
        batch = await connection.fetch(months_back(today, 11), today)

    assert landed_figures(batch) == expected_figures(chart(company, MARCH), batch)
    assert (batch.currency, batch.tenant_id, batch.tenant_name, batch.basis) == (
        company.currency,
        connection.realm,
        company.name,
        "accrual",
    )
    assert len(reports_called(served)) == 2


async def test_totals_are_those_of_the_books(rig: Rig) -> None:
    _sandbox, connection = rig
    batch = await connection.fetch(date(2023, 1, 31), MARCH)
    books = chart(ACME, MARCH).books
    ids = {name: books.account(name).id for name in ("469", "445", "473")}

    for month in batch.dates:
        first = month_start(month)
        rent = sum(books.movement(id_, first, month) for id_ in ids.values())
        assert batch.data["Total Rent [HQ]"][month] == rent
        assert batch.data["Rent [HQ]"][month] == books.movement(ids["469"], first, month)
        assert batch.data["Profit and Loss / Net Income"][month] == books.net_profit(first, month)
        assert batch.data["Equity / Net Income"][month] == books.current_year_earnings(month)
        assert (
            batch.data["TOTAL ASSETS"][month] == batch.data["TOTAL LIABILITIES AND EQUITY"][month]
        )


async def test_every_total_of_a_section_is_the_sum_of_the_accounts_in_it(rig: Rig) -> None:
    _sandbox, connection = rig
    batch = await connection.fetch(date(2022, 4, 1), MARCH)
    totals = [line for line in batch.lines if line.kind is LineKind.SECTION_TOTAL]

    for total in totals:
        within = [
            line
            for line in batch.lines
            if line.kind is LineKind.ACCOUNT
            and line.statement is total.statement
            and line.section[: len(total.section)] == total.section
        ]
        for month in batch.dates:
            assert total.values[month] == sum(line.values[month] or 0 for line in within)
    assert len(totals) == 18


async def test_parents_total_never_lacks_what_was_posted_to_the_parent(rig: Rig) -> None:
    # Since October 2023 nothing is posted to "Consulting (old)", and to its only
    # sub-account nothing but in December.
    _sandbox, connection = rig
    batch = await connection.fetch(date(2022, 4, 1), MARCH)
    books = chart(ACME, MARCH).books
    own, below = books.account("412").id, books.account("420").id

    for month in batch.dates:
        first = month_start(month)
        assert batch.data["Consulting (old)"][month] == books.movement(own, first, month)
        assert batch.data["Total Consulting (old)"][month] == sum(
            books.movement(id_, first, month) for id_ in (own, below)
        )


async def test_same_label_in_two_sections_gets_two_endpoints(rig: Rig) -> None:
    _sandbox, connection = rig
    endpoints = await (await connection.adapter(MARCH)).get_data_endpoints(date(2024, 1, 1))

    assert {"Income / Sales", "Other Income / Sales"} <= set(endpoints)
    assert {"Other Income / Interest", "Other Expenses / Interest"} <= set(endpoints)
    assert {"Profit and Loss / Net Income", "Equity / Net Income"} <= set(endpoints)
    assert "Sales" not in endpoints


async def test_one_statement_costs_only_its_own_calls(rig: Rig) -> None:
    sandbox, connection = rig
    batch = await connection.fetch(
        date(2024, 1, 1), MARCH, statements=frozenset({Statement.BALANCE_SHEET})
    )

    assert {line.statement for line in batch.lines} == {Statement.BALANCE_SHEET}
    assert reports_called(sandbox) == [("BalanceSheet", "2024-01", "2024-03", 200)]


async def test_closing_date_of_the_books_comes_with_the_batch(
    served: QuickBooksSandbox, rig: Rig
) -> None:
    _sandbox, connection = rig
    batch = await connection.fetch(MARCH, MARCH)

    assert batch.lock_date == date(2024, 1, 31)
    async with freshly_connected(served, COMPANIES[1]) as open_books:
        assert (await open_books.fetch(MARCH, MARCH)).lock_date is None


async def test_company_whose_preferences_are_not_shown_has_no_lock_date(rig: Rig) -> None:
    sandbox, connection = rig
    sandbox.control.fault("status", path=f"v3/company/{connection.realm}/preferences", status=404)

    assert (await connection.fetch(MARCH, MARCH)).lock_date is None


async def test_statements_say_where_quickbooks_shows_them(rig: Rig) -> None:
    _sandbox, connection = rig
    batch = await connection.fetch(MARCH, MARCH)

    assert batch.report_urls == {
        Statement.PROFIT_AND_LOSS: "https://app.qbo.intuit.com/app/reportv2?token=PANDL",
        Statement.BALANCE_SHEET: "https://app.qbo.intuit.com/app/reportv2?token=BAL_SHEET",
    }


async def test_month_before_the_books_is_an_empty_report(rig: Rig) -> None:
    _sandbox, connection = rig
    first = date(2021, 1, 31)
    batch = await connection.fetch(first, first)
    both = await connection.fetch(date(2021, 6, 1), date(2022, 7, 31))

    assert (batch.lines, batch.dates, batch.currency) == ((), (first,), "GBP")
    assert both.data["Total Income"][date(2021, 6, 30)] == 0
    assert both.data["Gross Profit"][date(2021, 6, 30)] is None
    assert landed_figures(both) == expected_figures(chart(ACME, MARCH), both)


async def test_restated_month_and_renamed_account_arrive_with_the_next_fetch(rig: Rig) -> None:
    sandbox, connection = rig
    before = await connection.fetch(date(2024, 1, 1), MARCH)
    sandbox.control.post(
        "restate",
        tenant_id=connection.realm,
        account="Rent [HQ]",
        day="2024-02-15",
        amount="-100.25",
    )
    sandbox.control.post(
        "rename_account", tenant_id=connection.realm, account="469", name="Rent (Leeds)"
    )
    after = await connection.fetch(date(2024, 1, 1), MARCH)

    change = {
        month: after.data["Rent (Leeds)"][month] - before.data["Rent [HQ]"][month]
        for month in before.dates
    }
    assert list(change.values()) == [Decimal(0), Decimal("-100.25"), Decimal(0)]
    assert after.data["Total Rent (Leeds)"].keys() == set(after.dates)


async def test_report_that_times_out_twice_is_asked_for_in_halves(rig: Rig) -> None:
    sandbox, connection = rig
    sandbox.control.post("too_long", tenant_id=connection.realm, most_months=4)
    batch = await connection.fetch(
        months_back(MARCH, 24), MARCH, statements=frozenset({Statement.PROFIT_AND_LOSS})
    )
    calls = reports_called(sandbox)

    assert [(first, last, status) for _name, first, last, status in calls] == [
        *[("2023-04", "2024-03", 504)] * 2,
        *[("2023-10", "2024-03", 504)] * 2,
        ("2024-01", "2024-03", 200),
        ("2023-10", "2023-12", 200),
        ("2023-07", "2023-09", 200),
        ("2023-04", "2023-06", 200),
        ("2023-01", "2023-03", 200),
        ("2022-10", "2022-12", 200),
        ("2022-07", "2022-09", 200),
        ("2022-04", "2022-06", 200),
    ]
    expected = expected_figures(chart(ACME, MARCH), batch)
    flows = {line.account_id for line in batch.lines if line.kind is LineKind.ACCOUNT}
    assert landed_figures(batch) == {key: expected[key] for key in expected if key in flows}


async def test_report_that_was_cut_off_is_asked_for_in_halves_at_once(rig: Rig) -> None:
    sandbox, connection = rig
    sandbox.control.post("too_long", tenant_id=connection.realm, most_months=2, answer="notice")
    batch = await connection.fetch(months_back(MARCH, 5), MARCH)

    assert landed_figures(batch) == expected_figures(chart(ACME, MARCH), batch)
    assert [call[1:3] for call in reports_called(sandbox) if call[0] == "BalanceSheet"] == [
        ("2023-11", "2024-03"),
        ("2024-01", "2024-03"),
        ("2024-02", "2024-03"),
        ("2024-01", "2024-01"),
        ("2023-11", "2023-12"),
    ]


async def test_single_504_is_repeated_before_anything_is_halved(rig: Rig) -> None:
    sandbox, connection = rig
    sandbox.control.fault("status", path=f"v3/company/{connection.realm}/reports", status=504)
    await connection.fetch(months_back(MARCH, 3), MARCH)

    assert [call[3] for call in reports_called(sandbox)] == [504, 200, 200]


@pytest.mark.parametrize(
    ("answer", "error", "calls"),
    [("gateway", TooSlowError, 4), ("notice", TooMuchDataError, 1)],
)
async def test_single_month_that_is_too_much_is_an_error_in_the_end(
    rig: Rig, answer: str, error: type[Exception], calls: int
) -> None:
    sandbox, connection = rig
    sandbox.control.post("too_long", tenant_id=connection.realm, most_months=0, answer=answer)

    with pytest.raises(error):
        await connection.fetch(MARCH, MARCH)
    assert len(reports_called(sandbox)) == calls


async def test_expired_token_is_refreshed_in_mid_fetch(rig: Rig) -> None:
    sandbox, connection = rig
    sandbox.control.expire_access_tokens()
    batch = await connection.fetch(date(2024, 1, 1), MARCH)

    assert connection.refreshes == 1
    assert [call["status"] for call in sandbox.control.calls("/v3")] == [401, 200, 200, 200]
    assert landed_figures(batch) == expected_figures(chart(ACME, MARCH), batch)


async def test_lasting_401_of_the_lower_case_kind_asks_to_reconnect(rig: Rig) -> None:
    sandbox, connection = rig
    sandbox.control.fault("status", path="v3/company", status=401, times=2)

    with pytest.raises(ReconnectRequiredError, match=r"AuthenticationFailed.*intuit_tid: "):
        await connection.fetch(MARCH, MARCH)


async def test_fault_of_the_upper_case_kind_is_a_refused_request(rig: Rig) -> None:
    sandbox, connection = rig
    sandbox.control.fault("status", path=f"v3/company/{connection.realm}/reports", status=400)

    with pytest.raises(RequestRefusedError, match="The request was not valid") as caught:
        await connection.fetch(MARCH, MARCH)
    assert caught.value.status == 400
    assert len(reports_called(sandbox)) == 1


async def test_lasting_system_fault_is_unavailable(rig: Rig) -> None:
    sandbox, connection = rig
    sandbox.control.fault("status", path="v3/company", status=500, times=None)

    with pytest.raises(ProviderUnavailableError, match=r"\(500\): Unexpected error"):
        await connection.fetch(MARCH, MARCH)
    sandbox.control.clear_faults()


async def test_throttled_call_is_waited_for_without_a_retry_after(rig: Rig) -> None:
    sandbox, connection = rig
    sandbox.control.fault("minute_limit", path=f"v3/company/{connection.realm}/reports", times=2)
    batch = await connection.fetch(MARCH, MARCH)

    assert [call[3] for call in reports_called(sandbox)] == [429, 429, 200, 200]
    assert batch.dates == (MARCH,)


async def test_company_that_was_disconnected_asks_to_reconnect(rig: Rig) -> None:
    sandbox, connection = rig
    sandbox.control.vanish_tenant(connection.realm)

    with pytest.raises(
        ReconnectRequiredError,
        match=r"company 'Acme Trading Ltd \(sandbox\)' .* closed to this app.*connect again",
    ):
        await connection.fetch(MARCH, MARCH)
    assert [call["path"].rsplit("/", 2)[1] for call in sandbox.control.calls()][-1] == "companyinfo"


async def test_refused_report_of_a_connected_company_names_the_permission(rig: Rig) -> None:
    sandbox, connection = rig
    sandbox.control.fault("status", path=f"v3/company/{connection.realm}/reports", status=403)

    with pytest.raises(AccessDeniedError, match=r"still connected.*permission to see its reports"):
        await connection.fetch(MARCH, MARCH)


@pytest.mark.parametrize("kind", ["html", "truncated"])
async def test_answer_that_is_no_json_never_becomes_figures(rig: Rig, kind: str) -> None:
    sandbox, connection = rig
    sandbox.control.fault(
        kind, path=f"v3/company/{connection.realm}/reports/BalanceSheet", times=None
    )

    with pytest.raises(PayloadError, match="expected JSON, found"):
        await connection.fetch(MARCH, MARCH)
    sandbox.control.clear_faults()


async def test_first_month_after_the_running_one_is_refused_without_a_call(rig: Rig) -> None:
    sandbox, connection = rig

    with pytest.raises(ValueError, match="not after 2024-03-31"):
        await connection.fetch(date(2024, 4, 1), MARCH)
    assert sandbox.control.calls() == []
