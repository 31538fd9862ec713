"""`OAuthRules`: what differs between providers' OAuth, as data."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Literal

TokenField = Literal[
    "access_token",
    "refresh_token",
    "id_token",
    "expires_in",
    "token_type",
    "scope",
    "created_at",
    "x_refresh_token_expires_in",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class OAuthRules:
    """
    A provider's OAuth 2.0 rules.

    Attributes:
        client_auth: Accepted ways to authenticate at the token and revoke endpoints.
        json_body: Whether these endpoints also read a JSON body.
        access_lifetime_s: Seconds that an access token lives.
        code_lifetime_s: Seconds within which a code must be exchanged.
        grace: How long a spent refresh token may be replayed. None: until an access token of
            its successor is first used (Gusto). Zero: never.
        rotate_after: Age at which a refresh changes the refresh token's value (QuickBooks: 24
            hours). None: at every refresh.
        reuse_kills_grant: Whether a replay outside the grace ends the whole grant, as RFC 9700
            advises, or is merely refused.
        idle_limit: How long an unused refresh token lives; None: without limit.
        pkce: Whether an S256 challenge is honoured. If not, it is ignored.
        jwt_access_tokens: Access tokens are JWTs with `authentication_event_id`,
            `xero_userid` and `scope` (a list); otherwise opaque text.
        answer: Keys of the token answer, exactly these, in this order. `refresh_token` is
            left out for a grant that may not be refreshed.
        token_type: As the token answer spells it.
        offline_scope: Scope without which no refresh token is issued; None: always issued.
        default_scopes: Granted when the request names none.
        known_scopes: Scopes that the app may ask for; None: any but those that start with
            `bad.`.
        scopes_additive: Whether a later consent adds to the scopes that the same user has
            already granted to the same app (Xero).
        tenants_per_grant: Whether the user selects several organisations or one.
        shared_connections: Whether an organisation once connected is visible to every grant of
            the same user and app (Xero), or to that one grant only.
        tenant_on_redirect: Query parameter of the redirect that carries the tenant's id
            (QuickBooks: `realmId`); None: it is not there.
        revoke_ends: Whether revoking one token ends that grant, or all that the user granted
            to the app, connections included (Xero).
        plain_http_hosts: Hosts to which a redirect URI may use plain HTTP.
        owner: Id of the user who consents when the page names no other.
    """

    client_auth: tuple[Literal["basic", "body", "none"], ...] = ("basic", "body")
    json_body: bool = False
    access_lifetime_s: int = 3600
    code_lifetime_s: int = 600
    grace: timedelta | None = timedelta(0)
    rotate_after: timedelta | None = None
    reuse_kills_grant: bool = True
    idle_limit: timedelta | None = None
    pkce: bool = False
    jwt_access_tokens: bool = False
    answer: tuple[TokenField, ...] = (
        "access_token",
        "token_type",
        "expires_in",
        "refresh_token",
        "scope",
    )
    token_type: str = "Bearer"  # noqa: S105 -- a scheme's name
    offline_scope: str | None = None
    default_scopes: tuple[str, ...] = ()
    known_scopes: frozenset[str] | None = None
    scopes_additive: bool = False
    tenants_per_grant: Literal["one", "many"] = "one"
    shared_connections: bool = False
    tenant_on_redirect: str | None = None
    revoke_ends: Literal["grant", "user"] = "grant"
    plain_http_hosts: tuple[str, ...] = ("localhost",)
    owner: str = "sandbox-user"

    def refused_scopes(self, asked: tuple[str, ...]) -> tuple[str, ...]:
        """Return those of *asked* that the app may not ask for."""
        if self.known_scopes is not None:
            return tuple(scope for scope in asked if scope not in self.known_scopes)
        return tuple(scope for scope in asked if scope.startswith("bad."))
