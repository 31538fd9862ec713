"""Checks of connecting: authorize URL, state, PKCE, code exchange and the pinned tenant."""

from datetime import UTC, datetime
from urllib.parse import urlsplit, urlunsplit

from integrations.contracts import OutboundRequest
from integrations.runtime.http import RawAnswer
from integrations.sandbox_kit import ConsentError, SandboxTenant
from integrations.sandbox_kit.browser import Page, query_of
from integrations.testing.customer import Connected
from integrations.testing.environment import CLIENT_ID, CLIENT_SECRET, app_of
from integrations.testing.expectations import expect, shown
from integrations.testing.fetching import run_with_session
from integrations.testing.harness import Harness

_OK, _BAD_REQUEST = 200, 400
_CHALLENGE_LENGTH = 43  # a SHA-256 digest in base64url
_SHORTEST_STATE = 20
_MOST_TENANTS = 3
_SPARE_S = 45


def check_authorize_url_is_the_declared_one_and_asks_for_the_declared_scopes(
    harness: Harness,
) -> None:
    """Connect redirects to the declared page, with every parameter that the provider needs."""
    harness.fresh()
    oauth = harness.plugin.oauth
    url = harness.customer().login()
    bare = urlunsplit(urlsplit(url)._replace(query="", fragment=""))
    expect(
        bare == harness.addresses.authorize_url,
        expected=f"the consent page at {harness.addresses.authorize_url}",
        found=bare,
        why="the setting <SLUG>_AUTHORIZE_URL must move it; else no sandbox can be connected",
    )
    query = query_of(url)
    wanted = {
        "response_type": "code",
        "client_id": CLIENT_ID,
        "redirect_uri": f"{harness.service.url}/integration/{harness.plugin.slug}/callback",
    }
    for name, value in wanted.items():
        expect(
            query.get(name) == value,
            expected=f"{name}={value} in the authorize URL",
            found=f"{query[name]!r}" if name in query else "no such parameter",
            why="the provider refuses the request, or redirects to another address",
        )
    asked = set(query.get("scope", "").split())
    declared = set(oauth.scopes) if oauth.sends_scopes else set()
    expect(
        asked == declared,
        expected=f"scope: {' '.join(sorted(declared)) or 'none'}",
        found=f"scope: {' '.join(sorted(asked)) or 'none'}",
        why="scopes are declared so that the connect page can explain them and the operator can "
        "override them; too few fail later, too many frighten people",
    )
    expect(
        CLIENT_SECRET not in url,
        expected="no client secret in the authorize URL",
        found="the client secret",
        why="this URL goes through the person's browser and its history",
    )
    challenged = "code_challenge" in query
    expect(
        challenged == oauth.pkce,
        expected=f"{'a' if oauth.pkce else 'no'} PKCE challenge, as the plugin declares",
        found=f"{'a' if challenged else 'no'} code_challenge",
        why="a provider without PKCE may refuse the parameter; one with it relies on it",
    )


def check_state_is_fresh_and_only_the_browser_that_left_may_come_back(harness: Harness) -> None:
    """A callback is accepted once, and only in the session that started the login."""
    harness.fresh()
    tenant = harness.tenants()[0]
    customer, stranger = harness.customer(), harness.customer()
    url = customer.login()
    state, other = query_of(url).get("state", ""), query_of(stranger.login()).get("state", "")
    expect(
        len(state) >= _SHORTEST_STATE and state != other,
        expected="a long state, new for each login",
        found="the same state for two logins" if state else "no state",
        why="without it, an attacker can make a customer connect a foreign organisation "
        "(RFC 6749, 10.12)",
    )
    redirect = customer.allow(url, tenant)
    for what, page in (
        ("a forged state", customer.deliver(redirect.replace(state, "x" * len(state)), tenant)),
        ("another browser's session", stranger.deliver(redirect, tenant)),
    ):
        expect(
            page.status_code >= _BAD_REQUEST and harness.token_calls() == 0,
            expected=f"the redirect with {what} to be refused before its code is exchanged",
            found=f"status {page.status_code}: {Page(page.text).heading}, token calls: {harness.token_calls()}",
            why="a stolen or forged redirect would connect another customer's organisation",
        )
    customer.deliver(redirect, tenant)
    connected = Connected(customer.workspace_id, tenant, {})
    expect(
        harness.state(connected) == "connected",
        expected="the genuine redirect to connect the workspace",
        found=f"the connection is {harness.state(connected) or 'not there'}",
        why="a customer who has granted access sees an error page",
    )
    spent = harness.token_calls()
    customer.deliver(redirect, tenant)
    expect(
        harness.token_calls() == spent and harness.state(connected) == "connected",
        expected="a redirect that is loaded twice to change nothing",
        found=f"token calls: {harness.token_calls()} instead of {spent}, "
        f"the connection is {harness.state(connected)}",
        why="a code that comes twice makes providers end the whole grant (RFC 6749, 4.1.2)",
    )


