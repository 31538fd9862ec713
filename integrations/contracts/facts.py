"""Facts about a provider's API and its limits: data that the runtime acts on."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from integrations.contracts.refusals import RefusalReader


@dataclass(frozen=True, slots=True)
class RateLimits:
    """
    What the provider allows, kept by our client before the provider has to refuse.

    Attributes:
        per: Whose budget it is: one tenant's, or the user's who granted access.
        concurrent: Requests in flight at once, or None.
        per_minute: Requests in any 60 seconds, or None.
        per_day: Requests in a day, or None.
        app_per_minute: Requests of the operator's app over all tenants in 60 seconds, or None.
        minute_remaining_header: Header that says how many are left in this minute.
        day_remaining_header: Header that says how many are left today.
        day_problem: Header and lower-case prefix of its value that mark a 429 as the day's.
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
    How the provider's data API is reached.

    Attributes:
        base_url: Bare host root, e.g. `https://api.xero.com/`; overridden by
            `<SLUG>_API_BASE_URL`.
        headers: Sent with every request, e.g. the API version.
        tenant_header: Header that carries the pinned tenant's id, if the API wants one.
        trace_header: Response header that support asks for.
        most_months_per_call: Months that one report call can return.
        limits: See `RateLimits`.
        refusals: How error answers say what is wrong; see `RefusalReader`.
    """

    base_url: str
    headers: Mapping[str, str] = field(default_factory=dict)
    tenant_header: str | None = None
    trace_header: str | None = None
    most_months_per_call: int = 12
    limits: RateLimits = field(default_factory=RateLimits)
    refusals: RefusalReader = field(default_factory=RefusalReader)
