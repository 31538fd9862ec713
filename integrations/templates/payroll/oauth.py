"""How a company grants access to its DemoPay."""

from collections.abc import Mapping
from datetime import timedelta
from typing import ClassVar

from integrations.contracts import (
    AccessDeniedError,
    IntegrationOAuth,
    NewGrant,
    PayloadError,
    ProviderClient,
    Tenant,
)


class DemoPayOAuth(IntegrationOAuth):
    """
    Authorization code grant, as facts. `IntegrationOAuth` explains each, and has the defaults.

    Only a provider that strays from RFC 6749 needs code: see the methods of `IntegrationOAuth`.
    """

    # FILL IN: where customers consent, where codes and refresh tokens are exchanged, and where
    # tokens are revoked (None if nowhere). See "Authentication" or "OAuth 2.0": authorization
    # URL, token URL, revocation URL. Of production, not of the provider's test environment.
    authorize_url = "https://app.demopay.example/oauth/authorize"
    token_url = "https://api.demopay.example/oauth/token"  # noqa: S105 -- a URL
    revoke_url = "https://api.demopay.example/oauth/revoke"
    # FILL IN: the least that reading people, their pay and payrolls needs, with what each lets
    # us see in words for the customer. See "Scopes" or "Permissions". Many providers want one
    # more for a refresh token, often `offline_access`. `sends_scopes = False` where scopes are
    # set at the app.
    scopes: ClassVar[tuple[str, ...]] = (
        "employees.read",
        "payrolls.read",
    )
    scope_meanings: ClassVar[Mapping[str, str]] = {
        "employees.read": "See who works there, in which jobs and for what pay",
        "payrolls.read": "See what each payroll cost",
    }
    # FILL IN: how the app identifies itself at the token URL: "basic" (id and secret in the
    # Authorization header), "body" or "none"; and whether PKCE (`code_challenge`) is understood.
    # See the example of a token request.
    client_auth = "body"
    pkce = True
    # FILL IN: how long an access token lives (`expires_in`); how long a refresh token that was
    # already used still works (zero if it does not, None if until the new access token is first
    # used); how long a refresh token lives unused (None if unlimited). See "Refreshing tokens"
    # or "Token expiry". A wrong value here cuts customers off: ask the provider if unsure.
    access_lifetime_s = 7200
    replay_grace: ClassVar[timedelta | None] = None
    idle_limit: ClassVar[timedelta | None] = None

    async def find_tenants(
        self,
        client: ProviderClient,
        grant: NewGrant,  # noqa: ARG002 -- the new token alone says which
    ) -> tuple[Tenant, ...]:
        """
        Return the companies that the customer's consent covers.

        Raises:
            IntegrationError: The leaf that says what to do; see `contracts.errors`.
        """
        # FILL IN: a `Tenant` for each company that the new token may read: the id that later
        # calls name it by, and its name. Providers list them at an endpoint called companies,
        # employers, me or token info; some name the one company in the redirect
        # instead, which is in `grant.callback`. This code asks our own sandbox.
        payload = (await client.get("v1/companies")).payload
        try:
            found = tuple(Tenant(item["id"], item["name"]) for item in payload["companies"])
        except (KeyError, TypeError) as exc:
            problem = "DemoPay: companies: expected each with id and name"
            raise PayloadError(problem) from exc
        if not found:
            raise AccessDeniedError("DemoPay: no company was shared")
        return found
