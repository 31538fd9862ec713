"""Xero's OAuth 2.0: https://developer.xero.com/documentation/guides/oauth2/auth-flow."""

from collections.abc import Mapping
from datetime import timedelta
from typing import ClassVar

from integrations.contracts import (
    AccessDeniedError,
    IntegrationOAuth,
    NewGrant,
    OAuthApp,
    OutboundRequest,
    ProviderClient,
    Tenant,
    TokenSet,
    unverified_claims,
)
from integrations.xero.connections import parse_connections


class XeroOAuth(IntegrationOAuth):
    """
    Code grant of a web app; one token covers every organisation that its user shared.

    PKCE is off: at Xero it belongs to another type of app, which has no secret.
    """

    authorize_url = "https://login.xero.com/identity/connect/authorize"
    token_url = "https://identity.xero.com/connect/token"  # noqa: S105 -- a URL
    revoke_url = "https://identity.xero.com/connect/revocation"
    # Granular scopes, the only ones for apps created since March 2026. An older app sets
    # XERO_SCOPES="offline_access accounting.reports.read accounting.settings.read".
    # https://developer.xero.com/faq/granular-scopes
    scopes: ClassVar[tuple[str, ...]] = (
        "offline_access",
        "accounting.reports.profitandloss.read",
        "accounting.reports.balancesheet.read",
        "accounting.settings.read",
    )
    scope_meanings: ClassVar[Mapping[str, str]] = {
        "offline_access": "Keep the figures up to date while you are away",
        "accounting.reports.profitandloss.read": "See the profit and loss report",
        "accounting.reports.balancesheet.read": "See the balance sheet report",
        "accounting.reports.trialbalance.read": "See the trial balance report",
        "accounting.reports.read": "See all accounting reports",
        "accounting.settings.read": "See the organisation's currency, lock dates and accounts",
        "openid": "Know which Xero user connected",
        "profile": "See that user's name",
        "email": "See that user's e-mail address",
    }
    client_auth = "basic"
    access_lifetime_s = 1800
    # "retry for up to 30 minutes": https://developer.xero.com/faq/oauth2
    replay_grace: ClassVar[timedelta | None] = timedelta(minutes=30)
    idle_limit: ClassVar[timedelta | None] = timedelta(days=60)
    trace_header = "Xero-Correlation-Id"

    async def find_tenants(self, client: ProviderClient, grant: NewGrant) -> tuple[Tenant, ...]:
        """
        Return the organisations of this consent; all of the user's, if Xero does not tell.

        Raises:
            AccessDeniedError: If no organisation was shared.
            IntegrationError: The leaf that says what to do; see `contracts.errors`.
        """
        shared = [
            connection
            for connection in parse_connections((await client.get("connections")).payload)
            if connection.tenant_type == "ORGANISATION"
        ]
        if not shared:
            raise AccessDeniedError(
                "Xero: no organisation was shared with this app; connect again and choose one"
            )
        event = unverified_claims(grant.tokens.access_token).get("authentication_event_id")
        of_this_consent = [item for item in shared if event and item.auth_event_id == event]
        return tuple(
            Tenant(id=item.tenant_id, name=item.tenant_name, connection_id=item.id)
            for item in of_this_consent or shared
        )

    def disconnect_requests(
        self, app: OAuthApp, tokens: TokenSet, tenant: Tenant
    ) -> tuple[OutboundRequest, ...]:
        """
        Return the request that removes this one organisation.

        Revoking the token would remove every organisation that the same user has connected,
        for other workspaces too.
        """
        if tenant.connection_id is None:
            return super().disconnect_requests(app, tokens, tenant)
        return (
            OutboundRequest(
                method="DELETE",
                url=f"{app.api_base_url.rstrip('/')}/connections/{tenant.connection_id}",
                bearer=tokens.access_token.get_secret_value(),
                headers={"Accept": "application/json"},
            ),
        )
