"""
An emulator of Gusto with invented companies. Nothing in it is real.

What it keeps of the real one: a token for one company, refresh tokens that die when their
successor's access token is first used, API versions, paging headers only when paging is asked
for, 200 requests a minute and user, payroll queries of at most a year, pay left out without the
scope `compensations:read`, personal data in the answers.
"""

from starlette.applications import Starlette
from starlette.requests import Request

from integrations.gusto.sandbox.companies import Company, build_companies, company_uuid
from integrations.gusto.sandbox.controls import control_routes, set_page_size
from integrations.gusto.sandbox.endpoints import Endpoints
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
)

__all__ = ["ACME", "HARBOR", "Company", "build_companies", "build_sandbox", "company_uuid"]

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
