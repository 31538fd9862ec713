from collections.abc import AsyncIterator, Iterator
from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from support.gusto_payloads import compensation, employee, job, payroll
from support.gusto_sandbox import TODAY, HeldTokens, connect

from integrations.contracts import (
    AccessDeniedError,
    Answer,
    PayloadError,
    PayrollCost,
    ReconnectRequiredError,
    RequestRefusedError,
    Tenant,
    month_ends,
    months_back,
)
from integrations.gusto import PLUGIN
from integrations.gusto.adapter import GustoFetchAdapter
from integrations.gusto.sandbox import (
    ACME,
    HARBOR,
    Company,
    build_companies,
    build_sandbox,
    company_uuid,
)
from integrations.runtime.http import HttpSession
from integrations.sandbox_kit import SandboxControl, sandbox_app, serve_in_thread

COMPANIES = {company.name: company for company in build_companies(TODAY)}


@pytest.fixture(scope="module")
def base() -> Iterator[str]:
    with serve_in_thread(sandbox_app({"gusto": build_sandbox}, today=TODAY)) as url:
        yield f"{url}/gusto"


@pytest.fixture(autouse=True)
def control(base: str) -> SandboxControl:
    remote = SandboxControl(base)
    remote.reset()
    return remote


@pytest.fixture
async def http() -> AsyncIterator[HttpSession]:
    async with HttpSession() as session:
        yield session


async def adapter_for(http: HttpSession, base: str, name: str, **more: Any) -> GustoFetchAdapter:
    tenant = Tenant(id=company_uuid(name), name=name)
    tokens = await connect(http, base, tenant.id, **more)
    client = http.bind(PLUGIN, tokens=HeldTokens(http, base, tokens, tenant), base_url=base)
    return GustoFetchAdapter("ws-1", await client.open(), today=TODAY)


def true_people(company: Company, first_day: date) -> dict[str, list[tuple[Any, ...]]]:
    """Return by id what must be found: name, and each spell."""
    return {
        person.uuid: [
            (
                f"{person.first_name} {person.last_name}",
                person.department,
                spell.title,
                spell.start,
                spell.end,
                spell.monthly,
            )
            for spell in person.spells
        ]
        for person in company.people
        if person.stints[-1].end is None or person.stints[-1].end >= first_day
    }


@pytest.mark.parametrize("name", [ACME, HARBOR])
@pytest.mark.parametrize("from_date", [date(2023, 1, 1), date(2024, 4, 10), date(2026, 3, 1)])
async def test_people_are_those_of_the_company_spell_by_spell(
    http: HttpSession, base: str, name: str, from_date: date
) -> None:
    adapter = await adapter_for(http, base, name)
    found = {
        person.employee_id: [
            (
                person.name,
                spell.department,
                spell.title,
                spell.start_date,
                spell.end_date,
                spell.monthly_salary,
            )
            for spell in person.spells
        ]
        for person in await adapter.get_data(from_date)
    }

    assert found == true_people(COMPANIES[name], from_date.replace(day=1))


@pytest.mark.parametrize("name", [ACME, HARBOR])
@pytest.mark.parametrize("months", [1, 11, 24, 39])
async def test_costs_are_those_of_the_company_to_the_cent(
    http: HttpSession, base: str, name: str, months: int
) -> None:
    adapter = await adapter_for(http, base, name)
    first = months_back(TODAY, months)
    found = await adapter.get_payroll_costs(first)

    assert found == [
        PayrollCost(month=month, currency="USD", **COMPANIES[name].true_cost(month))
        for month in month_ends(first, TODAY)
    ]


async def test_all_months_together_are_all_totals_together(http: HttpSession, base: str) -> None:
    adapter = await adapter_for(http, base, HARBOR)
    found = await adapter.get_payroll_costs(date(2024, 1, 1))
    done = [run for run in COMPANIES[HARBOR].runs if run.processed_by(TODAY)]

    assert sum(item.gross_pay for item in found) == sum(run.costs["gross_pay"] for run in done)
    assert len([run for run in done if run.kind == "external"]) == 1


async def test_people_take_two_calls_more_than_pages_for_a_rehire_and_the_owner(
    http: HttpSession, base: str, control: SandboxControl
) -> None:
    adapter = await adapter_for(http, base, ACME)
    control.clear_calls()
    await adapter.get_data(date(2025, 4, 1))
    calls = [call["path"].rsplit("/", 1)[-1] for call in control.calls("/v1")]

    assert calls == ["employees", "employment_history", "pay_schedules"]


async def test_small_pages_bring_everybody_once(
    http: HttpSession, base: str, control: SandboxControl, monkeypatch: pytest.MonkeyPatch
) -> None:
    adapter = await adapter_for(http, base, ACME)
    whole = await adapter.get_data(date(2023, 1, 1))
    control.clear_calls()
    monkeypatch.setattr("integrations.gusto.adapter.PER_PAGE", 10)
    paged = await adapter.get_data(date(2023, 1, 1))
    pages = [
        call["query"]["page"]
        for call in control.calls("/v1/companies")
        if "employees" in call["path"]
    ]

    assert paged == whole
    assert pages == ["1", "2", "3", "4"]


async def test_every_call_pins_the_version_and_the_fetch_survives_an_expired_token(
    http: HttpSession, base: str, control: SandboxControl
) -> None:
    adapter = await adapter_for(http, base, HARBOR)
    control.expire_access_tokens()
    people = await adapter.get_data(date(2026, 1, 1))

    assert len(people) == 5
    assert {call["status"] for call in control.calls("/v1")} == {200, 401}


