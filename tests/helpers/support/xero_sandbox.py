"""The Xero plugin connected to its own sandbox, step by step as the OAuth service does it."""

from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from urllib.parse import parse_qsl, urlsplit

from pydantic import SecretStr

from integrations.contracts import (
    IntegrationAccess,
    IntegrationSettings,
    NewGrant,
    OAuthApp,
    Tenant,
    TokenSet,
)
from integrations.runtime.http import BoundClient, HttpSession
from integrations.sandbox_kit import SandboxControl, consent_async, sandbox_app, serve_in_thread
from integrations.sandbox_kit.books import COMPANIES, Books, Company
from integrations.xero import PLUGIN
from integrations.xero.adapter import XeroFetchAdapter

ACME, GLOBEX = COMPANIES[0], COMPANIES[1]
REDIRECT = "http://localhost:8765/integration/xero/callback"


@dataclass
class XeroSandbox:
    base: str
    today: date

    @property
    def control(self) -> SandboxControl:
        return SandboxControl(self.base)

    @property
    def app(self) -> OAuthApp:
        settings = IntegrationSettings(
            client_id="test-client",
            client_secret=SecretStr("test-secret"),
            authorize_url=f"{self.base}/identity/connect/authorize",
            token_url=f"{self.base}/connect/token",
            revoke_url=f"{self.base}/connect/revocation",
            api_base_url=f"{self.base}/",
        )
        return PLUGIN.oauth.register_oauth_app("xero", settings, api_base_url=PLUGIN.api.base_url)


@contextmanager
def xero_sandbox(today: date) -> Iterator[XeroSandbox]:
    """Serve the emulator alone, with books that end on *today*."""
    app = sandbox_app({"xero": PLUGIN.load_sandbox()}, today=today)
    with serve_in_thread(app) as base:
        yield XeroSandbox(f"{base}/xero", today)


@dataclass
class Connection:
    """A grant with its pinned tenant; a `TokenSource` that refreshes when a token is refused."""

    session: HttpSession
    app: OAuthApp
    tokens: TokenSet
    tenant: Tenant = field(default_factory=lambda: Tenant("", ""))
    refreshes: int = 0

    async def access(self, *, rejected: str | None = None) -> IntegrationAccess:
        if rejected is not None:
            await self.refresh()
        return IntegrationAccess(
            access_token=self.tokens.access_token,
            token_type=self.tokens.token_type,
            expires_at=self.tokens.expires_at,
            tenant_id=self.tenant.id,
            tenant_name=self.tenant.name,
            scopes=self.tokens.scopes,
        )

    async def refresh(self) -> None:
        assert self.tokens.refresh_token is not None
        request = PLUGIN.oauth.refresh_request(
            self.app, refresh_token=self.tokens.refresh_token, redirect_uri=REDIRECT
        )
        answer = await self.session.send(request)
        assert answer.status == 200
        self.tokens = PLUGIN.oauth.token_set(
            answer.json(), now=datetime.now(UTC), previous=self.tokens
        )
        self.refreshes += 1

    def client(self) -> BoundClient:
        return self.session.bind(PLUGIN, tokens=self, base_url=self.app.api_base_url)

    def adapter(self, today: date) -> XeroFetchAdapter:
        return XeroFetchAdapter("acme", self.client(), today=today)


async def connect(
    session: HttpSession,
    sandbox: XeroSandbox,
    companies: Sequence[Company] = (ACME,),
    *,
    scopes: tuple[str, ...] | None = None,
) -> tuple[Connection, tuple[Tenant, ...]]:
    """Let a person share *companies*; pin the first of the tenants found."""
    app = sandbox.app
    login = PLUGIN.oauth.oauth_login(app, redirect_uri=REDIRECT, state="s", code_challenge=None)
    if scopes is not None:
        login = PLUGIN.oauth.oauth_login(
            OAuthApp(**{**_fields(app), "scopes": scopes}),
            redirect_uri=REDIRECT,
            state="s",
            code_challenge=None,
        )
    redirect = await consent_async(login, tenant_ids=[company.id for company in companies])
    callback = dict(parse_qsl(urlsplit(redirect).query))
    request = PLUGIN.oauth.oauth_callback(
        app, code=callback["code"], redirect_uri=REDIRECT, code_verifier=None
    )
    answer = await session.send(request)
    assert answer.status == 200
    tokens = PLUGIN.oauth.token_set(answer.json(), now=datetime.now(UTC))
    connection = Connection(session, app, tokens)
    tenants = await PLUGIN.oauth.find_tenants(connection.client(), NewGrant(tokens, callback))
    connection.tenant = tenants[0]
    return connection, tenants


@asynccontextmanager
async def freshly_connected(
    sandbox: XeroSandbox, company: Company = ACME, *, scopes: tuple[str, ...] | None = None
) -> AsyncIterator[Connection]:
    """Reset a served sandbox and connect one company."""
    sandbox.control.reset()
    async with HttpSession() as session:
        connection, _tenants = await connect(session, sandbox, (company,), scopes=scopes)
        sandbox.control.clear_calls()
        yield connection


@asynccontextmanager
async def connected(
    today: date, company: Company = ACME
) -> AsyncIterator[tuple[XeroSandbox, Connection]]:
    """Serve a sandbox and connect one company."""
    with xero_sandbox(today) as sandbox:
        async with freshly_connected(sandbox, company) as connection:
            yield sandbox, connection


def books(company: Company, today: date) -> Books:
    """Return the exact figures that the sandbox computes its reports from."""
    return Books(company, today=today)


def _fields(app: OAuthApp) -> dict:
    return {name: getattr(app, name) for name in app.__slots__}
