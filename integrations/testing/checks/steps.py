"""Runs the plugin's OAuth steps in this process, where calls and logs can be observed."""

from dataclasses import dataclass
from datetime import UTC, datetime

from pydantic import SecretStr

from integrations.contracts import NewGrant, OutboundRequest, Tenant, TokenSet
from integrations.runtime.http import HttpSession
from integrations.testing.customer import Connected
from integrations.testing.environment import app_of
from integrations.testing.fetching import HeldAccess
from integrations.testing.harness import Harness

_LIFETIME_S = 1800


@dataclass(frozen=True, slots=True)
class Steps:
    """
    The results of the OAuth steps.

    Attributes:
        urls: The URL of each step, by the step's name.
        requests: The requests that the plugin built.
        failure: The error of `find_tenants`; None if it succeeded.
    """

    urls: dict[str, str]
    requests: tuple[OutboundRequest, ...]
    failure: Exception | None


def take_oauth_steps(harness: Harness, connected: Connected) -> Steps:
    """Run every step that the OAuth service runs, with real tokens; only `find_tenants` sends."""
    with harness.recorder.listening():
        urls, requests = _without_sending(harness)
    return Steps(urls, requests, _find_tenants(harness, connected))


def _without_sending(harness: Harness) -> tuple[dict[str, str], tuple[OutboundRequest, ...]]:
    oauth, app = harness.plugin.oauth, app_of(harness.plugin, harness.addresses)
    redirect_uri = f"{harness.service.url}/integration/{harness.plugin.slug}/callback"
    tokens = _tokens(harness)
    tenant = harness.tenants()[0]
    login = oauth.oauth_login(
        app, redirect_uri=redirect_uri, state="state-without-session", code_challenge=None
    )
    exchange = oauth.oauth_callback(
        app, code="code-without-grant", redirect_uri=redirect_uri, code_verifier=None
    )
    refresh = oauth.refresh_request(
        app,
        refresh_token=tokens.refresh_token or tokens.access_token,
        redirect_uri=redirect_uri,
    )
    ends = oauth.disconnect_requests(
        app, tokens, Tenant(tenant.id, tenant.name, connection_id="any")
    )
    urls = {"the login": login, "the code exchange": exchange.url, "a refresh": refresh.url}
    urls |= {f"disconnection {number}": item.url for number, item in enumerate(ends, start=1)}
    return urls, (exchange, refresh, *ends)


def _tokens(harness: Harness) -> TokenSet:
    """Return the newest tokens of the sandbox, read by the plugin from an ordinary answer."""
    answer: dict[str, object] = {"token_type": "Bearer", "expires_in": _LIFETIME_S}
    for kind in ("access_token", "refresh_token", "id_token"):
        issued = harness.control.issued(kind)
        if issued:
            answer[kind] = issued[-1]
    return harness.plugin.oauth.token_set(answer, now=datetime.now(UTC))


def _find_tenants(harness: Harness, connected: Connected) -> Exception | None:
    access = harness.access(connected).model_copy(update={"tenant_id": "", "tenant_name": ""})
    tokens = TokenSet(
        access_token=access.access_token,
        refresh_token=SecretStr("of no use here"),
        expires_at=access.expires_at,
        lifetime_s=_LIFETIME_S,
    )

    async def work(session: HttpSession) -> object:
        client = session.bind(
            harness.plugin,
            tokens=HeldAccess(access),
            access=access,
            base_url=harness.addresses.api_base_url,
        )
        return await harness.plugin.oauth.find_tenants(client, NewGrant(tokens, connected.callback))

    try:
        harness.run(work)
    except Exception as exc:  # noqa: BLE001 -- the check judges it
        return exc
    return None
