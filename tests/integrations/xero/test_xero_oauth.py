"""Scopes, tenants of a consent, and how one organisation is disconnected."""

from collections.abc import Iterator
from datetime import UTC, date, datetime
from urllib.parse import parse_qs, urlsplit

import pytest
from pydantic import SecretStr
from support.xero_sandbox import ACME, GLOBEX, XeroSandbox, connect, xero_sandbox

from integrations.contracts import AccessDeniedError, NewGrant, Tenant, TokenSet
from integrations.runtime.http import HttpSession
from integrations.xero import PLUGIN


@pytest.fixture(scope="module")
def served() -> Iterator[XeroSandbox]:
    with xero_sandbox(date(2024, 3, 31)) as sandbox:
        yield sandbox


@pytest.fixture
def sandbox(served: XeroSandbox) -> XeroSandbox:
    served.control.reset()
    return served


def test_consent_page_is_asked_for_the_granular_scopes(sandbox: XeroSandbox) -> None:
    url = PLUGIN.oauth.oauth_login(
        sandbox.app, redirect_uri="https://x.example/cb", state="s", code_challenge=None
    )

    (scope,) = parse_qs(urlsplit(url).query)["scope"]
    assert scope.split() == [
        "offline_access",
        "accounting.reports.profitandloss.read",
        "accounting.reports.balancesheet.read",
        "accounting.settings.read",
    ]


def test_every_scope_asked_for_has_a_plain_meaning() -> None:
    assert set(PLUGIN.oauth.scopes) <= set(PLUGIN.oauth.scope_meanings)


async def test_tenant_and_connection_have_different_ids(sandbox: XeroSandbox) -> None:
    async with HttpSession() as session:
        _connection, (tenant,) = await connect(session, sandbox)

    assert (tenant.id, tenant.name) == (ACME.id, ACME.name)
    assert tenant.connection_id not in {None, tenant.id}


async def test_only_organisations_of_this_consent_are_offered(sandbox: XeroSandbox) -> None:
    # The same Xero user connects one organisation for each of two workspaces.
    async with HttpSession() as session:
        await connect(session, sandbox, (ACME,))
        connection, tenants = await connect(session, sandbox, (GLOBEX,))
        everything = (await connection.client().get("connections")).payload

    assert [tenant.id for tenant in tenants] == [GLOBEX.id]
    assert {item["tenantId"] for item in everything} == {ACME.id, GLOBEX.id}


async def test_all_organisations_are_offered_if_the_token_names_no_consent(
    sandbox: XeroSandbox,
) -> None:
    async with HttpSession() as session:
        connection, _tenants = await connect(session, sandbox, (ACME, GLOBEX))
        opaque = connection.tokens.model_copy(update={"access_token": SecretStr("opaque")})
        tenants = await PLUGIN.oauth.find_tenants(connection.client(), NewGrant(opaque, {}))

    assert {tenant.id for tenant in tenants} == {ACME.id, GLOBEX.id}


async def test_consent_that_shares_nothing_is_refused(sandbox: XeroSandbox) -> None:
    async with HttpSession() as session:
        connection, _tenants = await connect(session, sandbox)
        sandbox.control.vanish_tenant(ACME.id)

        with pytest.raises(AccessDeniedError, match="no organisation was shared"):
            await PLUGIN.oauth.find_tenants(connection.client(), NewGrant(connection.tokens, {}))


async def test_disconnecting_one_organisation_leaves_the_others(sandbox: XeroSandbox) -> None:
    async with HttpSession() as session:
        acme, _tenants = await connect(session, sandbox, (ACME,))
        globex, _tenants = await connect(session, sandbox, (GLOBEX,))
        (request,) = PLUGIN.oauth.disconnect_requests(sandbox.app, acme.tokens, acme.tenant)
        gone = await session.send(request)
        again = await session.send(request)
        left = (await globex.client().get("connections")).payload

    assert request.method == "DELETE"
    assert request.url == f"{sandbox.base}/connections/{acme.tenant.connection_id}"
    assert (gone.status, again.status) == (204, 404)
    assert [item["tenantId"] for item in left] == [GLOBEX.id]


def test_connection_without_its_id_is_ended_by_revoking(sandbox: XeroSandbox) -> None:
    tokens = TokenSet(
        access_token=SecretStr("a"),
        refresh_token=SecretStr("r"),
        expires_at=datetime(2026, 1, 1, tzinfo=UTC),
        lifetime_s=1800,
    )
    (request,) = PLUGIN.oauth.disconnect_requests(sandbox.app, tokens, Tenant("t", "Acme"))

    assert (request.method, request.url) == ("POST", f"{sandbox.base}/connect/revocation")
    assert request.form == {"token": "r"}
    assert request.basic_auth == ("test-client", "test-secret")


def test_lifetimes_and_grace_are_those_that_xero_documents() -> None:
    oauth = PLUGIN.oauth

    assert (oauth.access_lifetime_s, oauth.client_auth, oauth.pkce) == (1800, "basic", False)
    assert oauth.replay_grace is not None
    assert oauth.replay_grace.total_seconds() == 1800
    assert oauth.idle_limit is not None
    assert oauth.idle_limit.days == 60
