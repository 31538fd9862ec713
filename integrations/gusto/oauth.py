"""
How a Gusto company grants access.

Facts from https://docs.gusto.com/app-integrations/docs/authentication and
https://docs.gusto.com/app-integrations/reference/refresh-access-token.
"""

from collections.abc import Mapping
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
    RequestRefusedError,
    Tenant,
    TokenSet,
)
from integrations.gusto.fields import expect_record, expect_text, optional_text

_NOT_FOUND = 404


class GustoOAuth(IntegrationOAuth):
    """
    Code grant without PKCE; one company per grant.

    Somebody with several companies picks one on Gusto's page, and comes again for the next.

    * Scopes are set at the app in Gusto's developer portal; the consent URL names none. Those
      listed here are what the app needs there.
    * Refresh tokens live until the access token that came with their successor is first used.
      So the new pair must be stored before `find_tenants`, or anything else, uses it.
    * A refresh may repeat the redirect URI but need not. It does not here, so that moving the
      OAuth service to another address cuts nobody off.
    """

    authorize_url = "https://api.gusto.com/oauth/authorize"
    token_url = "https://api.gusto.com/oauth/token"  # noqa: S105 -- a URL
    revoke_url = "https://api.gusto.com/oauth/revoke"
    scopes: ClassVar[tuple[str, ...]] = (
        "companies:read",
        "employees:read",
        "jobs:read",
        "compensations:read",
        "employments:read",
        "payrolls:read",
        "pay_schedules:read",
    )
    scope_meanings: ClassVar[Mapping[str, str]] = MappingProxyType(
        {
            "companies:read": "See the company's name",
            "employees:read": "See who works there and in which department",
            "jobs:read": "See job titles and hire dates",
            "compensations:read": "See what each job pays, and paid before",
            "employments:read": "See when people left and came back",
            "payrolls:read": "See what each payroll cost: wages, employer taxes, benefits",
            "pay_schedules:read": "See how often paychecks are paid",
        }
    )
    sends_scopes = False
    client_auth = "body"
    access_lifetime_s = 7200
    replay_grace = None
    trace_header = "X-Request-Id"

    def disconnect_requests(
        self,
        app: OAuthApp,
        tokens: TokenSet,
        tenant: Tenant,  # noqa: ARG002 -- a token is one company's
    ) -> tuple[OutboundRequest, ...]:
        """
        Revoke the access token, after which it "can no longer be used nor be refreshed".

        Gusto takes the secret as JSON and names the access token, not the refresh token.
        """
        if app.revoke_url is None:
            return ()
        return (
            OutboundRequest(
                method="POST",
                url=app.revoke_url,
                json={
                    "client_id": app.client_id,
                    "client_secret": app.client_secret.get_secret_value(),
                    "token": tokens.access_token.get_secret_value(),
                },
                headers={"Accept": "application/json"},
            ),
        )

    async def find_tenants(
        self,
        client: ProviderClient,
        grant: NewGrant,  # noqa: ARG002 -- the token itself says which company it is for
    ) -> tuple[Tenant, ...]:
        """
        Return the one company that the token is for.

        Raises:
            PayloadError: If the token is not for a company.
            IntegrationError: The leaf that says what to do; see `contracts.errors`.
        """
        answer = await client.get("v1/token_info")
        info = expect_record(answer.payload, "Gusto: token_info")
        resource = expect_record(info.get("resource"), "Gusto: token_info.resource")
        if resource.get("type") != "Company":
            raise PayloadError(
                "Gusto: token_info.resource.type: expected 'Company', found something else"
            )
        uuid = expect_text(resource, "uuid", "Gusto: token_info.resource")
        return (Tenant(id=uuid, name=await self._company_name(client, uuid) or uuid),)

    async def _company_name(self, client: ProviderClient, uuid: str) -> str | None:
        """Return the company's name, or None where the grant does not show it."""
        try:
            answer = await client.get(f"v1/companies/{uuid}")
        except AccessDeniedError:
            return None
        except RequestRefusedError as exc:
            if exc.status != _NOT_FOUND:
                raise
            return None  # Gusto answers 404 where a permission is missing
        company = expect_record(answer.payload, "Gusto: company")
        return optional_text(company, "name") or optional_text(company, "trade_name")
