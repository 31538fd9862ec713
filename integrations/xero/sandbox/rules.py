"""Xero's OAuth rules, scopes and limits, as the emulator keeps them."""

from collections.abc import Mapping
from datetime import timedelta

from integrations.sandbox_kit import LimitRule, OAuthRules, Usage

SETTINGS_SCOPES = frozenset({"accounting.settings", "accounting.settings.read"})
_ALL_REPORTS = "accounting.reports.read"
REPORT_SCOPES: Mapping[str, frozenset[str]] = {
    name: frozenset({f"accounting.reports.{name.lower()}.read", _ALL_REPORTS})
    for name in ("ProfitAndLoss", "BalanceSheet", "TrialBalance")
}
"""Any one of these lets a token read the report: the granular scope or the old, broad one."""

_RESOURCES = (
    *("transactions", "invoices", "payments", "banktransactions", "manualjournals"),
    *("settings", "contacts", "attachments"),
)
_READ_ONLY = (
    *("reports.aged", "reports.banksummary", "reports.budgetsummary", "reports.taxreports"),
    *("reports.executivesummary", "reports.tenninetynine", "journals", "budgets"),
)
_KNOWN_SCOPES = frozenset(
    {"offline_access", "openid", "profile", "email"}
    | {f"accounting.{name}" for name in _RESOURCES}
    | {f"accounting.{name}.read" for name in (*_RESOURCES, *_READ_ONLY)}
    | set().union(*REPORT_SCOPES.values())
)

OAUTH_RULES = OAuthRules(
    client_auth=("basic", "body"),
    access_lifetime_s=1800,
    code_lifetime_s=300,
    grace=timedelta(minutes=30),
    idle_limit=timedelta(days=60),
    jwt_access_tokens=True,
    # Exactly these: xero-python refuses a token answer with any other key.
    answer=("id_token", "access_token", "expires_in", "token_type", "refresh_token", "scope"),
    offline_scope="offline_access",
    default_scopes=("openid", "profile", "email"),
    known_scopes=_KNOWN_SCOPES,
    scopes_additive=True,
    tenants_per_grant="many",
    shared_connections=True,
    revoke_ends="user",
)

LIMIT_RULES = (
    LimitRule("concurrent", 5, window_s=None),
    LimitRule("minute", 60, window_s=60),
    LimitRule("day", 5000, window_s=86_400),
    LimitRule("appminute", 10_000, window_s=60, per="app"),
)
"""https://developer.xero.com/faq/limits"""

_REMAINING = {
    "minute": "X-MinLimit-Remaining",
    "day": "X-DayLimit-Remaining",
    "appminute": "X-AppMinLimit-Remaining",
}


def limit_headers(usage: Mapping[str, Usage]) -> dict[str, str]:
    """Return what every answer says about the calls left."""
    return {
        header: str(usage[name].remaining) for name, header in _REMAINING.items() if name in usage
    }
