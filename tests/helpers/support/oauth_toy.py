"""Toybooks: the smallest provider that the OAuth service can be tested against."""

from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from typing import Any, ClassVar

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from integrations.contracts import (
    AccountingFetchAdapter,
    ApiFacts,
    DataBatch,
    IntegrationOAuth,
    IntegrationPlugin,
    IntegrationProvider,
    NewGrant,
    ProviderClient,
    Tenant,
)
from integrations.sandbox_kit import (
    Clock,
    OAuthProvider,
    OAuthRules,
    SandboxContext,
    SandboxTenant,
    build_emulator,
)

TENANTS = (
    SandboxTenant("toy-1", "Bakery & Sons <Ltd>"),
    SandboxTenant("toy-2", "Second Shop"),
)
RULES = OAuthRules(
    client_auth=("basic",),
    access_lifetime_s=1800,
    grace=timedelta(minutes=30),
    idle_limit=timedelta(days=60),
    pkce=True,
    offline_scope="offline_access",
    tenants_per_grant="many",
)


class ToyOAuth(IntegrationOAuth):
    authorize_url = "https://toybooks.invalid/authorize"
    token_url = "https://toybooks.invalid/token"
    revoke_url = "https://toybooks.invalid/revoke"
    scopes: ClassVar[tuple[str, ...]] = ("offline_access", "books.read")
    scope_meanings: ClassVar[Mapping[str, str]] = {
        "offline_access": "Keep the figures up to date while you are away",
        "books.read": "See the books",
    }
    pkce = True
    replay_grace: ClassVar[timedelta | None] = timedelta(minutes=30)
    idle_limit: ClassVar[timedelta | None] = timedelta(days=60)
    trace_header = "Toy-Trace"

    async def find_tenants(self, client: ProviderClient, grant: NewGrant) -> tuple[Tenant, ...]:
        if client.tenant_id:  # empty, as the contract says, also before the first request
            raise RuntimeError(
                "tenant_id: expected none while a new grant's tenants are looked for"
            )
        payload = (await client.get("tenants")).payload
        return tuple(Tenant(item["id"], item["name"]) for item in payload)


class ToyAdapter(AccountingFetchAdapter):
    name = "Toybooks"

    async def get_data(self, from_date: date, **_: Any) -> DataBatch:
        raise NotImplementedError


PLUGIN = IntegrationPlugin(
    name=IntegrationProvider("Toybooks"),
    api_type="accounting",
    oauth=ToyOAuth(),
    adapter=ToyAdapter,
    api=ApiFacts(base_url="https://toybooks.invalid/"),
    summary="Books of a toy shop.",
)


class _ShyOAuth(ToyOAuth):
    """As Toybooks, for an integration that the operator has not configured."""


class _ShyAdapter(ToyAdapter):
    name = "Shybooks"


UNCONFIGURED = IntegrationPlugin(
    name=IntegrationProvider("Shybooks"),
    api_type="accounting",
    oauth=_ShyOAuth(),
    adapter=_ShyAdapter,
    api=ApiFacts(base_url="https://shybooks.invalid/"),
)


def build_toybooks(
    clock: Clock, *, rules: OAuthRules = RULES, tenants: Sequence[SandboxTenant] = TENANTS
) -> Starlette:
    """Return the emulator; it and the service share *clock*, so that both see time pass."""
    context = SandboxContext(today=date(2026, 11, 24), clock=clock)
    oauth = OAuthProvider(slug="toybooks", tenants=tenants, rules=rules, context=context)

    async def list_tenants(request: Request) -> Response:
        grant = oauth.grant_for(request)
        if grant is None:
            return JSONResponse({"error": "invalid_token"}, status_code=401)
        names = {tenant.id: tenant.name for tenant in oauth.tenants}
        return JSONResponse(
            [{"id": key, "name": names[key]} for key in grant.tenant_ids if key in names]
        )

    return build_emulator(
        oauth=oauth,
        routes=[
            *oauth.routes(authorize="/authorize", token="/token", revoke="/revoke"),
            Route("/tenants", list_tenants),
        ],
        trace_header="Toy-Trace",
    )
