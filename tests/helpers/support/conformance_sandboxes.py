"""The emulators of Pocketbooks and Pocketpay, and such as are not honest."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal
from functools import partial
from math import ceil
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from integrations.contracts import month_ends
from integrations.sandbox_kit import (
    LimitRule,
    OAuthProvider,
    OAuthRules,
    RateLimiter,
    Refusal,
    SandboxContext,
    SandboxTenant,
    build_emulator,
    control_route,
)

BOOKS = (SandboxTenant("org-a", "Alder & Sons"), SandboxTenant("org-b", "Birch Ltd"))
BOOKS_RULES = OAuthRules(
    client_auth=("basic",),
    access_lifetime_s=1800,
    grace=timedelta(minutes=30),
    pkce=True,
    tenants_per_grant="many",
    default_scopes=("organisation.read", "statements.read"),
)
PAY = (SandboxTenant("co-1", "Cedar GmbH"), SandboxTenant("co-2", "Dogwood OHG"))
PAY_RULES = OAuthRules(
    client_auth=("body",),
    access_lifetime_s=7200,
    grace=None,
    default_scopes=("people.read", "pay.read"),
)
LARGE_PAGE = 50

# id, name, kind, section; the figure of a month is a simple function of these.
CHART = (
    ("p1", "Sales", "income", "Income"),
    ("p2", "Workshops", "income", "Income"),
    ("p3", "Grants", "other_income", "Other Income"),
    ("p4", "Wool", "cost_of_sales", "Cost of Sales"),
    ("p5", "Rent", "expense", "Expenses"),
    ("p6", "Repairs", "expense", "Expenses"),
    ("b1", "Bank", "bank", "Assets"),
    ("b2", "Till", "bank", "Assets"),
    ("b3", "Loan", "liability", "Liabilities"),
)
FLOWS = {"income": 1, "other_income": 1, "cost_of_sales": -1, "expense": -1}

PEOPLE: tuple[tuple[str, str, tuple[tuple[str, str, str | None, str], ...]], ...] = (
    ("e1", "Annika Lindgren", (("Weaver", "2023-02-01", None, "3150.25"),)),
    (
        "e2",
        "Bruno Castellani",
        (
            ("Dyer", "2022-05-10", "2024-12-31", "2890.00"),
            ("Head Dyer", "2025-01-01", None, "3411.50"),
        ),
    ),
    ("e3", "Carla Nieminen", (("Clerk", "2021-01-01", "2022-06-30", "2500.00"),)),
    ("e4", "Dorian Achterberg", ()),
    ("e5", "Elif Karadeniz", (("Carder", "2025-06-16", "2026-02-27", "2745.80"),)),
)


def build_pocketbooks(  # noqa: C901 -- its endpoints share its state
    context: SandboxContext, *, rules: OAuthRules = BOOKS_RULES, **parts: Any
) -> Starlette:
    oauth = OAuthProvider(slug="pocketbooks", tenants=BOOKS, rules=rules, context=context)
    sizes = {"page": LARGE_PAGE}

    def allowed(request: Request, scope: str) -> Response | str:
        grant = oauth.grant_for(request)
        if grant is None:
            return JSONResponse({"message": "token"}, status_code=401)
        tenant_id = request.headers.get("pocket-tenant", "")
        if scope not in grant.scopes or not oauth.may_see(grant, tenant_id):
            return JSONResponse({"message": "not allowed"}, status_code=403)
        return tenant_id

    async def organisations(request: Request) -> Response:
        grant = oauth.grant_for(request)
        if grant is None:
            return JSONResponse({"message": "token"}, status_code=401)
        return JSONResponse(
            [
                {"id": item.id, "name": item.name, "shared": item.id in grant.tenant_ids}
                for item in oauth.tenants
            ]
        )

    async def organisation(request: Request) -> Response:
        found = allowed(request, "organisation.read")
        if isinstance(found, Response):
            return found
        (name,) = [item.name for item in BOOKS if item.id == found]
        return JSONResponse({"id": found, "name": name, "currency": "EUR"})

    async def statement(request: Request) -> Response:
        found = allowed(request, "statements.read")
        if isinstance(found, Response):
            return found
        months = _months(request)
        rows = _statement_rows(found, request.path_params["statement"], months)
        return _page(request, rows, sizes["page"])

    async def truth(request: Request) -> Response:
        tenant_id, months = request.query_params["tenant_id"], _months(request)
        return JSONResponse(
            {
                "tenant_id": tenant_id,
                "name": tenant_id,
                "currency": "EUR",
                "accounts": [
                    {"id": id_, "name": name, "kind": kind} for id_, name, kind, _ in CHART
                ],
                "months": {
                    month.isoformat(): {
                        item[0]: _text(figure(tenant_id, item[0], month)) for item in CHART
                    }
                    for month in months
                },
                "net_profit": {
                    month.isoformat(): str(net_profit(tenant_id, month)) for month in months
                },
            }
        )

    def tenant_of(request: Request, _per: str) -> str | None:
        return request.headers.get("pocket-tenant") if oauth.peek(request) else None

    limiter = RateLimiter(
        (LimitRule("minute", 40), LimitRule("concurrent", 4, window_s=None)),
        clock=context.clock,
        key_of=tenant_of,
    )
    return build_emulator(
        oauth=oauth,
        limiter=limiter,
        routes=[
            *oauth.routes(authorize="/authorize", token="/token", revoke="/revoke"),
            Route("/v1/organisations", organisations),
            Route("/v1/organisation", organisation),
            Route("/v1/statements/{statement}", statement),
        ],
        control_routes=[Route("/books", truth), _page_size(sizes)],
        on_reset=[lambda: sizes.update(page=LARGE_PAGE)],
        **parts,
    )


def build_pocketpay(  # noqa: C901 -- its endpoints share its state
    context: SandboxContext,
) -> Starlette:
    oauth = OAuthProvider(slug="pocketpay", tenants=PAY, rules=PAY_RULES, context=context)
    sizes = {"page": LARGE_PAGE}

    def guarded(answer: Callable[[Request, str], Response], *scopes: str) -> Any:
        async def endpoint(request: Request) -> Response:
            grant = oauth.grant_for(request)
            if grant is None:
                return JSONResponse({"message": "token"}, status_code=401)
            if not grant.scopes or not set(scopes) <= set(grant.scopes):
                return JSONResponse({"message": "not allowed"}, status_code=403)
            return answer(request, grant.tenant_ids[0])

        return endpoint

    def company(_request: Request, tenant_id: str) -> Response:
        (found,) = [item for item in PAY if item.id == tenant_id]
        return JSONResponse({"id": found.id, "name": found.name})

    def people(request: Request, tenant_id: str) -> Response:
        rows = [
            {
                "id": f"{tenant_id}-{id_}",
                "name": name,
                "ssn": _ssn(id_),
                "street": f"{id_[1:]} Invented Lane",
                "jobs": [
                    {"title": title, "from": start, "to": end, "pay": pay}
                    for title, start, end, pay in jobs
                ],
            }
            for id_, name, jobs in PEOPLE
        ]
        return _page(request, rows, sizes["page"])

    def costs(request: Request, tenant_id: str) -> Response:
        since = date.fromisoformat(request.query_params["since"])
        months = month_ends(since, context.today)
        rows = [
            {"month": month.isoformat(), **cost(tenant_id, month)}
            for month in months
            if cost(tenant_id, month)
        ]
        return JSONResponse({"rows": rows})

    async def truth(request: Request) -> Response:
        tenant_id = request.query_params["tenant_id"]
        return JSONResponse(
            {
                "currency": "EUR",
                "people": [
                    {
                        "id": f"{tenant_id}-{id_}",
                        "name": name,
                        "spells": [
                            {"title": title, "start": start, "end": end, "monthly_salary": pay}
                            for title, start, end, pay in jobs
                        ],
                    }
                    for id_, name, jobs in PEOPLE
                ],
                "months": {
                    month.isoformat(): _with_total(cost(tenant_id, month))
                    for month in _months(request)
                },
            }
        )

    async def personal(_request: Request) -> Response:
        return JSONResponse({"texts": [_ssn(id_) for id_, _, _ in PEOPLE]})

    def user_of(request: Request, _per: str) -> str | None:
        grant = oauth.peek(request)
        return grant.id if grant else None

    return build_emulator(
        oauth=oauth,
        limiter=RateLimiter((LimitRule("minute", 50),), clock=context.clock, key_of=user_of),
        routes=[
            *oauth.routes(authorize="/authorize", token="/token"),
            Route("/v1/company", guarded(company)),
            Route("/v1/people", guarded(people, "people.read", "pay.read")),
            Route("/v1/costs", guarded(costs, "pay.read")),
        ],
        control_routes=[
            Route("/payroll", truth),
            Route("/personal", personal),
            _page_size(sizes),
        ],
        on_reset=[lambda: sizes.update(page=LARGE_PAGE)],
    )


def figure(tenant_id: str, account_id: str, month: date) -> Decimal | None:
    """Return an account's figure: grants begin in June 2025, repairs are rare."""
    index = month.year * 12 + month.month - 24_000
    if account_id == "p3" and month < date(2025, 6, 1):
        return None
    if account_id == "p6" and index % 3:
        return Decimal("0.00")
    size = 7 if tenant_id == "org-a" else 11
    return Decimal(index * size * (CHART_ORDER[account_id] + 3)) / 100 + Decimal("0.37")


