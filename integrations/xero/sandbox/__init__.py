"""An emulator of Xero: its OAuth, connections and reports over invented books."""

from collections.abc import Sequence

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.routing import Route

from integrations.sandbox_kit import (
    OAuthProvider,
    RateLimiter,
    SandboxContext,
    SandboxTenant,
    build_emulator,
)
from integrations.sandbox_kit.books import COMPANIES, Books, Company
from integrations.sandbox_kit.books_control import books_control_routes
from integrations.xero.sandbox import answers
from integrations.xero.sandbox.api import XeroApi
from integrations.xero.sandbox.rules import LIMIT_RULES, OAUTH_RULES, limit_headers

__all__ = ["build_sandbox"]

_TENANT_HEADER = "xero-tenant-id"
_API = "/api.xro/"


def build_sandbox(
    context: SandboxContext, *, companies: Sequence[Company] = COMPANIES
) -> Starlette:
    """
    Return the emulator.

    Besides the kit's, its control API has `POST restate`, `POST rename_account` and
    `GET books`; see `sandbox_kit.books_control`.

    Args:
        context: Day, clock and place of the state.
        companies: Companies with books; tests and benchmarks pass their own.
    """
    books = {company.id: Books(company, today=context.today) for company in companies}
    oauth = OAuthProvider(
        slug="xero",
        name="Xero",
        tenants=[SandboxTenant(company.id, company.name) for company in companies],
        rules=OAUTH_RULES,
        context=context,
    )
    api = XeroApi(oauth, books)

    def key_of(request: Request, per: str) -> str | None:
        grant = oauth.peek(request) if _API in request.url.path else None
        if grant is None:
            return None
        return grant.client_id if per == "app" else _tenant_of(request)

    limiter = RateLimiter(
        LIMIT_RULES,
        clock=context.clock,
        key_of=key_of,
        headers=limit_headers,
        refuse=answers.throttled,
    )
    return build_emulator(
        oauth=oauth,
        limiter=limiter,
        routes=[
            *oauth.routes(
                authorize="/identity/connect/authorize",
                token="/connect/token",  # noqa: S106 -- a path
                revoke="/connect/revocation",
            ),
            Route("/connections", api.connections, methods=["GET"]),
            Route("/Connections", api.connections, methods=["GET"]),  # xero-python's spelling
            Route("/connections/{id}", api.disconnect, methods=["DELETE"]),
            Route("/Connections/{id}", api.disconnect, methods=["DELETE"]),
            Route("/api.xro/2.0/Organisation", api.organisation, methods=["GET"]),
            Route("/api.xro/2.0/Accounts", api.accounts, methods=["GET"]),
            Route("/api.xro/2.0/Reports/{report}", api.report, methods=["GET"]),
        ],
        tenant_of=_tenant_of,
        error=answers.failed,
        trace_header="Xero-Correlation-Id",
        control_routes=books_control_routes(books),
        on_reset=[item.reset for item in books.values()],
    )


def _tenant_of(request: Request) -> str | None:
    return request.headers.get(_TENANT_HEADER)