async def test_pay_that_was_not_granted_is_an_error_and_not_a_salary_of_zero(
    http: HttpSession, base: str
) -> None:
    scope = "employees:read jobs:read employments:read pay_schedules:read payrolls:read"
    adapter = await adapter_for(http, base, ACME, scope=scope)

    with pytest.raises(AccessDeniedError, match="compensations:read"):
        await adapter.get_data(date(2026, 1, 1))
    assert await adapter.get_payroll_costs(date(2026, 2, 1))


async def test_missing_scope_is_named(http: HttpSession, base: str) -> None:
    adapter = await adapter_for(http, base, ACME, scope="employees:read")

    with pytest.raises(AccessDeniedError, match="payrolls:read"):
        await adapter.get_payroll_costs(date(2026, 2, 1))


async def test_revoked_grant_asks_for_a_person(
    http: HttpSession, base: str, control: SandboxControl
) -> None:
    tenant = Tenant(id=company_uuid(ACME), name=ACME)
    tokens = await connect(http, base, tenant.id)

    class NoRefresh(HeldTokens):
        async def access(self, *, rejected: str | None = None) -> Any:
            if rejected is not None:
                raise ReconnectRequiredError("Gusto: must reconnect")
            return await super().access()

    client = http.bind(PLUGIN, tokens=NoRefresh(http, base, tokens, tenant), base_url=base)
    adapter = GustoFetchAdapter("ws-1", await client.open(), today=TODAY)
    control.revoke_grants(tenant.id)

    with pytest.raises(ReconnectRequiredError):
        await adapter.get_data(date(2026, 1, 1))


async def test_vanished_company_is_a_refusal_and_not_an_empty_one(
    http: HttpSession, base: str, control: SandboxControl
) -> None:
    adapter = await adapter_for(http, base, ACME)
    control.vanish_tenant(company_uuid(ACME))

    with pytest.raises(RequestRefusedError) as caught:
        await adapter.get_data(date(2026, 1, 1))
    assert caught.value.status == 404


async def test_endpoints_are_the_monthly_costs(http: HttpSession, base: str) -> None:
    adapter = await adapter_for(http, base, ACME)

    assert await adapter.get_data_endpoints(date(2026, 1, 1)) == (
        "Gross Pay",
        "Employer Taxes",
        "Benefits",
        "Reimbursements",
        "Total Payroll Cost",
    )


class Pages:
    """A client that serves pages from a list and notes what was asked for."""

    tenant_id = "c-1"
    tenant_name = "Acme"
    calls = 0

    def __init__(self, *pages: list[Any], headers: dict[str, str] | None = None) -> None:
        self.pages = pages
        self.headers = headers or {}
        self.asked: list[dict[str, Any]] = []

    async def get(self, _path: str, params: Any = None, **_more: object) -> Answer:
        self.asked.append(dict(params))
        page = min(params["page"], len(self.pages))
        return Answer(200, self.pages[page - 1], self.headers)


def people(first: int, last: int) -> list[dict[str, Any]]:
    pay = compensation("60000.00", "Year", "2020-01-20")
    return [employee(job("2020-01-20", pay), uuid=f"e-{index}") for index in range(first, last)]


async def fetched(client: Pages) -> int:
    return len(await GustoFetchAdapter("ws-1", client, today=TODAY).get_data(date(2026, 1, 1)))


async def test_without_paging_headers_a_short_page_is_the_last() -> None:
    client = Pages(people(0, 100), people(100, 200), people(200, 203))

    assert await fetched(client) == 203
    assert [asked["page"] for asked in client.asked] == [1, 2, 3]
    assert {asked["per"] for asked in client.asked} == {100}


async def test_server_that_ignores_paging_is_not_asked_for_ever() -> None:
    client = Pages(people(0, 150))

    assert await fetched(client) == 150
    assert len(client.asked) == 2


async def test_person_who_slips_onto_a_second_page_is_there_once() -> None:
    client = Pages(people(0, 3), people(2, 5), headers={"x-total-pages": "2"})

    assert await fetched(client) == 5


async def test_paging_header_that_is_no_number_is_an_error() -> None:
    with pytest.raises(PayloadError, match="X-Total-Pages: expected a number"):
        await fetched(Pages(people(0, 1), headers={"x-total-pages": "many"}))


async def test_answer_that_is_no_list_is_an_error() -> None:
    broken: Any = {"employees": []}

    with pytest.raises(PayloadError, match="Gusto: employees: expected a list, found dict"):
        await fetched(Pages(broken))


async def test_payrolls_are_asked_for_with_all_types_their_totals_and_a_year_at_most() -> None:
    client = Pages([payroll("p-1", "2026-02-01", "2026-02-15")])
    adapter = GustoFetchAdapter("ws-1", client, today=TODAY)
    february, march = await adapter.get_payroll_costs(date(2026, 2, 3))

    assert (february.gross_pay, march.gross_pay) == (Decimal("1000.00"), Decimal("0.00"))
    for asked in client.asked:
        assert asked["processing_statuses"] == "processed"
        assert asked["payroll_types"] == "regular,off_cycle,external"
        assert asked["include"] == "totals"
        span = date.fromisoformat(asked["end_date"]) - date.fromisoformat(asked["start_date"])
        assert span.days <= 365
