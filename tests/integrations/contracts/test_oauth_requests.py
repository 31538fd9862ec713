"""What the OAuth requests are on the wire, byte for byte, also with odd characters in them."""

import base64
from datetime import UTC, datetime

import pytest
from pydantic import SecretStr
from support.scripted_server import Reply, scripted_server

from integrations.contracts import IntegrationOAuth, OAuthApp, Tenant, TokenSet
from integrations.runtime.http import HttpSession

PLAIN = "plain-1._~"
ODD = "a b+c/d=e&f%g;h:i\"j#k~l*m'n(o)p!q@r?s,t$u\\v|w<x>y[z]{é}€\N{GRINNING FACE}"
SENT = {
    PLAIN: "plain-1._~",
    ODD: (
        "a+b%2Bc%2Fd%3De%26f%25g%3Bh%3Ai%22j%23k~l%2Am%27n%28o%29p%21q%40r%3Fs%2Ct%24u%5Cv%7Cw%3Cx"
        "%3Ey%5Bz%5D%7B%C3%A9%7D%E2%82%AC%F0%9F%98%80"
    ),
}
REDIRECT = "https://connect.example/integration/toy/callback?a=1&b=é"
REDIRECT_SENT = "https%3A%2F%2Fconnect.example%2Fintegration%2Ftoy%2Fcallback%3Fa%3D1%26b%3D%C3%A9"
values = pytest.mark.parametrize("value", [PLAIN, ODD], ids=["plain", "odd"])


class Basic(IntegrationOAuth):
    authorize_url = "https://toy.example/authorize"
    token_url = "https://toy.example/token"
    revoke_url = "https://toy.example/revoke"
    scopes = ("read", "offline")

    async def find_tenants(self, client, grant):
        return ()


class Body(Basic):
    client_auth = "body"
    refresh_repeats_redirect_uri = True


class Public(Basic):
    client_auth = "none"
    pkce = True


class Scopeless(Basic):
    sends_scopes = False


kinds = pytest.mark.parametrize("oauth", [Basic(), Body(), Public()], ids=["basic", "body", "none"])


def an_app(value, *, root="https://toy.example", authorize_url=None, scopes=("read", "offline")):
    return OAuthApp(
        client_id=f"id-{value}",
        client_secret=SecretStr(f"secret-{value}"),
        scopes=scopes,
        authorize_url=authorize_url or f"{root}/authorize",
        token_url=f"{root}/token?own=%2f+%20&flag",
        revoke_url=f"{root}/revoke?own=1",
        api_base_url=f"{root}/",
    )


def requests_of(oauth, app, value):
    tokens = TokenSet(
        access_token=SecretStr(f"access-{value}"),
        refresh_token=SecretStr(f"refresh-{value}"),
        expires_at=datetime(2026, 1, 1, tzinfo=UTC),
        lifetime_s=60,
    )
    only_access = tokens.model_copy(update={"refresh_token": None})
    tenant = Tenant("t", "T")
    return {
        "code": oauth.oauth_callback(
            app, code=f"code-{value}", redirect_uri=REDIRECT, code_verifier=None
        ),
        "code_pkce": oauth.oauth_callback(
            app, code=f"code-{value}", redirect_uri=REDIRECT, code_verifier=f"verifier-{value}"
        ),
        "refresh": oauth.refresh_request(
            app, refresh_token=tokens.refresh_token, redirect_uri=REDIRECT
        ),
        "revoke": oauth.disconnect_requests(app, tokens, tenant)[0],
        "revoke_access": oauth.disconnect_requests(app, only_access, tenant)[0],
    }


def bodies_of(oauth, value):
    sent = SENT[value]
    client = {
        "basic": "",
        "body": f"&client_id=id-{sent}&client_secret=secret-{sent}",
        "none": f"&client_id=id-{sent}",
    }[oauth.client_auth]
    code = f"grant_type=authorization_code&code=code-{sent}&redirect_uri={REDIRECT_SENT}"
    refresh = f"grant_type=refresh_token&refresh_token=refresh-{sent}"
    if oauth.refresh_repeats_redirect_uri:
        refresh += f"&redirect_uri={REDIRECT_SENT}"
    return {
        "code": f"{code}{client}",
        "code_pkce": f"{code}&code_verifier=verifier-{sent}{client}",
        "refresh": f"{refresh}{client}",
        "revoke": f"token=refresh-{sent}{client}",
        "revoke_access": f"token=access-{sent}{client}",
    }


