from collections.abc import AsyncIterator, Iterator
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest
from support.gusto_sandbox import TODAY, VERSION, ask, connect

from integrations.contracts import TokenSet, month_end, month_ends
from integrations.gusto.sandbox import (
    ACME,
    HARBOR,
    build_companies,
    build_sandbox,
    company_uuid,
)
from integrations.gusto.sandbox.payruns import COST
from integrations.runtime.http import HttpSession
from integrations.sandbox_kit import SandboxControl, sandbox_app, serve_in_thread

ACME_NOW, HARBOR_NOW = build_companies(TODAY)
YEAR = {"start_date": "2025-03-11", "end_date": "2026-03-10"}


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


@pytest.fixture
async def tokens(http: HttpSession, base: str, control: SandboxControl) -> TokenSet:
    return await connect(http, base, company_uuid(ACME))


class Api:
    """Asks for a path of Acme's, with the version pinned."""

    def __init__(self, http: HttpSession, base: str, tokens: TokenSet) -> None:
        self.http, self.base, self.tokens = http, base, tokens

    async def __call__(self, path: str, **query: Any) -> Any:
        asked = "&".join(f"{name}={value}" for name, value in query.items())
        path = path.replace("{acme}", company_uuid(ACME))
        return await ask(self.http, f"{self.base}/v1/{path}?{asked}", self.tokens, **VERSION)


@pytest.fixture
def api(http: HttpSession, base: str, tokens: TokenSet) -> Api:
    return Api(http, base, tokens)


def category(answer: Any) -> str:
    (error,) = answer.json()["errors"]
    assert set(error) >= {"error_key", "category", "message"}
    return str(error["category"])


async def test_token_is_for_one_company_and_says_which(api: Api) -> None:
    info = (await api("token_info")).json()

    assert info["resource"] == {"type": "Company", "uuid": company_uuid(ACME)}
    assert info["resource_owner"]["type"] == "CompanyAdmin"
    assert "compensations:read" in info["scope"].split()


async def test_other_companies_and_unknown_paths_are_not_found(api: Api) -> None:
    for path in (f"companies/{company_uuid(HARBOR)}/employees", "companies/none", "me"):
        answer = await api(path)

        assert answer.status == 404
        assert category(answer) == "not_found"


async def test_history_of_another_companys_employee_is_not_found(api: Api) -> None:
    answer = await api(f"employees/{HARBOR_NOW.people[0].uuid}/employment_history")

    assert answer.status == 404


@pytest.mark.parametrize("version", ["2025-06-15", "2025-11-15", "2026-02-01", "2026-06-15"])
async def test_versions_still_served_are_answered(
    http: HttpSession, base: str, tokens: TokenSet, version: str
) -> None:
    headers = {"X-Gusto-API-Version": version}

    assert (await ask(http, f"{base}/v1/token_info", tokens, **headers)).status == 200


@pytest.mark.parametrize("headers", [{}, {"X-Gusto-API-Version": "2024-04-01"}])
async def test_missing_or_retired_version_is_refused(
    http: HttpSession, base: str, tokens: TokenSet, headers: dict[str, str]
) -> None:
    answer = await ask(http, f"{base}/v1/token_info", tokens, **headers)

    assert answer.status == 406
    assert category(answer) == "invalid_api_version"


async def test_dead_token_is_refused_with_an_empty_body(api: Api, control: SandboxControl) -> None:
    control.expire_access_tokens()
    answer = await api("token_info")

    assert (answer.status, answer.body) == (401, b"")


async def test_paging_headers_come_only_when_paging_is_asked_for(api: Api) -> None:
    whole = await api("companies/{acme}/employees")
    first = await api("companies/{acme}/employees", page=1)
    last = await api("companies/{acme}/employees", page=3, per=15)
    past = await api("companies/{acme}/employees", page=9)

    assert len(whole.json()) == len(ACME_NOW.people) == 33
    assert not any(name.startswith(("x-page", "x-total")) for name in whole.headers)
    assert len(first.json()) == 25
    assert first.headers["x-per-page"] == "25"
    assert first.headers["x-total-pages"] == "2"
    assert (last.headers["x-page"], last.headers["x-total-count"]) == ("3", "33")
    assert len(last.json()) == 3
    assert past.json() == []


