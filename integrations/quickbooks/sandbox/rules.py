"""Intuit's OAuth rules, scopes and limits, as the emulator keeps them."""

from datetime import timedelta

from integrations.sandbox_kit import LimitRule, OAuthRules

ACCOUNTING_SCOPE = "com.intuit.quickbooks.accounting"

OAUTH_RULES = OAuthRules(
    client_auth=("basic", "body"),  # tap-quickbooks sends its credentials in the body
    json_body=True,  # to revoke, Intuit's own client sends JSON
    access_lifetime_s=3600,
    grace=timedelta(0),
    rotate_after=timedelta(hours=24),
    # "100 days"; every answer says 8726400 seconds, which is one more.
    idle_limit=timedelta(days=101),
    answer=(
        "x_refresh_token_expires_in",
        "refresh_token",
        "access_token",
        "token_type",
        "expires_in",
    ),
    token_type="bearer",  # noqa: S106 -- a scheme's name
    known_scopes=frozenset(
        {
            ACCOUNTING_SCOPE,
            "com.intuit.quickbooks.payment",
            *("openid", "profile", "email", "phone", "address"),
        }
    ),
    tenants_per_grant="one",
    tenant_on_redirect="realmId",
)

LIMIT_RULES = (
    LimitRule("concurrent", 10, window_s=None),
    LimitRule("minute", 500, window_s=60),
)
"""For each company and app."""
