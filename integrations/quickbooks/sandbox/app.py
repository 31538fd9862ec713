"""Puts the emulator together: Intuit's paths over the sandbox companies' books."""

import re
from collections.abc import Sequence

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.routing import Route

from integrations.quickbooks.sandbox import answers
from integrations.quickbooks.sandbox.api import AUTHORIZE, REVOKE, TOKEN, QuickBooksApi, discovery
from integrations.quickbooks.sandbox.controls import control_routes
from integrations.quickbooks.sandbox.realms import Realm
from integrations.quickbooks.sandbox.rules import LIMIT_RULES, OAUTH_RULES
from integrations.sandbox_kit import (
    OAuthProvider,
    RateLimiter,
    SandboxContext,
    SandboxTenant,
    build_emulator,
)
from integrations.sandbox_kit.books import COMPANIES, Books, Company

_COMPANY = "/v3/company/{realm}"
_REALM = re.compile(r"/v3/company/([^/]+)/")


def build_sandbox(
    context: SandboxContext, *, companies: Sequence[Company] = COMPANIES
) -> Starlette:
    """
    Return the emulator.

    Besides the kit's, its control API has `POST restate`, `POST rename_account`,
    `POST too_long` and `GET books`; see `controls`.

    Args:
        context: Day, clock and place of the state.
        companies: Whose books it keeps; tests and benchmarks may want others or more.
    """
    every = [Realm(Books(company, today=context.today)) for company in companies]
    realms = {realm.id: realm for realm in every}
    oauth = OAuthProvider(
        slug="quickbooks",
        name="QuickBooks",
        tenants=[SandboxTenant(realm.id, realm.books.company.name) for realm in every],
        rules=OAUTH_RULES,
        context=context,
    )
    api = QuickBooksApi(oauth, realms)

    def key_of(request: Request, _per: str) -> str | None:
        realm, grant = _realm_of(request), oauth.peek(request)
        return f"{grant.client_id} {realm}" if grant is not None and realm is not None else None

    return build_emulator(
        oauth=oauth,
        limiter=RateLimiter(
            LIMIT_RULES, clock=context.clock, key_of=key_of, refuse=answers.throttled
        ),
        routes=[
            *oauth.routes(authorize=AUTHORIZE, token=TOKEN, revoke=REVOKE),
            Route("/.well-known/openid_configuration", discovery),
            Route("/.well-known/openid_sandbox_configuration", discovery),
            Route(f"{_COMPANY}/companyinfo/{{id}}", api.company_info),
            Route(f"{_COMPANY}/preferences", api.preferences),
            Route(f"{_COMPANY}/query", api.query, methods=["GET", "POST"]),
            Route(f"{_COMPANY}/reports/{{report}}", api.report),
        ],
        tenant_of=_realm_of,
        error=answers.failed,
        trace_header="intuit_tid",
        control_routes=control_routes(realms),
        on_reset=[realm.reset for realm in every],
    )


def _realm_of(request: Request) -> str | None:
    match = _REALM.search(request.url.path)
    return match.group(1) if match else None
