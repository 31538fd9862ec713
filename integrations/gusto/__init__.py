"""Gusto: people, their pay, and what payroll costs."""

from types import MappingProxyType

from integrations.contracts import ApiFacts, IntegrationPlugin, IntegrationProvider, RateLimits
from integrations.gusto.adapter import GustoFetchAdapter
from integrations.gusto.oauth import GustoOAuth
from integrations.gusto.refusals import GustoRefusalReader

API_VERSION = "2026-06-15"
"""
Pinned; without the header the app's oldest version would answer.

Gusto keeps a version for at least 12 months and answers 406 to one that is retired:
https://docs.gusto.com/app-integrations/docs/api-versioning
"""

PLUGIN = IntegrationPlugin(
    name=IntegrationProvider("Gusto"),
    api_type="payroll",
    oauth=GustoOAuth(),
    adapter=GustoFetchAdapter,
    api=ApiFacts(
        base_url="https://api.gusto.com/",
        headers=MappingProxyType({"X-Gusto-API-Version": API_VERSION}),
        trace_header="X-Request-Id",
        limits=RateLimits(
            per="user",
            per_minute=200,
            minute_remaining_header="X-RateLimit-Remaining",
        ),
        refusals=GustoRefusalReader(),
    ),
    sandbox="integrations.gusto.sandbox:build_sandbox",
    summary="People, pay and payroll cost",
    docs_url="https://docs.gusto.com/app-integrations",
)
