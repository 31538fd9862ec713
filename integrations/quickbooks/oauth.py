"""
How a QuickBooks Online company grants access.

Facts from https://developer.intuit.com/app/developer/qbo/docs/develop/authentication-and-authorization
and from Intuit's own client library, `intuit-oauth`.
"""

from collections.abc import Mapping
from datetime import timedelta
from types import MappingProxyType
from typing import ClassVar

from integrations.contracts import (
    AccessDeniedError,
    IntegrationOAuth,
    NewGrant,
    OAuthApp,
    OutboundRequest,
    PayloadError,
    ProviderClient,
    Tenant,
    TokenSet,
)
from integrations.quickbooks.company import company_path, parse_company_name
from integrations.quickbooks.windows import MINOR_VERSION

_ACCOUNTING = "com.intuit.quickbooks.accounting"


class QuickBooksOAuth(IntegrationOAuth):
    """
    Code grant; one company per grant, named by the redirect alone.

    * The company's id (`realmId`) stands beside `code` and `state` in the redirect's query.
      The token answer does not repeat it.
    * The refresh token lives for 100 days after its last use, and for five years after the
      consent. Most refreshes give the same token back; about once in 24 hours its value
      changes, and the old one is dead at once.
    * Development keys work with companies at `sandbox-quickbooks.api.intuit.com` only, other
      keys with all others; the endpoints here are the same for both.

    Attributes:
        discovery_url: Where Intuit publishes these endpoints.
    """

    discovery_url: ClassVar[str] = (
        "https://developer.api.intuit.com/.well-known/openid_configuration"
    )
    authorize_url = "https://appcenter.intuit.com/connect/oauth2"
    token_url = "https://oauth.platform.intuit.com/oauth2/v1/tokens/bearer"  # noqa: S105 -- a URL
    revoke_url = "https://developer.api.intuit.com/v2/oauth2/tokens/revoke"
    scopes: ClassVar[tuple[str, ...]] = (_ACCOUNTING,)
    scope_meanings: ClassVar[Mapping[str, str]] = MappingProxyType(
        {
            _ACCOUNTING: "See the company's reports, currency and closing date. Intuit has no "
            "read-only permission: this one would also allow changes, and Zebbra makes none",
            "com.intuit.quickbooks.payment": "Take payments",
            "openid": "Know which Intuit user connected",
            "profile": "See that user's name",
            "email": "See that user's e-mail address",
        }
    )
    client_auth = "basic"
    access_lifetime_s = 3600
    replay_grace: ClassVar[timedelta | None] = timedelta(0)
    idle_limit: ClassVar[timedelta | None] = timedelta(days=100)
    trace_header = "intuit_tid"

    def disconnect_requests(
        self,
        app: OAuthApp,
        tokens: TokenSet,
        tenant: Tenant,  # noqa: ARG002 -- a token is one company's
    ) -> tuple[OutboundRequest, ...]:
        """Revoke the refresh token, which Intuit takes as JSON, and with it the grant."""
        if app.revoke_url is None:
            return ()
        token = tokens.refresh_token or tokens.access_token
        return (
            OutboundRequest(
                method="POST",
                url=app.revoke_url,
                json={"token": token.get_secret_value()},
                basic_auth=(app.client_id, app.client_secret.get_secret_value()),
                headers={"Accept": "application/json"},
            ),
        )

    async def find_tenants(self, client: ProviderClient, grant: NewGrant) -> tuple[Tenant, ...]:
        """
        Return the one company that the redirect named.

        Raises:
            AccessDeniedError: If it named none, or the app's keys do not fit the company.
            PayloadError: If what it named is no company id.
            IntegrationError: The leaf that says what to do; see `contracts.errors`.
        """
        realm = grant.callback.get("realmId", "").strip()
        if not realm:
            raise AccessDeniedError(
                "QuickBooks: redirect: realmId: expected the company's id, found none; connect "
                "again and choose a company"
            )
        if not (realm.isascii() and realm.isdigit()):
            raise PayloadError("QuickBooks: redirect: realmId: expected digits, found other text")
        try:
            answer = await client.get(
                company_path(realm, f"companyinfo/{realm}"), {"minorversion": MINOR_VERSION}
            )
        except AccessDeniedError as exc:
            raise AccessDeniedError(
                f"{exc}; development keys open only companies at "
                "https://sandbox-quickbooks.api.intuit.com/ (QUICKBOOKS_API_BASE_URL), other keys "
                "only companies at https://quickbooks.api.intuit.com/"
            ) from exc
        return (Tenant(id=realm, name=parse_company_name(answer.payload) or realm),)