@kinds
@values
async def test_token_and_revocation_requests_on_the_wire(oauth, value):
    credentials = base64.b64encode(f"id-{value}:secret-{value}".encode()).decode()
    authorization = f"Basic {credentials}" if oauth.client_auth == "basic" else None
    with scripted_server() as server:
        server.answer("/token", Reply(200, {}))
        server.answer("/revoke", Reply(200, {}))
        async with HttpSession() as session:
            requests = requests_of(oauth, an_app(value, root=server.url), value)
            for request in requests.values():
                await session.send(request)

    expected = bodies_of(oauth, value)
    assert {
        name: got.body.decode("ascii") for name, got in zip(requests, server.received, strict=True)
    } == expected
    for name, got in zip(requests, server.received, strict=True):
        path = "/revoke" if name.startswith("revoke") else "/token"
        assert (got.method, got.path) == ("POST", path)
        assert got.headers.get("authorization") == authorization
        assert got.headers["accept"] == "application/json"
        assert got.headers["content-type"] == "application/x-www-form-urlencoded"
        assert got.headers["content-length"] == str(len(expected[name]))


@kinds
@values
def test_requests_are_data_that_a_plugin_can_change(oauth, value):
    in_header = oauth.client_auth == "basic"
    app = an_app(value)
    for name, request in requests_of(oauth, app, value).items():
        assert request.method == "POST"
        assert request.url == (app.revoke_url if name.startswith("revoke") else app.token_url)
        assert request.basic_auth == ((f"id-{value}", f"secret-{value}") if in_header else None)
        assert isinstance(request.form, dict)
        assert dict(request.headers) == {"Accept": "application/json"}
        assert (request.json, request.bearer) == (None, None)


@pytest.mark.parametrize(
    ("authorize_url", "start"),
    [
        ("https://toy.example/authorize", "https://toy.example/authorize?"),
        ("https://toy.example/authorize?", "https://toy.example/authorize?"),
        ("https://toy.example/a;p/b?t=all", "https://toy.example/a;p/b?t=all&"),
        (
            "https://toy.example/authorize?flag&x=%2f%20+%FF;y&z=é",
            "https://toy.example/authorize?flag&x=%2f%20+%FF;y&z=é&",
        ),
    ],
)
@pytest.mark.parametrize("challenge", [None, "a-b_c"])
@values
def test_login_url_keeps_the_providers_query_and_the_order(authorize_url, start, challenge, value):
    sent = SENT[value]
    asked = f"response_type=code&client_id=id-{sent}&redirect_uri={REDIRECT_SENT}&state=s-{sent}"
    pkce = "" if challenge is None else f"&code_challenge={challenge}&code_challenge_method=S256"

    def url(oauth, scopes):
        return oauth.oauth_login(
            an_app(value, authorize_url=authorize_url, scopes=scopes),
            redirect_uri=REDIRECT,
            state=f"s-{value}",
            code_challenge=challenge,
        )

    assert url(Basic(), (value, "b")) == f"{start}{asked}&scope={sent}+b{pkce}"
    assert url(Basic(), ()) == f"{start}{asked}{pkce}"
    assert url(Scopeless(), (value, "b")) == f"{start}{asked}{pkce}"


def test_login_url_keeps_its_fragment_last():
    app = an_app(PLAIN, authorize_url="https://toy.example/authorize?t=1#at")
    url = Scopeless().oauth_login(app, redirect_uri="u", state="s", code_challenge=None)

    assert url == (
        "https://toy.example/authorize?t=1&response_type=code&client_id=id-plain-1._~"
        "&redirect_uri=u&state=s#at"
    )