@pytest.mark.parametrize("query", [{"page": 0}, {"per": "many"}, {"include": "everything"}])
async def test_parameters_that_make_no_sense_are_refused(api: Api, query: dict[str, Any]) -> None:
    answer = await api("companies/{acme}/employees", **query)

    assert answer.status == 422
    assert category(answer) == "invalid_parameter"


async def test_salary_history_comes_only_when_it_is_asked_for(api: Api) -> None:
    def pays_of_wanda(rows: list[dict[str, Any]]) -> list[str]:
        (wanda,) = [row for row in rows if row["first_name"] == "Wanda"]
        return [pay["rate"] for pay in wanda["jobs"][0]["compensations"]]

    now = (await api("companies/{acme}/employees")).json()
    ever = (await api("companies/{acme}/employees", include="all_compensations")).json()

    assert pays_of_wanda(now) == ["111000.00"]
    assert pays_of_wanda(ever) == ["120000.00", "111000.00", "102000.00", "96000.00"]


async def test_employees_come_with_personal_data_for_the_parser_to_drop(api: Api) -> None:
    for row in (await api("companies/{acme}/employees")).json():
        for name in ("ssn", "date_of_birth", "phone", "email", "current_home_address"):
            assert row[name]


async def test_pay_is_left_out_without_its_scope_and_without_an_error(
    http: HttpSession, base: str
) -> None:
    tokens = await connect(http, base, company_uuid(ACME), scope="employees:read jobs:read")
    answer = await Api(http, base, tokens)("companies/{acme}/employees")
    jobs = [job for row in answer.json() for job in row["jobs"]]

    assert answer.status == 200
    assert not any({"rate", "payment_unit", "compensations"} & set(job) for job in jobs)


async def test_missing_scope_of_an_endpoint_is_named(http: HttpSession, base: str) -> None:
    tokens = await connect(http, base, company_uuid(ACME), scope="employees:read")
    answer = await Api(http, base, tokens)("companies/{acme}/payrolls")

    assert answer.status == 403
    assert category(answer) == "missing_oauth_scopes"
    assert answer.json()["errors"][0]["metadata"] == {"missing_scope_name": "payrolls:read"}


async def test_payrolls_default_to_regular_ones_of_half_a_year_without_totals(api: Api) -> None:
    rows = (await api("companies/{acme}/payrolls")).json()

    assert {(row["off_cycle"], row["external"], row["processed"]) for row in rows} == {
        (False, False, True)
    }
    assert not any("totals" in row for row in rows)
    assert min(row["pay_period"]["start_date"] for row in rows) >= "2025-09-10"


async def test_check_date_filters_regular_payrolls_and_pay_period_the_others(api: Api) -> None:
    common = {"payroll_types": "regular,off_cycle", "date_filter_by": "check_date"}
    september = {"start_date": "2025-09-01", "end_date": "2025-09-30"}
    rows = (await api("companies/{acme}/payrolls", **common, **september)).json()

    assert {row["check_date"][:7] for row in rows if not row["off_cycle"]} == {"2025-09"}
    assert {row["pay_period"]["start_date"][:7] for row in rows if not row["off_cycle"]} == {
        "2025-08",
        "2025-09",
    }
    assert [row for row in rows if row["off_cycle"]] == []


async def test_unprocessed_payrolls_have_no_totals(api: Api) -> None:
    rows = (
        await api("companies/{acme}/payrolls", processing_statuses="unprocessed", include="totals",
                  start_date="2026-02-01", end_date="2026-05-01")
    ).json()  # fmt: skip

    assert rows
    assert not any(row["processed"] or "totals" in row for row in rows)


async def test_totals_are_gustos_cash_beside_the_cost(api: Api) -> None:
    rows = (await api("companies/{acme}/payrolls", include="totals", **YEAR)).json()
    for row in rows:
        totals = {name: Decimal(text) for name, text in row["totals"].items()}

        assert totals["tax_debit"] == totals["employer_taxes"] + totals["employee_taxes"]
        assert totals["company_debit"] == totals["net_pay_debit"] + totals["tax_debit"]
        assert totals["company_debit"] != totals["gross_pay"] + totals["employer_taxes"]


