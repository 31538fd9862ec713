"""The plugin's OAuth steps, taken in this process, where calls and logs can be watched."""

from dataclasses import dataclass
from datetime import UTC, datetime

from pydantic import SecretStr

from integrations.contracts import NewGrant, OutboundRequest, Tenant, TokenSet
from integrations.runtime.http import HttpSession
from integrations.testing.bench import Bench
from integrations.testing.environment import app_of
from integrations.testing.fetching import HeldAccess
from integrations.testing.person import Connected

_LIFETIME_S = 1800


@dataclass(frozen=True, slots=True)
class Steps:
    """
    What the steps led to.

    Attributes:
        urls: Where each step wants the person, or a request, to go; by the step's name.
        requests: What is to be sent.
        failure: What `find_tenants` ended with, if it did not find any.
    """

    urls: dict[str, str]
    requests: tuple[OutboundRequest, ...]
    failure: Exception | None


def take_oauth_steps(bench: Bench, connected: Connected) -> Steps:
    """Take every step that the OAuth service takes, with real tokens; send what finds tenants."""
    with bench.recorder.listening():
        urls, requests = _without_sending(bench)
    return Steps(urls, requests, _find_tenants(bench, connected))


def _without_sending(bench: Bench) -> tuple[dict[str, str], tuple[OutboundRequest, ...]]:
    oauth, app = bench.plugin.oauth, app_of(bench.plugin, bench.addresses)
    redirect_uri = f"{bench.service.url}/integration/{bench.plugin.slug}/callback"
    tokens = _tokens(bench)
    tenant = bench.tenants()[0]
    login = oauth.oauth_login(
        app, redirect_uri=redirect_uri, state="state-of-nobody", code_challenge=None
    )
    exchange = oauth.oauth_callback(
        app, code="code-of-nobody", redirect_uri=redirect_uri, code_verifier=None
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


def _tokens(bench: Bench) -> TokenSet:
    """Return the newest tokens of the sandbox, read by the plugin from an ordinary answer."""
    answer: dict[str, object] = {"token_type": "Bearer", "expires_in": _LIFETIME_S}
    for kind in ("access_token", "refresh_token", "id_token"):
        issued = bench.control.issued(kind)
        if issued:
            answer[kind] = issued[-1]
    return bench.plugin.oauth.token_set(answer, now=datetime.now(UTC))


def _find_tenants(bench: Bench, connected: Connected) -> Exception | None:
    access = bench.access(connected).model_copy(update={"tenant_id": "", "tenant_name": ""})
    tokens = TokenSet(
        access_token=access.access_token,
        refresh_token=SecretStr("of no use here"),
        expires_at=access.expires_at,
        lifetime_s=_LIFETIME_S,
    )

    async def work(session: HttpSession) -> object:
        client = session.bind(
            bench.plugin,
            tokens=HeldAccess(access),
            access=access,
            base_url=bench.addresses.api_base_url,
        )
        return await bench.plugin.oauth.find_tenants(client, NewGrant(tokens, connected.callback))

    try:
        bench.run(work)
    except Exception as exc:  # noqa: BLE001 -- the check judges it
        return exc
    return None
