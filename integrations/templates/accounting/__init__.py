"""DemoBooks: monthly profit and loss and balance sheets of an organisation."""

from integrations.contracts import (
    ApiFacts,
    IntegrationPlugin,
    IntegrationProvider,
    RateLimits,
    RefusalReader,
)
from integrations.templates.accounting.adapter import DemoBooksFetchAdapter
from integrations.templates.accounting.oauth import DemoBooksOAuth

PLUGIN = IntegrationPlugin(
    name=IntegrationProvider("DemoBooks"),
    api_type="accounting",
    oauth=DemoBooksOAuth(),
    adapter=DemoBooksFetchAdapter,
    api=ApiFacts(
        # FILL IN: the bare host of the data API. Paths, a version such as `v2` included, belong
        # to the adapter. Providers document it as "base URL" or "API endpoint", usually on the
        # first page of their API reference.
        base_url="https://api.demobooks.example/",
        # FILL IN: headers that every request needs, such as an API version, and the header that
        # names the organisation (None where the path names it). See "Making requests",
        # "Headers" or "Versioning". `trace_header` is the answer's header that support asks for.
        headers={"Accept": "application/json"},
        tenant_header=None,
        trace_header="X-Request-Id",
        # FILL IN: months that one report call can return. See the report's date parameters.
        most_months_per_call=120,
        # FILL IN: what the provider allows; our client keeps to it, so that the provider need
        # not refuse. See "Rate limits", "Throttling" or "Usage limits"; `RateLimits` explains
        # each field.
        limits=RateLimits(
            per="tenant",
            per_minute=60,
            minute_remaining_header="X-RateLimit-Remaining",
        ),
        # FILL IN: where error answers say what is wrong, such as `errors[].text`, if not in a
        # standard field (`message`, `detail`, `errors[].message` and others are read by
        # default). See "Errors" or "Status codes"; `RefusalReader` explains paths, and what to
        # override where paths are not enough.
        refusals=RefusalReader(message_paths=("message",)),
    ),
    sandbox="integrations.templates.accounting.sandbox:build_sandbox",
    summary="Monthly profit and loss and balance sheets",
    # FILL IN: the first page of the provider's developer documentation.
    docs_url="https://developer.demobooks.example/",
)
"""What the registry finds."""
