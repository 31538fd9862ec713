"""Xero: monthly profit and loss and balance sheets of an organisation."""

from integrations.contracts import (
    ApiFacts,
    IntegrationPlugin,
    IntegrationProvider,
    RateLimits,
    RefusalReader,
)
from integrations.xero.adapter import XeroFetchAdapter
from integrations.xero.oauth import XeroOAuth
from integrations.xero.windows import MOST_PERIODS

PLUGIN = IntegrationPlugin(
    name=IntegrationProvider("Xero"),
    api_type="accounting",
    oauth=XeroOAuth(),
    adapter=XeroFetchAdapter,
    api=ApiFacts(
        base_url="https://api.xero.com/",
        headers={"Accept": "application/json"},  # else Xero answers in XML
        tenant_header="xero-tenant-id",
        trace_header="Xero-Correlation-Id",
        most_months_per_call=MOST_PERIODS + 1,
        # https://developer.xero.com/faq/limits
        limits=RateLimits(
            per="tenant",
            concurrent=5,
            per_minute=60,
            per_day=5000,
            app_per_minute=10_000,
            minute_remaining_header="X-MinLimit-Remaining",
            day_remaining_header="X-DayLimit-Remaining",
            day_problem=("X-Rate-Limit-Problem", "day"),
        ),
        refusals=RefusalReader(
            # https://developer.xero.com/documentation/api/accounting/responsecodes
            message_paths=("Elements[].ValidationErrors[].Message",),
            scope_errors=("insufficent_scope",),  # as Xero spells it
        ),
    ),
    sandbox="integrations.xero.sandbox:build_sandbox",
    summary="Monthly profit and loss and balance sheets",
    docs_url="https://developer.xero.com/documentation/api/accounting/overview",
)
"""What the registry finds."""
