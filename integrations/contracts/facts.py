"""Facts about a provider's API and its rate limits, which the runtime applies."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from integrations.contracts.refusals import RefusalReader


@dataclass(frozen=True, slots=True)
class RateLimits:
    """
    The provider's rate limits, which the client keeps so that requests are not rejected.

    Attributes:
        per: What the limits apply to: `"tenant"`, or `"user"` for the user who granted access.
        concurrent: Requests in flight at once; None for no limit.
        per_minute: Requests in any 60 seconds; None for no limit.
        per_day: Requests in a day; None for no limit.
        app_per_minute: Requests of the operator's app in 60 seconds, summed over all tenants;
            None for no limit.
        minute_remaining_header: Response header with the requests left in this minute.
        day_remaining_header: Response header with the requests left today.
        day_problem: Header, and lower-case prefix of its value, of a 429 for the daily limit.
    """

    per: str = "tenant"
    concurrent: int | None = None
    per_minute: int | None = None
    per_day: int | None = None
    app_per_minute: int | None = None
    minute_remaining_header: str | None = None
    day_remaining_header: str | None = None
    day_problem: tuple[str, str] | None = None


@dataclass(frozen=True, slots=True)
class ApiFacts:
    """
    How to call the provider's data API.

    Attributes:
        base_url: Host root without a path, e.g. `https://api.xero.com/`; the setting
            `<SLUG>_API_BASE_URL` overrides it.
        headers: Sent with every request, e.g. the API version.
        tenant_header: Request header for the id of the pinned tenant, if the API needs one.
        trace_header: Response header with the request id that the provider's support asks for.
        most_months_per_call: The most months that one report request can return.
        limits: See `RateLimits`.
        refusals: Reads the messages of error answers; see `RefusalReader`.
    """

    base_url: str
    headers: Mapping[str, str] = field(default_factory=dict)
    tenant_header: str | None = None
    trace_header: str | None = None
    most_months_per_call: int = 12
    limits: RateLimits = field(default_factory=RateLimits)
    refusals: RefusalReader = field(default_factory=RefusalReader)
