"""
What all provider emulators share: OAuth, limits, faults, a log of calls, and serving them.

A plugin's emulator adds its books and reports. A complete one:

    TENANTS = (SandboxTenant("org-1", "Brightside Bakery (sandbox)"),)
    RULES = OAuthRules(
        client_auth=("body",), access_lifetime_s=7200, grace=None, default_scopes=("read",)
    )

    def build_sandbox(context: SandboxContext) -> Starlette:
        oauth = OAuthProvider(slug="demobooks", tenants=TENANTS, rules=RULES, context=context)

        async def organisation(request: Request) -> Response:
            access = oauth.access(request)          # .problem says why there is no grant
            if access.grant is None:
                return JSONResponse({"error": "invalid_token"}, status_code=401)
            if not oauth.may_see(access.grant, request.path_params["id"]):
                return JSONResponse({"error": "gone"}, status_code=403)
            return JSONResponse({"id": request.path_params["id"], "as_of": str(context.today)})

        def key_of(request: Request, per: str) -> str | None:
            grant = oauth.peek(request)             # does not count as a use of the token
            return grant.user_id if grant else None # None: not counted

        limiter = RateLimiter(
            [LimitRule("minute", 200, window_s=60, per="user", rolling=True)],
            clock=context.clock,
            key_of=key_of,
            headers=lambda usage: {"X-RateLimit-Remaining": str(usage["minute"].remaining)},
        )
        return build_emulator(
            oauth=oauth,
            limiter=limiter,
            routes=[
                *oauth.routes(authorize="/oauth/authorize", token="/oauth/token"),
                Route("/v1/organisations/{id}", organisation),
            ],
        )

    with serve_in_thread(sandbox_app({"demobooks": build_sandbox})) as base:
        redirect = consent(f"{base}/demobooks/oauth/authorize?...", tenant_ids=["org-1"])

Every emulator answers under `/<slug>/_control/`, which no real provider has:
`POST faults | expire_access_tokens | revoke_grants | vanish_tenant | advance_clock | limits |
reset`, `GET` and `DELETE` of `calls` and `faults`, `GET issued | tenants`. `SandboxControl`
calls them from Python. For the conformance kit, which compares a
plugin's figures with the emulator's own, a plugin's emulator adds `GET books` or `GET payroll`, and where it
applies `GET personal` and `POST page_size`: see `integrations.testing.truth`.
"""

from integrations.sandbox_kit.book import GrantBook
from integrations.sandbox_kit.calls import Call, CallLog, TenantOf
from integrations.sandbox_kit.connecting import ConsentError, consent, consent_async
from integrations.sandbox_kit.context import Clock, SandboxContext, SandboxTenant
from integrations.sandbox_kit.control import control_route
from integrations.sandbox_kit.emulator import EmulatorParts, build_emulator
from integrations.sandbox_kit.faults import ConnectionCut, Fault, Faults
from integrations.sandbox_kit.grants import Access, Connection, Grant, OAuthError
from integrations.sandbox_kit.limits import LimitRule, RateLimiter, Refusal, Usage
from integrations.sandbox_kit.oauth import OAuthProvider
from integrations.sandbox_kit.remote import SandboxControl
from integrations.sandbox_kit.rules import OAuthRules
from integrations.sandbox_kit.serving import Addresses, BuildSandbox, sandbox_app, serve_in_thread

__all__ = [
    "Access",
    "Addresses",
    "BuildSandbox",
    "Call",
    "CallLog",
    "Clock",
    "Connection",
    "ConnectionCut",
    "ConsentError",
    "EmulatorParts",
    "Fault",
    "Faults",
    "Grant",
    "GrantBook",
    "LimitRule",
    "OAuthError",
    "OAuthProvider",
    "OAuthRules",
    "RateLimiter",
    "Refusal",
    "SandboxContext",
    "SandboxControl",
    "SandboxTenant",
    "TenantOf",
    "Usage",
    "build_emulator",
    "consent",
    "consent_async",
    "control_route",
    "sandbox_app",
    "serve_in_thread",
]
