"""The company of a redirect, refresh tokens that change once a day, and disconnecting."""

from collections.abc import AsyncIterator, Iterator
from datetime import date, timedelta
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
from support.quickbooks_sandbox import (
    GLOBEX,
    Connection,
    QuickBooksSandbox,
    connect,
    consented,
    exchanged,
    freshly_connected,
    quickbooks_sandbox,
)

from integrations.contracts import AccessDeniedError, NewGrant, PayloadError
from integrations.quickbooks import PLUGIN
from integrations.quickbooks.sandbox.realms import realm_id
from integrations.runtime.http import HttpSession

DAY_S = 86_400


@pytest.fixture(scope="module")
def served() -> Iterator[QuickBooksSandbox]:
    with quickbooks_sandbox(date(2024, 3, 31)) as sandbox:
        yield sandbox


@pytest.fixture
async def connection(served: QuickBooksSandbox) -> AsyncIterator[Connection]:
    async with freshly_connected(served) as found:
        yield found


def refresh_token_of(connection: Connection) -> str:
    assert connection.tokens.refresh_token is not None
    return connection.tokens.refresh_token.get_secret_value()


def test_consent_page_is_asked_for_the_accounting_scope(served: QuickBooksSandbox) -> None:
    url = PLUGIN.oauth.oauth_login(
        served.app, redirect_uri="https://x.example/cb", state="s", code_challenge=None
    )

    assert parse_qs(urlsplit(url).query)["scope"] == ["com.intuit.quickbooks.accounting"]


def test_scope_says_in_plain_words_that_it_would_also_allow_changes() -> None:
    (scope,) = PLUGIN.oauth.scopes

    assert "no read-only permission" in PLUGIN.oauth.scope_meanings[scope]


def test_lifetimes_and_grace_are_those_that_intuit_documents() -> None:
    oauth = PLUGIN.oauth

    assert (oauth.access_lifetime_s, oauth.client_auth, oauth.pkce) == (3600, "basic", False)
    assert oauth.idle_limit == timedelta(days=100)
    assert oauth.replay_grace == timedelta(0)


async def test_company_is_the_one_that_the_redirect_names(served: QuickBooksSandbox) -> None:
    served.control.reset()
    callback = await consented(served, GLOBEX)
    async with HttpSession() as session:
        connection = await exchanged(session, served, callback)
        (tenant,) = await PLUGIN.oauth.find_tenants(
            connection.client(), NewGrant(connection.tokens, callback)
        )

    assert set(callback) == {"code", "state", "realmId"}
    assert (tenant.id, tenant.name) == (realm_id(GLOBEX), "Globex GmbH (sandbox)")
    assert tenant.id.isdigit()


@pytest.mark.parametrize("callback", [{}, {"realmId": ""}, {"realmId": "  "}])
async def test_redirect_without_a_company_is_refused_by_name(
    connection: Connection, callback: dict[str, str]
) -> None:
    with pytest.raises(AccessDeniedError, match=r"realmId: expected the company's id, found none"):
        await PLUGIN.oauth.find_tenants(connection.client(), NewGrant(connection.tokens, callback))


@pytest.mark.parametrize("realm", ["12/../34", "abc", "١٢٣", "-5"])
async def test_company_id_that_is_no_number_is_never_asked_for(
    served: QuickBooksSandbox, connection: Connection, realm: str
) -> None:
    with pytest.raises(PayloadError, match="realmId: expected digits, found other text") as caught:
        await PLUGIN.oauth.find_tenants(
            connection.client(), NewGrant(connection.tokens, {"realmId": realm})
        )
    assert realm not in str(caught.value)
    assert served.control.calls() == []


async def test_company_of_another_grant_is_refused_with_the_hosts_to_check(
    connection: Connection,
) -> None:
    callback = {"realmId": realm_id(GLOBEX)}

    with pytest.raises(AccessDeniedError, match=r"development keys.*QUICKBOOKS_API_BASE_URL"):
        await PLUGIN.oauth.find_tenants(connection.client(), NewGrant(connection.tokens, callback))


async def test_most_refreshes_give_the_same_refresh_token_back(
    served: QuickBooksSandbox, connection: Connection
) -> None:
    first, access = refresh_token_of(connection), connection.tokens.access_token
    served.control.advance_clock(3600)
    answer = await connection.refresh()

    assert refresh_token_of(connection) == first
    assert connection.tokens.access_token != access
    assert answer["x_refresh_token_expires_in"] == 8_726_400
    assert (answer["token_type"], answer["expires_in"]) == ("bearer", 3600)


async def test_refresh_token_changes_once_a_day_and_the_new_one_is_kept(
    served: QuickBooksSandbox, connection: Connection
) -> None:
    values = [refresh_token_of(connection)]
    for hours in (12, 13, 1, 24):
        served.control.advance_clock(hours * 3600)
        await connection.refresh()
        values.append(refresh_token_of(connection))

    first, second, third = dict.fromkeys(values)
    assert values == [first, first, second, second, third]


async def test_spent_refresh_token_is_dead_at_once(
    served: QuickBooksSandbox, connection: Connection
) -> None:
    spent = connection.tokens.refresh_token
    served.control.advance_clock(DAY_S)
    await connection.refresh()
    again = await connection.ask_for_tokens(spent)

    assert again.status == 400
    assert again.json() == {"error": "invalid_grant"}


async def test_refresh_token_that_is_used_lives_on_and_one_left_alone_dies(
    served: QuickBooksSandbox, connection: Connection
) -> None:
    for _ in range(2):
        served.control.advance_clock(100 * DAY_S)
        await connection.refresh()
    served.control.advance_clock(102 * DAY_S)

    assert (await connection.ask_for_tokens()).json() == {"error": "invalid_grant"}


async def test_disconnecting_revokes_the_refresh_token_as_json(
    served: QuickBooksSandbox, connection: Connection
) -> None:
    (request,) = PLUGIN.oauth.disconnect_requests(
        connection.app, connection.tokens, connection.tenant
    )
    answer = await connection.session.send(request)

    assert (request.method, request.form) == ("POST", None)
    assert request.json == {"token": refresh_token_of(connection)}
    assert request.basic_auth == ("test-client", "test-secret")
    assert answer.status == 200
    assert (await connection.ask_for_tokens()).json() == {"error": "invalid_grant"}


async def test_one_workspace_disconnecting_leaves_another_company_connected(
    served: QuickBooksSandbox, connection: Connection
) -> None:
    other = await connect(connection.session, served, GLOBEX)
    (request,) = PLUGIN.oauth.disconnect_requests(
        connection.app, connection.tokens, connection.tenant
    )
    await connection.session.send(request)

    assert (await other.ask_for_tokens()).status == 200


def test_endpoints_of_the_plugin_are_those_of_the_discovery_document(
    served: QuickBooksSandbox,
) -> None:
    oauth = PLUGIN.oauth
    paths = {
        "authorization_endpoint": urlsplit(oauth.authorize_url).path,
        "token_endpoint": urlsplit(oauth.token_url).path,
        "revocation_endpoint": urlsplit(oauth.revoke_url).path,
    }
    for name in ("openid_configuration", "openid_sandbox_configuration"):
        found = httpx.get(f"{served.base}/.well-known/{name}", trust_env=False, timeout=60).json()

        assert {key: found[key] for key in paths} == {
            key: served.base + path for key, path in paths.items()
        }
    assert urlsplit(oauth.discovery_url).path == "/.well-known/openid_configuration"