def check_pkce_binds_the_code_to_its_verifier(harness: Harness) -> None:
    """The challenge is S256, the right verifier connects, a wrong one or none does not."""
    harness.fresh()
    tenant = harness.tenants()[0]
    query = query_of(harness.customer().login())
    challenge = query.get("code_challenge", "")
    expect(
        query.get("code_challenge_method") == "S256" and len(challenge) == _CHALLENGE_LENGTH,
        expected="an S256 code challenge, as the plugin declares PKCE",
        found=f"method {query.get('code_challenge_method')!r}, "
        f"challenge of {len(challenge)} characters",
        why="an attacker who intercepts the redirect can spend the code (RFC 7636)",
    )
    for verifier in ("v" * 64, None):
        customer = harness.customer()
        redirect = customer.allow(customer.login(), tenant)
        answer = _exchange(harness, query_of(redirect).get("code", ""), verifier)
        expect(
            answer.status != _OK,
            expected="the sandbox to refuse a code with a wrong verifier, or without one",
            found=f"status {answer.status} for {'a wrong' if verifier else 'no'} verifier",
            why="a sandbox that takes any verifier cannot show whether the right one is sent",
        )
    harness.connect(tenant)


def check_code_is_exchanged_for_a_token_that_lives_as_long_as_it_says(harness: Harness) -> None:
    """The token API returns a token that the provider accepts until its stated expiry."""
    harness.fresh()
    connected = harness.connect()
    access = harness.access(connected)
    left_s = (access.expires_at - datetime.now(UTC)).total_seconds()
    expect(
        left_s > 2 * _SPARE_S,
        expected="an access token that lives for some minutes",
        found=f"one that ends in {left_s:.0f} s",
        why="every caller would have to refresh, and spend the one refresh token",
    )
    expect(
        access.access_token.get_secret_value() in harness.control.issued("access_token"),
        expected="the access token that the provider has issued",
        found="another text",
        why="no request with it will be answered",
    )
    harness.control.advance_clock(left_s - _SPARE_S)
    harness.control.clear_calls()
    found = harness.attempt(connected)
    refused = [call for call in harness.control.calls() if call["status"] == 401]  # noqa: PLR2004 -- Unauthorized
    expect(
        not refused and not isinstance(found, Exception),
        expected=f"the token to work until shortly before its end, {left_s:.0f} s after its issue",
        found=f"{len(refused)} answers of status 401"
        + (f", {shown(found)}" if isinstance(found, Exception) else ""),
        why="a token with an overstated lifetime is given to runs that then fail",
    )


def check_tenants_are_those_that_the_person_has_shared(harness: Harness) -> None:
    """The shared organisation is pinned; of several, the one that the customer chose."""
    harness.fresh()
    offered = harness.tenants()[:_MOST_TENANTS]
    for tenant in offered:
        access = harness.access(harness.connect(tenant))
        _expect_pinned(access.tenant_id, access.tenant_name, tenant, f"{tenant.name} alone")
    if len(offered) < 2:  # noqa: PLR2004 -- nothing to choose from
        return
    customer, (first, *_, last) = harness.customer(), offered
    try:
        redirect = customer.allow(customer.login(), first, last)
    except ConsentError:
        return  # one organisation for each grant
    customer.deliver(redirect, last)
    access = harness.access(Connected(customer.workspace_id, last, {}))
    _expect_pinned(access.tenant_id, access.tenant_name, last, "two, and chose the second")


def _exchange(harness: Harness, code: str, verifier: str | None) -> RawAnswer:
    oauth, app = harness.plugin.oauth, app_of(harness.plugin, harness.addresses)
    redirect_uri = f"{harness.service.url}/integration/{harness.plugin.slug}/callback"
    request: OutboundRequest = oauth.oauth_callback(
        app, code=code, redirect_uri=redirect_uri, code_verifier=verifier
    )
    return run_with_session(lambda session: session.send(request))


def _expect_pinned(tenant_id: str, name: str, wanted: SandboxTenant, shared: str) -> None:
    expect(
        (tenant_id, name) == (wanted.id, wanted.name),
        expected=f"{wanted.name} ({wanted.id}) when a person shared {shared}",
        found=f"{name} ({tenant_id})",
        why="the figures of the wrong organisation would be landed unnoticed",
    )


CHECKS = (
    check_authorize_url_is_the_declared_one_and_asks_for_the_declared_scopes,
    check_state_is_fresh_and_only_the_browser_that_left_may_come_back,
    check_code_is_exchanged_for_a_token_that_lives_as_long_as_it_says,
    check_tenants_are_those_that_the_person_has_shared,
)
PKCE_CHECKS = (check_pkce_binds_the_code_to_its_verifier,)
