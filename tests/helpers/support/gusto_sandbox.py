"""Plays the OAuth service against the Gusto emulator, with the plugin's own steps."""

from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qs, urlsplit

from pydantic import SecretStr

from integrations.contracts import (
    IntegrationAccess,
    IntegrationSettings,
    OAuthApp,
    OutboundRequest,
    Tenant,
    TokenSet,
)
from integrations.gusto import PLUGIN
from integrations.runtime.http import HttpSession
from integrations.sandbox_kit import consent_async

TODAY = datetime(2026, 3, 10, tzinfo=UTC).date()
REDIRECT = "http://localhost:8765/integration/gusto/callback"
VERSION = dict(PLUGIN.api.headers)


def gusto_app(base: str) -> OAuthApp:
    """Return the operator's app, pointed at the emulator at *base*."""
    return PLUGIN.oauth.register_oauth_app(
        "gusto",
        IntegrationSettings(
            client_id="zebbra",
            client_secret=SecretStr("s3cret"),
            authorize_url=f"{base}/oauth/authorize",
            token_url=f"{base}/oauth/token",
            revoke_url=f"{base}/oauth/revoke",
            api_base_url=f"{base}/",
        ),
        api_base_url=PLUGIN.api.base_url,
    )


async def connect(
    http: HttpSession, base: str, tenant_id: str, *, scope: str = "", user_id: str | None = None
) -> TokenSet:
    """Let a person pick a company and return the first token pair."""
    app = gusto_app(base)
    url = PLUGIN.oauth.oauth_login(app, redirect_uri=REDIRECT, state="st", code_challenge=None)
    if scope:
        url += f"&scope={scope.replace(' ', '+')}"
    redirect = await consent_async(url, tenant_ids=[tenant_id], user_id=user_id)
    (code,) = parse_qs(urlsplit(redirect).query)["code"]
    request = PLUGIN.oauth.oauth_callback(app, code=code, redirect_uri=REDIRECT, code_verifier=None)
    return await tokens_from(http, request)


async def refresh(http: HttpSession, base: str, tokens: TokenSet) -> TokenSet:
    """Exchange the refresh token of *tokens*."""
    assert tokens.refresh_token is not None
    request = PLUGIN.oauth.refresh_request(
        gusto_app(base), refresh_token=tokens.refresh_token, redirect_uri=REDIRECT
    )
    return await tokens_from(http, request)


async def tokens_from(http: HttpSession, request: OutboundRequest) -> TokenSet:
    answer = await http.send(request)
    assert answer.status == 200, answer.json()
    return PLUGIN.oauth.token_set(answer.json(), now=datetime.now(UTC))


async def ask(http: HttpSession, url: str, tokens: TokenSet, **headers: str) -> Any:
    """Send a bare request with the access token; the version header is the caller's business."""
    token = tokens.access_token.get_secret_value()
    return await http.send(OutboundRequest(method="GET", url=url, bearer=token, headers=headers))


@dataclass
class HeldTokens:
    """A token source that holds one access token, and gets a new one when it is refused."""

    http: HttpSession
    base: str
    tokens: TokenSet
    tenant: Tenant
    refreshes: int = field(default=0)

    async def access(self, *, rejected: str | None = None) -> IntegrationAccess:
        if rejected is not None:
            self.tokens = await refresh(self.http, self.base, self.tokens)
            self.refreshes += 1
        return IntegrationAccess(
            access_token=self.tokens.access_token,
            token_type="Bearer",
            expires_at=self.tokens.expires_at,
            tenant_id=self.tenant.id,
            tenant_name=self.tenant.name,
            scopes=self.tokens.scopes,
        )
