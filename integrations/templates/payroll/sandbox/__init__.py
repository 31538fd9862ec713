"""
An emulator of DemoPay with invented companies. Nothing in it is real.

It is a small but whole provider: consent page, rotating tokens, a limit of calls, and these
answers (`answers` has their fields):

- `GET /v1/companies`: the company that a token covers;
- `GET /v1/companies/{id}/employees?page=1`: people with their jobs, page by page;
- `GET /v1/companies/{id}/payrolls?from=2024-01&to=2024-12`: processed payrolls, one a month.

A company that is gone, or that the token does not cover, is a 403.
"""

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.routing import Route

from integrations.sandbox_kit import (
    LimitRule,
    OAuthProvider,
    OAuthRules,
    RateLimiter,
    SandboxContext,
    SandboxTenant,
    build_emulator,
)
from integrations.templates.payroll.sandbox.controls import control_routes
from integrations.templates.payroll.sandbox.endpoints import Endpoints
from integrations.templates.payroll.sandbox.people import build_companies

# FILL IN: the provider's OAuth rules, as in `oauth.py` but from the other side: the emulator
# must refuse what the provider refuses. `OAuthRules` explains each field.
RULES = OAuthRules(
    client_auth=("body",),
    access_lifetime_s=7200,
    code_lifetime_s=600,
    grace=None,
    pkce=True,
    default_scopes=("employees.read", "payrolls.read"),
    known_scopes=frozenset({"employees.read", "payrolls.read"}),
    tenants_per_grant="one",
)

# FILL IN: the provider's limits, which the client has to keep.
LIMITS = (LimitRule("minute", 120, window_s=60, per="user", rolling=True),)


def build_sandbox(context: SandboxContext) -> Starlette:
    """Return the emulator; its payrolls end on the context's day."""
    companies = {company.id: company for company in build_companies(context.today)}
    oauth = OAuthProvider(
        slug="demopay",
        name="DemoPay",
        tenants=[SandboxTenant(company.id, company.name) for company in companies.values()],
        rules=RULES,
        context=context,
    )
    endpoints = Endpoints(oauth, companies)

    def user_of(request: Request, _per: str) -> str | None:
        grant = oauth.peek(request)
        return grant.user_id if grant else None

    limiter = RateLimiter(
        LIMITS,
        clock=context.clock,
        key_of=user_of,
        headers=lambda usage: {"X-RateLimit-Remaining": str(usage["minute"].remaining)},
    )
    # FILL IN: the provider's own paths. Those of OAuth are the paths of the URLs in `oauth.py`.
    companies_path = "/v1/companies"
    return build_emulator(
        oauth=oauth,
        limiter=limiter,
        routes=[
            *oauth.routes(
                authorize="/oauth/authorize",
                token="/oauth/token",  # noqa: S106 -- a path
                revoke="/oauth/revoke",
            ),
            Route(companies_path, endpoints.companies),
            Route(companies_path + "/{id}/employees", endpoints.employees),
            Route(companies_path + "/{id}/payrolls", endpoints.payrolls),
        ],
        trace_header="X-Request-Id",
        control_routes=control_routes(endpoints),
        on_reset=[endpoints.reset],
    )