async def test_reversal_is_a_payroll_of_its_own_that_the_original_names(api: Api) -> None:
    query = {"include": "totals,reversals", "payroll_types": "regular,off_cycle"}
    rows = (await api("companies/{acme}/payrolls", **query, **YEAR)).json()
    (original,) = [row for row in rows if "reversal_payroll_uuids" in row]
    (reversal,) = [row for row in rows if row["uuid"] in original["reversal_payroll_uuids"]]

    assert reversal["off_cycle_reason"] == "Reversal"
    assert reversal["pay_period"]["start_date"] == original["pay_period"]["start_date"]
    for name in COST:
        assert Decimal(reversal["totals"][name]) == -Decimal(original["totals"][name])


@pytest.mark.parametrize(
    "query",
    [
        {"start_date": "2025-01-01", "end_date": "2026-01-02"},
        {"start_date": "2026-02-01", "end_date": "2026-01-01"},
        {"start_date": "2026-01-01", "end_date": "2026-06-11"},
        {"start_date": "yesterday"},
        {"payroll_types": "regular,secret"},
        {"date_filter_by": "processed_date"},
    ],
)
async def test_payroll_queries_that_gusto_refuses_are_refused(
    api: Api, query: dict[str, str]
) -> None:
    answer = await api("companies/{acme}/payrolls", **query)

    assert answer.status == 422
    assert category(answer) == "invalid_parameter"


async def test_a_year_and_three_months_ahead_are_still_served(api: Api) -> None:
    answer = await api("companies/{acme}/payrolls", start_date="2025-06-10", end_date="2026-06-10")

    assert answer.status == 200


async def test_departments_and_schedules_are_those_of_the_company(api: Api) -> None:
    departments = (await api("companies/{acme}/departments")).json()
    schedules = (await api("companies/{acme}/pay_schedules")).json()

    assert sum(len(row["employees"]) for row in departments) == 33
    assert [(row["frequency"], row["active"]) for row in schedules] == [
        ("Monthly", False),
        ("Every other week", True),
    ]


async def test_minute_is_counted_by_user_and_rolls(
    http: HttpSession, base: str, control: SandboxControl, tokens: TokenSet
) -> None:
    control.set_limits(minute=2)
    same_user = await connect(http, base, company_uuid(HARBOR))
    other_user = await connect(http, base, company_uuid(HARBOR), user_id="somebody-else")
    first = await Api(http, base, tokens)("token_info")
    second = await Api(http, base, same_user)("token_info")
    third = await Api(http, base, tokens)("token_info")
    other = await Api(http, base, other_user)("token_info")
    control.advance_clock(61)
    later = await Api(http, base, tokens)("token_info")

    assert [answer.status for answer in (first, second, third, other, later)] == [
        200, 200, 429, 200, 200,
    ]  # fmt: skip
    assert first.headers["x-ratelimit-limit"] == "2"
    assert first.headers["x-ratelimit-remaining"] == "1"
    assert first.headers["x-ratelimit-reset"].endswith(" +0000")
    assert "retry-after" not in first.headers
    assert 1 <= int(third.headers["retry-after"]) <= 60
    assert "x-request-id" in first.headers


async def test_faults_look_like_gustos(api: Api, control: SandboxControl) -> None:
    control.fault("status", path="/v1", status=500)
    answer = await api("token_info")

    assert answer.status == 500
    assert category(answer) == "internal_error"


def test_same_day_gives_the_same_companies() -> None:
    assert build_companies(TODAY) == (ACME_NOW, HARBOR_NOW)


def test_closed_months_do_not_move_from_one_day_to_the_next() -> None:
    for days in (1, 30, 200):
        later, *_ = build_companies(TODAY + timedelta(days=days))
        for month in month_ends(date(2024, 3, 1), date(2026, 1, 31)):
            assert later.true_cost(month) == ACME_NOW.true_cost(month)


def test_books_hold_every_case_that_a_parser_must_know() -> None:
    people = [person for company in (ACME_NOW, HARBOR_NOW) for person in company.people]
    units = {pay.unit for person in people for job in person.jobs for pay in job.pay}
    runs = [run for run in ACME_NOW.runs if run.processed_by(TODAY)]

    assert units == {"Hour", "Week", "Month", "Year", "Paycheck"}
    assert any(len(person.stints) > 1 for person in people)
    assert any(person.stints[0].start > TODAY for person in people)
    assert any(person.terminated_by(TODAY) for person in people)
    assert any(not person.jobs for person in people)
    assert any(month_end(run.start) != month_end(run.end) for run in runs)
    assert {run.reason for run in runs} >= {"Bonus", "Reversal", "Correction"}
