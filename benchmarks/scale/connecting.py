"""
Connects all workspaces.

Each consent is given at the sandbox's own authorize endpoint and exchanged at its token endpoint;
what comes back is stored through the token store's public API (`consents.add_grant`,
`connections.connect`) instead of the connect page, whose limits for strangers would make it take
an hour. Stored as expired, so that the first pull refreshes every grant.
"""

import asyncio
from collections.abc import Mapping
from contextlib import closing
from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qs, urlsplit

import httpx
from pydantic import SecretStr

from benchmarks.scale.world import Workspace, World
from integrations.contracts import Tenant, TokenSet
from integrations.runtime.settings import Settings
from integrations.xero.oauth import XeroOAuth
from oauth_service.store import PendingGrant, Store

_AT_ONCE = 8
_REDIRECT = "https://benchmark.example/callback"


def connect_all(world: World, settings: Settings) -> None:
    """
    Connect every workspace to its company.

    Raises:
        RuntimeError: If the sandbox gives no grant.
    """
    with closing(Store(settings.oauth_database, settings.encryption_keys())) as store:
        asyncio.run(_connect_all(world, settings, store))


async def _connect_all(world: World, settings: Settings, store: Store) -> None:
    gate = asyncio.Semaphore(_AT_ONCE)
    async with httpx.AsyncClient(timeout=60) as http:

        async def one(workspace: Workspace) -> None:
            async with gate:
                tokens = await _consent(http, settings, workspace)
                await asyncio.to_thread(_store, store, workspace, tokens)

        await asyncio.gather(*map(one, world.workspaces))


async def _consent(http: httpx.AsyncClient, settings: Settings, workspace: Workspace) -> TokenSet:
    app = settings.integration("xero")
    scope = " ".join(XeroOAuth.scopes)
    granted = await http.post(
        str(app.authorize_url),
        data={
            "response_type": "code",
            "client_id": str(app.client_id),
            "redirect_uri": _REDIRECT,
            "state": workspace.id,
            "scope": scope,
            "decision": "allow",
            "user_id": workspace.user,
            "tenant_id": workspace.company.id,
        },
    )
    query = parse_qs(urlsplit(granted.headers.get("location", "")).query)
    if "code" not in query:
        raise RuntimeError(f"{workspace.id}: the sandbox gave no code: {granted.status_code}")
    answer = await http.post(
        str(app.token_url),
        data={
            "grant_type": "authorization_code",
            "code": query["code"][0],
            "redirect_uri": _REDIRECT,
        },
        auth=(str(app.client_id), _secret_of(app.client_secret)),
    )
    return _tokens(answer.raise_for_status().json())


def _secret_of(secret: SecretStr | None) -> str:
    return "" if secret is None else secret.get_secret_value()


def _tokens(answer: Mapping[str, str]) -> TokenSet:
    return TokenSet(
        access_token=SecretStr(answer["access_token"]),
        refresh_token=SecretStr(answer["refresh_token"]),
        expires_at=datetime.now(UTC),
        lifetime_s=int(answer["expires_in"]),
        scopes=tuple(answer["scope"].split()),
    )


def _store(store: Store, workspace: Workspace, tokens: TokenSet) -> None:
    now = datetime.now(UTC)
    store.workspaces.remember(workspace.id, workspace.company.name, now=now)
    grant = PendingGrant(f"grant-{workspace.id}", "session", workspace.id, "xero", tokens, ())
    store.consents.add_grant(grant, now=now, expires_at=now + timedelta(hours=1))
    store.connections.connect(grant, Tenant(workspace.company.id, workspace.company.name), now=now)