def net_profit(tenant_id: str, month: date) -> Decimal:
    return sum(
        (
            (figure(tenant_id, id_, month) or Decimal(0)) * FLOWS[kind]
            for id_, _, kind, _ in CHART
            if kind in FLOWS
        ),
        Decimal("0.00"),
    )


def cost(tenant_id: str, month: date) -> dict[str, str]:
    """Return what a month cost; nothing is paid in July."""
    if month.month == 7:
        return {}
    gross = Decimal(month.year * 12 + month.month) * (3 if tenant_id == "co-1" else 5) / 10
    parts = {
        "gross_pay": gross,
        "employer_taxes": gross / 5,
        "benefits": Decimal("101.10"),
        "reimbursements": Decimal("12.34"),
    }
    return {name: f"{amount:.2f}" for name, amount in parts.items()}


CHART_ORDER = {item[0]: position for position, item in enumerate(CHART)}


def _statement_rows(
    tenant_id: str, statement: str, months: Sequence[date]
) -> list[Mapping[str, Any]]:
    of_flows = statement == "profit_and_loss"
    accounts = [item for item in CHART if (item[2] in FLOWS) is of_flows]
    rows: list[Mapping[str, Any]] = []
    for section in dict.fromkeys(item[3] for item in accounts):
        members = [item for item in accounts if item[3] == section]
        for id_, name, _, _ in members:
            figures = {month: figure(tenant_id, id_, month) for month in months}
            rows.append(_row([section], id_, name, "account", figures))
        sums = {
            month: sum(figure(tenant_id, item[0], month) or Decimal(0) for item in members)
            for month in months
        }
        rows.append(_row([section], None, f"Total {section}", "section_total", sums))
    if of_flows:
        profits = {month: net_profit(tenant_id, month) for month in months}
        rows.append(_row([], None, "Net Profit", "computed_total", profits))
    return rows


