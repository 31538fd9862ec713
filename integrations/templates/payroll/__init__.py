"""DemoPay: people, their pay, and what payroll costs."""

from integrations.contracts import (
    ApiFacts,
    IntegrationPlugin,
    IntegrationProvider,
    RateLimits,
    RefusalReader,
)
from integrations.templates.payroll.adapter import DemoPayFetchAdapter
from integrations.templates.payroll.oauth import DemoPayOAuth

PLUGIN = IntegrationPlugin(
    name=IntegrationProvider("DemoPay"),
    api_type="payroll",
    oauth=DemoPayOAuth(),
    adapter=DemoPayFetchAdapter,
    api=ApiFacts(
        # FILL IN: the bare host of the data API. Paths, a version such as `v2` included, belong
        # to the adapter. Providers document it as "base URL" or "API endpoint", usually on the
        # first page of their API reference.
        base_url="https://api.demopay.example/",
        # FILL IN: headers that every request needs, such as an API version, and the header that
        # names the company (None where the path names it). See "Making requests", "Headers" or
        # "Versioning". `trace_header` is the answer's header that support asks for.
        headers={"Accept": "application/json"},
        tenant_header=None,
        trace_header="X-Request-Id",
        # FILL IN: months that one call for payrolls can return. See its date parameters.
        most_months_per_call=12,
        # FILL IN: what the provider allows; our client keeps to it, so that the provider need
        # not refuse. See "Rate limits", "Throttling" or "Usage limits"; `RateLimits` explains
        # each field.
        limits=RateLimits(
            per="user",
            per_minute=120,
            minute_remaining_header="X-RateLimit-Remaining",
        ),
        # FILL IN: where error answers say what is wrong, such as `errors[].text`, if not in a
        # standard field (`message`, `detail`, `errors[].message` and others are read by
        # default). See "Errors" or "Status codes"; `RefusalReader` explains paths, and what to
        # override where paths are not enough.
        refusals=RefusalReader(message_paths=("message",)),
    ),
    sandbox="integrations.templates.payroll.sandbox:build_sandbox",
    summary="People, pay and payroll cost",
    # FILL IN: the first page of the provider's developer documentation.
    docs_url="https://developer.demopay.example/",
)
"""What the registry finds."""
