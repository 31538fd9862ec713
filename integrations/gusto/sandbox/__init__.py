"""
An emulator of Gusto with invented companies. Nothing in it is real.

It reproduces: a token for one company, refresh tokens that die when their
successor's access token is first used, API versions, paging headers only when paging is asked
for, 200 requests a minute and user, payroll queries of at most a year, pay left out without the
scope `compensations:read`, personal data in the answers.
"""

from collections.abc import Mapping, Sequence
from datetime import date
from decimal import Decimal
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from integrations.contracts import month_ends
from integrations.gusto.sandbox.answers import employee_json
from integrations.gusto.sandbox.companies import Company, build_companies, company_uuid
from integrations.gusto.sandbox.endpoints import Endpoints
from integrations.gusto.sandbox.people import Person
from integrations.gusto.sandbox.replies import MOST_PER, fault_answer, limit_headers, too_many
from integrations.gusto.sandbox.rosters import ACME, HARBOR
from integrations.sandbox_kit import (
    LimitRule,
    OAuthProvider,
    OAuthRules,
    RateLimiter,
    SandboxContext,
    SandboxTenant,
    build_emulator,
    control_route,
)

__all__ = ["ACME", "HARBOR", "Company", "build_companies", "build_sandbox", "company_uuid"]

_COST = ("gross_pay", "employer_taxes", "benefits")
_NOT_NEEDED = ("ssn", "date_of_birth", "email", "phone")


def control_routes(endpoints: Endpoints) -> Sequence[BaseRoute]:
    """Return the control routes of *endpoints*."""

    async def payroll(request: Request) -> Response:
        query = request.query_params
        try:
            company = endpoints.companies[query.get("tenant_id", "")]
            first = date.fromisoformat(query.get("from", ""))
            last = date.fromisoformat(query.get("to", company.today.isoformat()))
        except KeyError:
            known = ", ".join(endpoints.companies)
            return JSONResponse({"error": f"tenant_id: expected one of {known}"}, status_code=422)
        except ValueError as exc:
            return JSONResponse({"error": f"from, to: {exc}"}, status_code=422)
        return JSONResponse(_truth(company, first, last))

    async def personal(_request: Request) -> Response:
        companies = endpoints.companies.values()
        return JSONResponse({"texts": [text for item in companies for text in _personal(item)]})

    return (
        Route("/payroll", payroll, methods=["GET"]),
        Route("/personal", personal, methods=["GET"]),
        control_route("/page_size", lambda body: set_page_size(endpoints, int(body["rows"]))),
    )


def set_page_size(endpoints: Endpoints, rows: int) -> None:
    """
    Let pages have at most so many rows.

    Raises:
        ValueError: If that is less than one.
    """
    if rows < 1:
        raise ValueError("rows: expected 1 or more")
    endpoints.most_per = rows


def _truth(company: Company, first: date, last: date) -> dict[str, Any]:
    return {
        "tenant_id": company.uuid,
        "name": company.name,
        "currency": "USD",
        "people": [_person(person) for person in company.people],
        "months": {
            month.isoformat(): _cost(company.true_cost(month)) for month in month_ends(first, last)
        },
    }


def _person(person: Person) -> dict[str, Any]:
    return {
        "id": person.uuid,
        "name": f"{person.first_name} {person.last_name}",
        "spells": [
            {
                "title": spell.title,
                "start": spell.start.isoformat(),
                "end": spell.end.isoformat() if spell.end else None,
                "monthly_salary": str(spell.monthly),
            }
            for spell in person.spells
        ],
    }


def _cost(parts: Mapping[str, Decimal]) -> dict[str, str]:
    total = sum((parts[name] for name in _COST), Decimal("0.00"))
    return {name: str(amount) for name, amount in (*parts.items(), ("total_cost", total))}


def _personal(company: Company) -> list[str]:
    texts = []
    for person in company.people:
        shown = employee_json(company, person, all_compensations=False, with_pay=False)
        texts += [shown[name] for name in _NOT_NEEDED]
        texts.append(shown["current_home_address"]["street_1"])
    return texts


SCOPES = (
    "companies:read",
    "employees:read",
    "jobs:read",
    "compensations:read",
    "employments:read",
    "payrolls:read",
    "departments:read",
    "pay_schedules:read",
)
"""What the sandbox's app is configured for. A `scope` in the consent URL narrows it, for tests."""

RULES = OAuthRules(
    client_auth=("body",),
    json_body=True,
    access_lifetime_s=7200,
    code_lifetime_s=600,
    grace=None,
    answer=("access_token", "token_type", "expires_in", "refresh_token", "created_at", "scope"),
    default_scopes=SCOPES,
    tenants_per_grant="one",
)

REQUESTS_A_MINUTE = 200


def build_sandbox(context: SandboxContext) -> Starlette:
    """Return the emulator; its books end on the context's day."""
    companies = build_companies(context.today)
    tenants = [SandboxTenant(company.uuid, company.name) for company in companies]
    oauth = OAuthProvider(slug="gusto", tenants=tenants, rules=RULES, context=context)

    def user_of(request: Request, _per: str) -> str | None:
        grant = oauth.peek(request)
        return f"{grant.client_id}/{grant.user_id}" if grant else None

    endpoints = Endpoints(companies, oauth, context.today)
    limiter = RateLimiter(
        [LimitRule("minute", REQUESTS_A_MINUTE, window_s=60, per="user", rolling=True)],
        clock=context.clock,
        key_of=user_of,
        headers=limit_headers,
        refuse=too_many,
    )
    return build_emulator(
        oauth=oauth,
        limiter=limiter,
        routes=[
            *oauth.routes(
                authorize="/oauth/authorize",
                token="/oauth/token",  # noqa: S106 -- a path
                revoke="/oauth/revoke",
            ),
            *endpoints.routes(),
        ],
        error=fault_answer,
        refuse=too_many,
        trace_header="X-Request-Id",
        control_routes=control_routes(endpoints),
        on_reset=[lambda: set_page_size(endpoints, MOST_PER)],
    )
