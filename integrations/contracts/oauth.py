"""
`IntegrationOAuth`: the OAuth 2.0 of one provider, as facts and overridable steps.

The module does no I/O: a step returns the request to send or reads the answer received. The
OAuth service sends, stores and locks. A plugin sets the facts and implements `find_tenants`;
it overrides other steps only where its provider deviates from the standard.

authlib builds URLs and bodies. They stay data (`OutboundRequest`) that a plugin can change. It is
imported on first use, since Dagster loads this module and never sends such a request.
"""

import base64
import binascii
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, ClassVar, Literal
from urllib.parse import urlsplit, urlunsplit

from pydantic import BaseModel, ConfigDict, SecretStr

from integrations.contracts.access import NewGrant, Tenant, TokenSet
from integrations.contracts.client import ProviderClient
from integrations.contracts.errors import ConfigurationError, PayloadError
from integrations.contracts.numbers import load_json, usable_lifetime_s

ClientAuth = Literal["basic", "body", "none"]


class IntegrationSettings(BaseModel):
    """
    The operator's settings for one integration (`<SLUG>_CLIENT_ID` and so on).

    None means "not set": the plugin's own fact applies.

    Attributes:
        client_id: Id of the operator's app at the provider.
        client_secret: Secret of that app.
        scopes: Scopes to request.
        authorize_url: Address of the consent page.
        token_url: Address of the token endpoint.
        revoke_url: Address of the revocation endpoint.
        api_base_url: Root of the data API.
        calls_per_day: Requests that one tenant allows in a day, if the operator's contract
            differs from the plugin's fact.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    client_id: str | None = None
    client_secret: SecretStr | None = None
    scopes: tuple[str, ...] | None = None
    authorize_url: str | None = None
    token_url: str | None = None
    revoke_url: str | None = None
    api_base_url: str | None = None
    calls_per_day: int | None = None


@dataclass(frozen=True, slots=True)
class OAuthApp:
    """
    The operator's app at the provider: the plugin's facts with the settings applied.

    Attributes:
        client_id: Id of the app.
        client_secret: Secret of the app; empty if the provider needs none.
        scopes: Scopes to request.
        authorize_url: Address of the consent page.
        token_url: Address of the token endpoint.
        revoke_url: Address of the revocation endpoint; None if the provider has none.
        api_base_url: Root of the data API.
    """

    client_id: str
    client_secret: SecretStr = field(repr=False)
    scopes: tuple[str, ...]
    authorize_url: str
    token_url: str
    revoke_url: str | None
    api_base_url: str


@dataclass(frozen=True, slots=True)
class OutboundRequest:
    """
    A request for the OAuth service to send. Its repr omits the secrets.

    Attributes:
        method: HTTP method.
        url: Absolute URL.
        form: Fields of a form-encoded body, in order.
        json: JSON body, instead of *form*.
        basic_auth: User and password of HTTP Basic authentication.
        bearer: Token for the Authorization header.
        headers: Further headers, without secrets.
    """

    method: str
    url: str
    form: Mapping[str, str] | None = field(default=None, repr=False)
    json: Mapping[str, Any] | None = field(default=None, repr=False)
    basic_auth: tuple[str, str] | None = field(default=None, repr=False)
    bearer: str | None = field(default=None, repr=False)
    headers: Mapping[str, str] = field(default_factory=dict)


class IntegrationOAuth(ABC):
    """
    Facts about one provider's OAuth 2.0, and the steps of the authorization code grant.

    Attributes:
        authorize_url, token_url, revoke_url: The provider's production endpoints.
        scopes: Scopes to request; sent only if *sends_scopes*.
        scope_meanings: What each scope gives access to, in plain words, for the connect page.
        sends_scopes: Whether the authorization URL carries the scopes.
        client_auth: How the app authenticates at the token endpoint: HTTP Basic (`"basic"`), id
            and secret in the body (`"body"`), or only the id in the body (`"none"`).
        pkce: Whether to send an S256 code challenge.
        refresh_repeats_redirect_uri: Whether a refresh must repeat the redirect URI.
        access_lifetime_s: Lifetime in seconds if an answer has no usable `expires_in`.
        replay_grace: How long a spent refresh token still works, so that a refresh can be
            repeated if its answer was lost. None: until the new access token is first used.
        idle_limit: Lifetime of an unused refresh token; None if it does not expire when idle.
        trace_header: Response header of the token endpoint with the request id that the
            provider's support asks for.
    """

    authorize_url: ClassVar[str]
    token_url: ClassVar[str]
    revoke_url: ClassVar[str | None] = None
    scopes: ClassVar[tuple[str, ...]] = ()
    scope_meanings: ClassVar[Mapping[str, str]] = {}
    sends_scopes: ClassVar[bool] = True
    client_auth: ClassVar[ClientAuth] = "basic"
    pkce: ClassVar[bool] = False
    refresh_repeats_redirect_uri: ClassVar[bool] = False
    access_lifetime_s: ClassVar[int] = 3600
    replay_grace: ClassVar[timedelta | None] = timedelta(0)
    idle_limit: ClassVar[timedelta | None] = None
    trace_header: ClassVar[str | None] = None

    def register_oauth_app(
        self, slug: str, settings: IntegrationSettings, *, api_base_url: str
    ) -> OAuthApp:
        """
        Return the operator's app: this plugin's facts with *settings* applied.

        Args:
            slug: Lower-case name of the integration, which prefixes the setting names.
            settings: The operator's settings.
            api_base_url: Root of the data API if the settings have none.

        Raises:
            ConfigurationError: If the client id or secret is missing. It names the settings.
        """
        prefix = slug.upper()
        missing = [
            f"{prefix}_{name}"
            for name, value in (
                ("CLIENT_ID", settings.client_id),
                ("CLIENT_SECRET", settings.client_secret or self.client_auth == "none"),
            )
            if not value
        ]
        if missing or settings.client_id is None:
            raise ConfigurationError(f"{slug}: not configured; set {' and '.join(missing)}")
        return OAuthApp(
            client_id=settings.client_id,
            client_secret=settings.client_secret or SecretStr(""),
            scopes=self.scopes if settings.scopes is None else settings.scopes,
            authorize_url=settings.authorize_url or self.authorize_url,
            token_url=settings.token_url or self.token_url,
            revoke_url=settings.revoke_url or self.revoke_url,
            api_base_url=settings.api_base_url or api_base_url,
        )

    def oauth_login(
        self, app: OAuthApp, *, redirect_uri: str, state: str, code_challenge: str | None
    ) -> str:
        """
        Return the URL of the provider's consent page.

        Args:
            app: The operator's app.
            redirect_uri: Where the provider sends the browser afterwards.
            state: Random text that the provider repeats in the redirect.
            code_challenge: S256 challenge of the PKCE verifier; None without PKCE.
        """
        from authlib.common.urls import add_params_to_uri  # type: ignore[import-untyped]
        from authlib.oauth2.rfc6749.parameters import prepare_grant_uri  # type: ignore[import-untyped]

        asked = prepare_grant_uri("", app.client_id, "code", redirect_uri=redirect_uri, state=state)
        more: dict[str, str] = {}
        if self.sends_scopes and app.scopes:
            more["scope"] = " ".join(app.scopes)
        if code_challenge is not None:
            more |= {"code_challenge": code_challenge, "code_challenge_method": "S256"}
        asked = add_params_to_uri(asked, more)
        # Joined here: authlib would decode and re-encode a query that the URL already has.
        parts = urlsplit(app.authorize_url)
        query = "&".join(filter(None, (parts.query, urlsplit(asked).query)))
        return urlunsplit(parts._replace(query=query))

    def oauth_callback(
        self, app: OAuthApp, *, code: str, redirect_uri: str, code_verifier: str | None
    ) -> OutboundRequest:
        """
        Return the request that exchanges an authorization code for tokens.

        Args:
            app: The operator's app.
            code: The authorization code of the redirect.
            redirect_uri: The same as in the authorization URL.
            code_verifier: The PKCE verifier; None without PKCE.
        """
        from authlib.oauth2.rfc6749.parameters import prepare_token_request

        more = {"redirect_uri": redirect_uri}
        if code_verifier is not None:
            more["code_verifier"] = code_verifier
        body = prepare_token_request("authorization_code", code=code)
        return self._token_request(app, body, more)

    def _perform_token_refresh(
        self, app: OAuthApp, *, refresh_token: SecretStr, redirect_uri: str
    ) -> OutboundRequest:
        """Return the request that exchanges *refresh_token* for a new token pair."""
        from authlib.oauth2.rfc6749.parameters import prepare_token_request

        more = {"redirect_uri": redirect_uri} if self.refresh_repeats_redirect_uri else {}
        token = refresh_token.get_secret_value()
        body = prepare_token_request("refresh_token", refresh_token=token)
        return self._token_request(app, body, more)

    def refresh_request(
        self, app: OAuthApp, *, refresh_token: SecretStr, redirect_uri: str
    ) -> OutboundRequest:
        """
        Return the request that exchanges *refresh_token* for a new token pair.

        Plugins override `_perform_token_refresh`.

        Args:
            app: The operator's app.
            refresh_token: The refresh token to spend.
            redirect_uri: Sent only if *refresh_repeats_redirect_uri*.
        """
        return self._perform_token_refresh(
            app, refresh_token=refresh_token, redirect_uri=redirect_uri
        )

    def _store_oauth_token(
        self, answer: Mapping[str, Any], *, now: datetime, previous: TokenSet | None
    ) -> TokenSet:
        """
        Return the token pair of an answer.

        A lifetime that is not usable counts as missing, since it must not cost the grant.

        Args:
            answer: JSON object of the token endpoint.
            now: When the request was sent, timezone-aware; lifetimes count from then.
            previous: The pair that was refreshed. Its refresh token and scopes are kept if the
                answer has none.

        Raises:
            PayloadError: If the answer has no access token.
        """
        access, refresh = answer.get("access_token"), answer.get("refresh_token")
        if not isinstance(access, str) or not access:
            raise PayloadError("token answer: access_token: expected text, found none")
        lifetime_s = usable_lifetime_s(answer.get("expires_in")) or self.access_lifetime_s
        if isinstance(refresh, str) and refresh:
            kept: SecretStr | None = SecretStr(refresh)
        else:
            kept = previous.refresh_token if previous else None
        return TokenSet(
            access_token=SecretStr(access),
            refresh_token=kept,
            expires_at=now + timedelta(seconds=lifetime_s),
            lifetime_s=lifetime_s,
            scopes=_scopes(answer.get("scope")) or (previous.scopes if previous else ()),
        )

    def token_set(
        self, answer: Mapping[str, Any], *, now: datetime, previous: TokenSet | None = None
    ) -> TokenSet:
        """
        Return the token pair of an answer; plugins override `_store_oauth_token`.

        Args:
            answer: JSON object of the token endpoint.
            now: When the request was sent, timezone-aware; lifetimes count from then.
            previous: The pair that was refreshed; None for a new grant.

        Raises:
            PayloadError: If the answer has no access token.
        """
        return self._store_oauth_token(answer, now=now, previous=previous)

    def token_error(self, answer: Mapping[str, Any]) -> str | None:
        """
        Return the error code of a token endpoint's answer; None if it reports no error.

        The codes are those of RFC 6749, section 5.2: `invalid_grant` ends the connection,
        `invalid_client` and `invalid_scope` refer to the operator's settings. Override it if the
        provider uses another field or other codes, and return the RFC's codes.

        Args:
            answer: JSON object of the token endpoint, of any status.
        """
        code = answer.get("error")
        return code if isinstance(code, str) else None

    def disconnect_requests(
        self,
        app: OAuthApp,
        tokens: TokenSet,
        tenant: Tenant,  # noqa: ARG002 -- for overriding plugins
    ) -> tuple[OutboundRequest, ...]:
        """
        Return the requests that end this connection at the provider, in order.

        The default revokes the refresh token (RFC 7009); there is no request without a
        revocation endpoint. Override it if that would end other customers' connections too.

        Args:
            app: The operator's app.
            tokens: The connection's current token pair.
            tenant: The pinned tenant.
        """
        if app.revoke_url is None:
            return ()
        from authlib.oauth2.rfc7009 import prepare_revoke_token_request  # type: ignore[import-untyped]

        token = tokens.refresh_token or tokens.access_token
        body, _headers = prepare_revoke_token_request(token.get_secret_value())
        return (self._token_request(app, body, {}, url=app.revoke_url),)

    @abstractmethod
    async def find_tenants(self, client: ProviderClient, grant: NewGrant) -> tuple[Tenant, ...]:
        """
        Return the organisations that a new grant covers.

        Args:
            client: Client with the new access token and no tenant.
            grant: The new tokens and the parameters of the redirect.

        Raises:
            IntegrationError: A subclass that says what to do; see `contracts.errors`.
        """

    def _token_request(
        self, app: OAuthApp, body: str, more: Mapping[str, str], *, url: str | None = None
    ) -> OutboundRequest:
        """
        Return the request with the fields of *body*, form-encoded, then *more*, then the app's.

        authlib's `ClientAuth` is not used: it encodes Basic credentials as Latin-1, the
        OAuth service as UTF-8, and it puts them into the headers, which are printed.
        """
        from authlib.common.urls import url_decode

        secret = app.client_secret.get_secret_value()
        fields: dict[str, str] = {**dict(url_decode(body)), **more}
        basic: tuple[str, str] | None = None
        if self.client_auth == "basic":
            basic = (app.client_id, secret)
        else:
            fields["client_id"] = app.client_id
            if self.client_auth == "body":
                fields["client_secret"] = secret
        return OutboundRequest(
            method="POST",
            url=url or app.token_url,
            form=fields,
            basic_auth=basic,
            headers={"Accept": "application/json"},
        )


def unverified_claims(token: SecretStr) -> Mapping[str, Any]:
    """
    Return the claims of a JWT without checking its signature; empty if it is not a JWT.

    Use it only for hints, and only with a token received directly from its issuer over TLS.
    """
    parts = token.get_secret_value().split(".")
    if len(parts) != 3:  # noqa: PLR2004 -- header, claims, signature
        return {}
    try:
        claims = load_json(base64.urlsafe_b64decode(parts[1] + "=" * (-len(parts[1]) % 4)))
    except (binascii.Error, ValueError):
        return {}
    return claims if isinstance(claims, dict) else {}


def _scopes(value: Any) -> tuple[str, ...]:
    if isinstance(value, str):
        return tuple(value.split())
    if isinstance(value, list):
        return tuple(str(item) for item in value)
    return ()
