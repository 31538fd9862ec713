"""The QuickBooks plugin connected to its own sandbox, step by step as the OAuth service does it."""

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from pydantic import SecretStr

from integrations.contracts import (
    DataBatch,
    IntegrationAccess,
    IntegrationSettings,
    LineKind,
    NewGrant,
    OAuthApp,
    Tenant,
    TokenSet,
)
from integrations.quickbooks import PLUGIN
from integrations.quickbooks.adapter import QuickBooksFetchAdapter
from integrations.quickbooks.sandbox.chart import Chart
from integrations.quickbooks.sandbox.realms import realm_id
from integrations.runtime.answers import RawAnswer
from integrations.runtime.http import BoundClient, HttpSession, RetryPolicy
from integrations.sandbox_kit import SandboxControl, consent_async, sandbox_app, serve_in_thread
from integrations.sandbox_kit.books import COMPANIES, Books, Company

ACME, GLOBEX = COMPANIES[0], COMPANIES[1]
REDIRECT = "http://localhost:8765/integration/quickbooks/callback"
IMPATIENT = RetryPolicy(first_wait_s=0.001, first_throttled_wait_s=0.001)


@dataclass
class QuickBooksSandbox:
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
            authorize_url=f"{self.base}/connect/oauth2",
            token_url=f"{self.base}/oauth2/v1/tokens/bearer",
            revoke_url=f"{self.base}/v2/oauth2/tokens/revoke",
            api_base_url=f"{self.base}/",
        )
        return PLUGIN.oauth.register_oauth_app(
            "quickbooks", settings, api_base_url=PLUGIN.api.base_url
        )


@contextmanager
def quickbooks_sandbox(today: date) -> Iterator[QuickBooksSandbox]:
    """Serve the emulator alone, with books that end on *today*."""
    app = sandbox_app({"quickbooks": PLUGIN.load_sandbox()}, today=today)
    with serve_in_thread(app) as base:
        yield QuickBooksSandbox(f"{base}/quickbooks", today)


@dataclass
class Connection:
    """A grant with its pinned company; a `TokenSource` that refreshes when a token is refused."""

    session: HttpSession
    app: OAuthApp
    tokens: TokenSet
    tenant: Tenant = field(default_factory=lambda: Tenant("", ""))
    refreshes: int = 0

    @property
    def realm(self) -> str:
        return self.tenant.id

    async def access(self, *, rejected: str | None = None) -> IntegrationAccess:
        if rejected is not None:
            await self.refresh()
        return IntegrationAccess(
            access_token=self.tokens.access_token,
            token_type=self.tokens.token_type,
            expires_at=self.tokens.expires_at,
            tenant_id=self.tenant.id,
            tenant_name=self.tenant.name,
        )

    async def ask_for_tokens(self, refresh_token: SecretStr | None = None) -> RawAnswer:
        """Spend the refresh token, or another one; nothing is kept of the answer."""
        spent = refresh_token or self.tokens.refresh_token
        assert spent is not None
        return await self.session.send(
            PLUGIN.oauth.refresh_request(self.app, refresh_token=spent, redirect_uri=REDIRECT)
        )

    async def refresh(self) -> dict[str, Any]:
        answer = await self.ask_for_tokens()
        assert answer.status == 200
        self.tokens = PLUGIN.oauth.token_set(
            answer.json(), now=datetime.now(UTC), previous=self.tokens
        )
        self.refreshes += 1
        return dict(answer.json())

    def client(self) -> BoundClient:
        return self.session.bind(PLUGIN, tokens=self, base_url=self.app.api_base_url)

    async def adapter(self, today: date) -> QuickBooksFetchAdapter:
        return QuickBooksFetchAdapter("acme", await self.client().open(), today=today)

    async def fetch(self, first: date, today: date, **more: Any) -> DataBatch:
        return await (await self.adapter(today)).get_data(first, **more)


async def consented(
    sandbox: QuickBooksSandbox, company: Company = ACME, *, app: OAuthApp | None = None
) -> dict[str, str]:
    """Let a person choose a company; return the redirect's parameters."""
    login = PLUGIN.oauth.oauth_login(
        app or sandbox.app, redirect_uri=REDIRECT, state="s", code_challenge=None
    )
    redirect = await consent_async(login, tenant_ids=[realm_id(company)])
    return dict(parse_qsl(urlsplit(redirect).query))


async def exchanged(
    session: HttpSession, sandbox: QuickBooksSandbox, callback: dict[str, str]
) -> Connection:
    """Return the connection of a consent whose company has not been looked for."""
    request = PLUGIN.oauth.oauth_callback(
        sandbox.app, code=callback["code"], redirect_uri=REDIRECT, code_verifier=None
    )
    answer = await session.send(request)
    assert answer.status == 200
    tokens = PLUGIN.oauth.token_set(answer.json(), now=datetime.now(UTC))
    return Connection(session, sandbox.app, tokens)


async def connect(
    session: HttpSession,
    sandbox: QuickBooksSandbox,
    company: Company = ACME,
    *,
    app: OAuthApp | None = None,
) -> Connection:
    """Let a person connect a company, and pin it."""
    callback = await consented(sandbox, company, app=app)
    connection = await exchanged(session, sandbox, callback)
    (connection.tenant,) = await PLUGIN.oauth.find_tenants(
        connection.client(), NewGrant(connection.tokens, callback)
    )
    return connection


@asynccontextmanager
async def freshly_connected(
    sandbox: QuickBooksSandbox, company: Company = ACME
) -> AsyncIterator[Connection]:
    """Reset a served sandbox and connect one company."""
    sandbox.control.reset()
    async with HttpSession(retry=IMPATIENT) as session:
        connection = await connect(session, sandbox, company)
        sandbox.control.clear_calls()
        yield connection


@asynccontextmanager
async def connected(
    today: date, company: Company = ACME
) -> AsyncIterator[tuple[QuickBooksSandbox, Connection]]:
    """Serve a sandbox and connect one company."""
    with quickbooks_sandbox(today) as sandbox:
        async with freshly_connected(sandbox, company) as connection:
            yield sandbox, connection


def chart(company: Company, today: date) -> Chart:
    """Return the accounts and exact figures that the sandbox computes its reports from."""
    return Chart(Books(company, today=today))


Figures = dict[str | None, dict[date, Decimal | None]]


def expected_figures(truth: Chart, batch: DataBatch) -> Figures:
    """Return the exact figures of all accounts that moved, by id; None is the year's profit."""
    books, monthly = truth.books, truth.books.monthly(batch.dates)
    figures: Figures = {
        truth.id_of(account): {month: monthly[month][account.id] for month in batch.dates}
        for account in books.accounts
    }
    figures[None] = {month: books.current_year_earnings(month) for month in batch.dates}
    return {key: values for key, values in figures.items() if any(values.values())}


def landed_figures(batch: DataBatch) -> Figures:
    """Return the figures of all account lines that are not 0 throughout, by id."""
    return {
        line.account_id: dict(line.values)
        for line in batch.lines
        if line.kind is LineKind.ACCOUNT and any(line.values.values())
    }
