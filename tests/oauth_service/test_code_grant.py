"""What each installed integration sends to its provider, as RFC 9700 wants it of a client."""

from urllib.parse import urlsplit

import pytest
from pydantic import SecretStr

from integrations.contracts import IntegrationPlugin, IntegrationSettings, OAuthApp
from integrations.runtime.registry import load_registry
from integrations.sandbox_kit.browser import query_of

SECRET, TOKEN = "client-secret-of-the-tests", "refresh-token"
REDIRECT = "https://connect.example/integration/x/callback"


@pytest.fixture(params=sorted(load_registry().plugins))
def plugin(request: pytest.FixtureRequest) -> IntegrationPlugin:
    return load_registry().get(request.param)


@pytest.fixture
def app(plugin: IntegrationPlugin) -> OAuthApp:
    settings = IntegrationSettings(client_id="client", client_secret=SecretStr(SECRET))
    return plugin.oauth.register_oauth_app(plugin.slug, settings, api_base_url=plugin.api.base_url)


def test_endpoints_are_https(app: OAuthApp) -> None:
    urls = (app.authorize_url, app.token_url, app.revoke_url, app.api_base_url)

    assert [urlsplit(url).scheme for url in urls if url] == ["https"] * 4


def test_consent_page_is_asked_for_a_code_and_for_nothing_else(
    plugin: IntegrationPlugin, app: OAuthApp
) -> None:
    url = plugin.oauth.oauth_login(app, redirect_uri=REDIRECT, state="s" * 48, code_challenge=None)
    query = query_of(url)

    assert query["response_type"] == "code"
    assert (query["state"], query["redirect_uri"]) == ("s" * 48, REDIRECT)
    assert SECRET not in url


def test_tokens_are_asked_for_by_code_and_refresh_token_with_the_secret_in_no_url(
    plugin: IntegrationPlugin, app: OAuthApp
) -> None:
    oauth = plugin.oauth
    requests = [
        oauth.oauth_callback(app, code="code", redirect_uri=REDIRECT, code_verifier=None),
        oauth.refresh_request(app, refresh_token=SecretStr(TOKEN), redirect_uri=REDIRECT),
    ]
    bodies = [dict(request.form or request.json or {}) for request in requests]

    assert [body["grant_type"] for body in bodies] == ["authorization_code", "refresh_token"]
    for request, body in zip(requests, bodies, strict=True):
        in_body = (body.get("client_id"), body.get("client_secret"))
        assert ("client", SECRET) in {request.basic_auth, in_body}
        assert (request.method, request.url) == ("POST", app.token_url)
        assert not {SECRET, TOKEN, "code"} & set(query_of(request.url).values())