def _row(
    section: list[str], account: str | None, name: str, kind: str, figures: Mapping[date, Any]
) -> Mapping[str, Any]:
    amounts = {month.isoformat(): _text(value) for month, value in figures.items()}
    return {"section": section, "account": account, "name": name, "kind": kind, "amounts": amounts}


def _page(request: Request, rows: Sequence[Any], size: int) -> Response:
    page = int(request.query_params.get("page", "1"))
    pages = max(1, ceil(len(rows) / size))
    return JSONResponse({"rows": rows[(page - 1) * size : page * size], "pages": pages})


def _page_size(sizes: dict[str, int]) -> Route:
    return control_route("/page_size", lambda body: sizes.update(page=int(body["rows"])))


def _months(request: Request) -> tuple[date, ...]:
    query = request.query_params
    return month_ends(date.fromisoformat(query["from"]), date.fromisoformat(query["to"]))


def _text(amount: Decimal | int | None) -> str | None:
    return None if amount is None else f"{amount:.2f}"


def _with_total(parts: Mapping[str, str]) -> dict[str, str]:
    known = parts or dict.fromkeys(
        ("gross_pay", "employer_taxes", "benefits", "reimbursements"), "0.00"
    )
    total = sum(Decimal(known[name]) for name in ("gross_pay", "employer_taxes", "benefits"))
    return {**known, "total_cost": str(total)}


def _ssn(id_: str) -> str:
    return f"000-00-99{id_[1:]}1"


# -- emulators that do not do as a provider does


def _as_if_dead(_what: Refusal | int) -> Response:
    """Call an outage a dead grant."""
    return JSONResponse({"error": "invalid_grant"}, status_code=400)


build_without_grace = partial(build_pocketbooks, rules=replace(BOOKS_RULES, grace=timedelta(0)))
build_without_pkce = partial(build_pocketbooks, rules=replace(BOOKS_RULES, pkce=False))
build_that_calls_throttling_dead = partial(build_pocketbooks, refuse=_as_if_dead)
build_that_calls_outages_dead = partial(build_pocketbooks, error=_as_if_dead)
