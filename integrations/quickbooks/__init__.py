"""QuickBooks Online: monthly profit and loss and balance sheets of a company."""

from integrations.contracts import (
    ApiFacts,
    IntegrationPlugin,
    IntegrationProvider,
    RateLimits,
    RefusalReader,
)
from integrations.quickbooks.adapter import QuickBooksFetchAdapter
from integrations.quickbooks.oauth import QuickBooksOAuth
from integrations.quickbooks.windows import MOST_MONTHS

PLUGIN = IntegrationPlugin(
    name=IntegrationProvider("QuickBooks"),
    api_type="accounting",
    oauth=QuickBooksOAuth(),
    adapter=QuickBooksFetchAdapter,
    api=ApiFacts(
        base_url="https://quickbooks.api.intuit.com/",
        headers={"Accept": "application/json"},  # else data and faults come in XML
        trace_header="intuit_tid",
        most_months_per_call=MOST_MONTHS,
        # For each company and app; no header tells what is left, and no Retry-After.
        limits=RateLimits(per="tenant", concurrent=10, per_minute=500),
        # Refused tokens come as `fault.error[].detail`, refused requests in upper case.
        refusals=RefusalReader(message_paths=("Fault.Error[].Detail|Message",)),
    ),
    sandbox="integrations.quickbooks.sandbox:build_sandbox",
    summary="Monthly profit and loss and balance sheets",
    docs_url="https://developer.intuit.com/app/developer/qbo/docs/develop",
)
"""What the registry finds."""
