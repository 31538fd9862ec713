from collections.abc import AsyncIterator, Iterator
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from pydantic import SecretStr
from support.gusto_sandbox import (
    TODAY,
    VERSION,
    HeldTokens,
    ask,
    connect,
    gusto_app,
    refresh,
)

from integrations.contracts import (
    AccessDeniedError,
    Answer,
    NewGrant,
    PayloadError,
    RequestRefusedError,
    Tenant,
)
from integrations.gusto import PLUGIN
from integrations.gusto.sandbox import ACME, HARBOR, build_sandbox, company_uuid
from integrations.runtime.http import HttpSession
from integrations.sandbox_kit import SandboxControl, sandbox_app, serve_in_thread

NOWHERE = Tenant(id="", name="")


@pytest.fixture(scope="module")
def base() -> Iterator[str]:
    with serve_in_thread(sandbox_app({"gusto": build_sandbox}, today=TODAY)) as url:
        yield f"{url}/gusto"


@pytest.fixture(autouse=True)
def control(base: str) -> SandboxControl:
    remote = SandboxControl(base)
    remote.reset()
    return remote


@pytest.fixture
async def http() -> AsyncIterator[HttpSession]:
    async with HttpSession() as session:
        yield session


def grant(tokens: Any) -> NewGrant:
    return NewGrant(tokens=tokens, callback={})


class Scripted:
    """A client that answers from a list, or raises what is in it."""

    tenant_id = tenant_name = ""
    calls = 0

    def __init__(self, *answers: Any) -> None:
        self.answers = list(answers)

    async def get(self, *_args: object, **_more: object) -> Answer:
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return Answer(200, answer)


INFO = {"scope": "public", "resource": {"type": "Company", "uuid": "c-1"}}


async def find(*answers: Any) -> tuple[Tenant, ...]:
    unused: Any = None
    return await PLUGIN.oauth.find_tenants(Scripted(*answers), grant(unused))


def test_facts_are_those_of_gusto() -> None:
    oauth = PLUGIN.oauth

    assert oauth.authorize_url == "https://api.gusto.com/oauth/authorize"
    assert oauth.token_url == "https://api.gusto.com/oauth/token"
    assert oauth.client_auth == "body"
    assert not oauth.pkce
    assert oauth.replay_grace is None
    assert oauth.idle_limit is None
    assert "compensations:read" in oauth.scopes
    assert set(oauth.scope_meanings) == set(oauth.scopes)
    assert PLUGIN.api.headers == {"X-Gusto-API-Version": "2026-06-15"}
    assert PLUGIN.api.limits.per == "user"
    assert PLUGIN.api.limits.per_minute == 200


def test_consent_url_names_no_scope_for_the_app_is_set_up_with_them() -> None:
    url = PLUGIN.oauth.oauth_login(
        gusto_app("https://x.test"), redirect_uri="https://r.test", state="s", code_challenge=None
    )

    assert set(parse_qs(urlsplit(url).query)) == {
        "response_type",
        "client_id",
        "redirect_uri",
        "state",
    }


def test_secret_travels_in_the_body_only_and_a_refresh_names_no_redirect() -> None:
    request = PLUGIN.oauth.refresh_request(
        gusto_app("https://x.test"), refresh_token=SecretStr("r-1"), redirect_uri="https://r.test"
    )

    assert request.url == "https://x.test/oauth/token"
    assert request.basic_auth is None
    assert request.form == {
        "grant_type": "refresh_token",
        "refresh_token": "r-1",
        "client_id": "zebbra",
        "client_secret": "s3cret",
    }


async def test_new_grant_covers_the_one_company_of_its_token(http: HttpSession, base: str) -> None:
    tokens = await connect(http, base, company_uuid(HARBOR))
    client = http.bind(PLUGIN, tokens=HeldTokens(http, base, tokens, NOWHERE), base_url=base)
    found = await PLUGIN.oauth.find_tenants(client, grant(tokens))

    assert found == (Tenant(id=company_uuid(HARBOR), name=HARBOR),)
    assert tokens.lifetime_s == 7200
    assert "payrolls:read" in tokens.scopes


async def test_company_without_the_scope_for_its_name_is_called_by_its_id(
    http: HttpSession, base: str
) -> None:
    tokens = await connect(http, base, company_uuid(ACME), scope="employees:read jobs:read")
    client = http.bind(PLUGIN, tokens=HeldTokens(http, base, tokens, NOWHERE), base_url=base)
    found = await PLUGIN.oauth.find_tenants(client, grant(tokens))

    assert found == (Tenant(id=company_uuid(ACME), name=company_uuid(ACME)),)


@pytest.mark.parametrize(
    "refusal", [AccessDeniedError("denied"), RequestRefusedError("gone", status=404)]
)
async def test_hidden_company_is_called_by_its_id(refusal: Exception) -> None:
    assert await find(INFO, refusal) == (Tenant(id="c-1", name="c-1"),)


async def test_any_other_refusal_is_not_swallowed() -> None:
    with pytest.raises(RequestRefusedError, match="odd"):
        await find(INFO, RequestRefusedError("odd", status=422))


@pytest.mark.parametrize(
    ("info", "place"),
    [
        ({"resource": {"type": "Partner", "uuid": "p-1"}}, r"resource\.type"),
        ({"resource": None}, "resource: expected an object, found NoneType"),
        ({"resource": {"type": "Company"}}, r"resource\.uuid"),
        ([], "token_info: expected an object, found list"),
    ],
)
async def test_token_for_anything_but_a_company_is_an_error(info: Any, place: str) -> None:
    with pytest.raises(PayloadError, match=place):
        await find(info)


async def test_spent_refresh_token_works_until_its_successor_is_used(
    http: HttpSession, base: str, control: SandboxControl
) -> None:
    first = await connect(http, base, company_uuid(ACME))
    lost = await refresh(http, base, first)
    again = await refresh(http, base, first)
    assert again.access_token != lost.access_token

    assert (await ask(http, f"{base}/v1/token_info", again, **VERSION)).status == 200
    with pytest.raises(AssertionError, match="invalid_grant"):
        await refresh(http, base, first)


async def test_disconnecting_revokes_the_access_token_as_json(http: HttpSession, base: str) -> None:
    tokens = await connect(http, base, company_uuid(ACME))
    (request,) = PLUGIN.oauth.disconnect_requests(gusto_app(base), tokens, NOWHERE)
    answer = await http.send(request)

    assert answer.status == 200
    assert request.form is None
    assert request.json is not None
    assert set(request.json) == {"client_id", "client_secret", "token"}
    assert (await ask(http, f"{base}/v1/token_info", tokens, **VERSION)).status == 401
    with pytest.raises(AssertionError, match="invalid_grant"):
        await refresh(http, base, tokens)


async def test_nothing_secret_shows_in_the_disconnect_request(http: HttpSession, base: str) -> None:
    tokens = await connect(http, base, company_uuid(ACME))
    (request,) = PLUGIN.oauth.disconnect_requests(gusto_app(base), tokens, NOWHERE)

    assert "s3cret" not in repr(request)
    assert tokens.access_token.get_secret_value() not in repr(request)
