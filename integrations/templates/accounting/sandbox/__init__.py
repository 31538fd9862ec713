"""
An emulator of DemoBooks over invented books. Nothing in it is real.

It is a small but whole provider: consent page, rotating tokens, a limit of calls, and these
answers (`answers` has their fields):

- `GET /v1/organisations`: the organisations that a token covers;
- `GET /v1/organisations/{id}`: name, currency and lock date of one;
- `GET /v1/organisations/{id}/reports/{profit-and-loss|balance-sheet}?from=2024-01&to=2024-12`:
  every account and total with an amount for each month.

An organisation that is gone, or that the token does not cover, is a 403.
"""

from datetime import timedelta

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
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
from integrations.sandbox_kit.books import COMPANIES, Books
from integrations.sandbox_kit.books_control import books_control_routes
from integrations.templates.accounting.sandbox.answers import (
    BadRangeError,
    organisation_json,
    report_json,
)

# FILL IN: the provider's OAuth rules, as in `oauth.py` but from the other side: the emulator
# must refuse what the provider refuses. `OAuthRules` explains each field.
RULES = OAuthRules(
    client_auth=("basic",),
    access_lifetime_s=3600,
    code_lifetime_s=600,
    grace=timedelta(minutes=10),
    idle_limit=timedelta(days=90),
    pkce=True,
    offline_scope="offline_access",
    known_scopes=frozenset({"offline_access", "organisation.read", "reports.read"}),
    tenants_per_grant="many",
)

# FILL IN: the provider's limits, which the client has to keep.
LIMITS = (LimitRule("minute", 60, window_s=60, rolling=True),)


def build_sandbox(context: SandboxContext) -> Starlette:
    """Return the emulator; its books end on the context's day."""
    books = {company.id: Books(company, today=context.today) for company in COMPANIES}
    oauth = OAuthProvider(
        slug="demobooks",
        name="DemoBooks",
        tenants=[SandboxTenant(company.id, company.name) for company in COMPANIES],
        rules=RULES,
        context=context,
    )
    endpoints = _Endpoints(oauth, books)
    limiter = RateLimiter(
        LIMITS,
        clock=context.clock,
        key_of=lambda request, _per: _organisation_of(request) if oauth.peek(request) else None,
        headers=lambda usage: {"X-RateLimit-Remaining": str(usage["minute"].remaining)},
    )
    # FILL IN: the provider's own paths. Those of OAuth are the paths of the URLs in `oauth.py`.
    organisations = "/v1/organisations"
    return build_emulator(
        oauth=oauth,
        limiter=limiter,
        routes=[
            *oauth.routes(
                authorize="/oauth/authorize",
                token="/oauth/token",  # noqa: S106 -- a path
                revoke="/oauth/revoke",
            ),
            Route(organisations, endpoints.organisations),
            Route(organisations + "/{id}", endpoints.organisation),
            Route(organisations + "/{id}/reports/{report}", endpoints.report),
        ],
        tenant_of=_organisation_of,
        trace_header="X-Request-Id",
        control_routes=books_control_routes(books),
        on_reset=[item.reset for item in books.values()],
    )


class _Endpoints:
    """What is answered to whom."""

    def __init__(self, oauth: OAuthProvider, books: dict[str, Books]) -> None:
        self._oauth = oauth
        self._books = books

    async def organisations(self, request: Request) -> Response:
        grant = self._oauth.grant_for(request)
        if grant is None:
            return _refusal(401, "invalid_token")
        covered = [tenant for tenant in self._oauth.tenants if tenant.id in grant.tenant_ids]
        return JSONResponse(
            {"organisations": [{"id": tenant.id, "name": tenant.name} for tenant in covered]}
        )

    async def organisation(self, request: Request) -> Response:
        found = self._books_for(request, "organisation.read")
        return found if isinstance(found, Response) else JSONResponse(organisation_json(found))

    async def report(self, request: Request) -> Response:
        found = self._books_for(request, "reports.read")
        if isinstance(found, Response):
            return found
        query = request.query_params
        try:
            content = report_json(
                found, request.path_params["report"], query.get("from", ""), query.get("to", "")
            )
        except LookupError:
            return _refusal(404, "not_found")
        except BadRangeError as exc:
            return _refusal(400, "bad_request", str(exc))
        return JSONResponse(content)

    def _books_for(self, request: Request, scope: str) -> Books | Response:
        grant = self._oauth.grant_for(request)
        if grant is None:
            return _refusal(401, "invalid_token")
        organisation = request.path_params["id"]
        if organisation not in self._books or not self._oauth.may_see(grant, organisation):
            return _refusal(403, "not_your_organisation")
        if scope not in grant.scopes:
            response = _refusal(403, "insufficient_scope", f"the scope {scope} is missing")
            response.headers["WWW-Authenticate"] = (
                f'Bearer error="insufficient_scope", scope="{scope}"'
            )
            return response
        return self._books[organisation]


def _organisation_of(request: Request) -> str | None:
    """Return the organisation that the path names. It runs before routing, on the raw path."""
    _, _, rest = request.url.path.partition("/v1/organisations/")
    return rest.split("/", 1)[0] or None


def _refusal(status: int, error: str, message: str = "") -> Response:
    # FILL IN: the provider's error answers. See "Errors" or "Status codes".
    return JSONResponse({"error": error, "message": message or error}, status_code=status)
