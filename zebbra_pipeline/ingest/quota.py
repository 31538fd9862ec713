"""
Plans a backfill: API calls, compared with the providers' rate limits, and its duration.

Pure: the calls of a fetch come from its plugin (`FetchAdapter.planned_calls`), the limits from
`plugin.api.limits` and the settings; see `plans`.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import groupby
from operator import attrgetter

from integrations.contracts import (
    RateLimits,
)

CONCURRENT_WORKSPACES = 10
"""Workspaces that one run fetches at once."""

DAY_S = 86_400.0
_MINUTE_S = 60.0


@dataclass(frozen=True, slots=True)
class PlannedPull:
    """
    The planned fetch of one workspace from one integration.

    Attributes:
        tenant: Id of the organisation at the provider; the calls count against its limits.
        from_month: First month to fetch.
        calls: Minimum number of calls; None if unknown.
    """

    workspace_id: str
    integration: str
    tenant: str
    tenant_name: str
    from_month: date
    calls: int | None


@dataclass(frozen=True, slots=True)
class TenantPlan:
    """
    The planned calls to one organisation.

    Attributes:
        calls: Minimum number of calls, of the fetches with a known number.
        used: Calls of the last 24 hours, which count against the day limit too.
        seconds: Minimum duration within the organisation's limits.
        by_day: The workspaces that fit the quota of each day, today first, in the order of the
            fetches. Today's may be empty.
        too_large: Workspaces that need more calls than one day allows.
    """

    tenant: str
    name: str
    workspaces: tuple[str, ...]
    calls: int
    used: int
    seconds: float
    by_day: tuple[tuple[str, ...], ...]
    too_large: tuple[str, ...]

    @property
    def days(self) -> int:
        """Days needed within the day limit; 1 if there is no limit."""
        return max(1, len(self.by_day))


@dataclass(frozen=True, slots=True)
class ProviderPlan:
    """
    The planned calls to one provider.

    Attributes:
        tenants: Those with the most calls first.
        calls: Minimum number of calls, of the fetches with a known number.
        unknown: Number of fetches with an unknown number of calls.
        seconds: Estimated duration, from the assumed duration of a call.
    """

    integration: str
    limits: RateLimits
    pulls: tuple[PlannedPull, ...]
    tenants: tuple[TenantPlan, ...]
    calls: int
    unknown: int
    seconds: float

    @property
    def days(self) -> int:
        """Days needed within the day limit of the busiest organisation."""
        return max((tenant.days for tenant in self.tenants), default=1)

    @property
    def spread(self) -> tuple[TenantPlan, ...]:
        """The organisations with a day limit that is too small."""
        return tuple(item for item in self.tenants if item.days > 1 or item.too_large)


@dataclass(frozen=True, slots=True)
class BackfillPlan:
    """The planned calls to all providers, which are fetched one after the other."""

    providers: tuple[ProviderPlan, ...]

    @property
    def calls(self) -> int:
        """Minimum number of calls, of the fetches with a known number."""
        return sum(provider.calls for provider in self.providers)

    @property
    def seconds(self) -> float:
        """Estimated duration, from the assumed duration of a call."""
        return sum(provider.seconds for provider in self.providers)

    @property
    def over_the_day(self) -> tuple[str, ...]:
        """One sentence for each organisation with a day limit that is too small."""
        return tuple(
            sentence
            for provider in self.providers
            for tenant in provider.spread
            for sentence in _over_the_day(provider, tenant)
        )

    @property
    def obstacles(self) -> tuple[str, ...]:
        """Reasons why the backfill takes more than a day, one sentence each; empty if it does not."""
        found = self.over_the_day
        if not found and self.seconds > DAY_S:
            found += (f"all of it takes {self.seconds / 3600:.1f} hours",)
        return found


def plan_backfill(
    pulls: Iterable[PlannedPull],
    limits: Mapping[str, RateLimits],
    *,
    seconds_per_call: float,
    workspaces_at_once: int,
    used: Mapping[tuple[str, str], int] | None = None,
) -> BackfillPlan:
    """
    Compare planned calls with rate limits.

    Args:
        pulls: The planned fetches, in order.
        limits: By integration.
        seconds_per_call: Assumed duration of a call.
        workspaces_at_once: Workspaces that a run fetches concurrently; the calls of one
            workspace are sequential.
        used: Calls of the last 24 hours, by integration and tenant id.
    """
    by_integration = attrgetter("integration")
    return BackfillPlan(
        tuple(
            _provider(
                name, limits[name], tuple(group), seconds_per_call, workspaces_at_once, used or {}
            )
            for name, group in groupby(sorted(pulls, key=by_integration), key=by_integration)
        )
    )


def _provider(
    integration: str,
    limits: RateLimits,
    pulls: tuple[PlannedPull, ...],
    seconds_per_call: float,
    workspaces_at_once: int,
    used: Mapping[tuple[str, str], int],
) -> ProviderPlan:
    by_tenant: dict[str, list[PlannedPull]] = {}
    for pull in pulls:
        by_tenant.setdefault(pull.tenant, []).append(pull)
    tenants = sorted(
        (
            _tenant(group, limits, used.get((integration, tenant), 0))
            for tenant, group in by_tenant.items()
        ),
        key=lambda tenant: (-tenant.calls, tenant.name),
    )
    calls = sum(tenant.calls for tenant in tenants)
    longest = max((pull.calls or 0 for pull in pulls), default=0)
    return ProviderPlan(
        integration=integration,
        limits=limits,
        pulls=pulls,
        tenants=tuple(tenants),
        calls=calls,
        unknown=sum(pull.calls is None for pull in pulls),
        seconds=max(
            calls * seconds_per_call / workspaces_at_once,
            longest * seconds_per_call,
            _waiting_s(calls, limits.app_per_minute),
            *(tenant.seconds for tenant in tenants),
        ),
    )


def _tenant(pulls: Sequence[PlannedPull], limits: RateLimits, used: int) -> TenantPlan:
    calls = sum(pull.calls or 0 for pull in pulls)
    by_day, too_large = _by_day(pulls, limits.per_day, used)
    (named, _), *_ = Counter(pull.tenant_name for pull in pulls).most_common(1)
    return TenantPlan(
        tenant=pulls[0].tenant,
        name=named,
        workspaces=tuple(sorted({pull.workspace_id for pull in pulls})),
        calls=calls,
        used=used,
        seconds=max((len(by_day) - 1) * DAY_S, _waiting_s(calls, limits.per_minute)),
        by_day=by_day,
        too_large=too_large,
    )


def _by_day(
    pulls: Sequence[PlannedPull], per_day: int | None, used: int
) -> tuple[tuple[tuple[str, ...], ...], tuple[str, ...]]:
    """Return the workspaces that fit completely into each day, and those that fit into none."""
    if not per_day:
        return (tuple(pull.workspace_id for pull in pulls),), ()
    days: list[list[str]] = [[]]
    left = max(0, per_day - used)
    too_large = []
    for pull in pulls:
        calls = pull.calls or 0
        if calls > per_day:
            too_large.append(pull.workspace_id)
            continue
        if calls > left:
            days.append([])
            left = per_day
        days[-1].append(pull.workspace_id)
        left -= calls
    return tuple(map(tuple, days)), tuple(too_large)


def _over_the_day(provider: ProviderPlan, tenant: TenantPlan) -> Iterable[str]:
    who = f"{provider.integration}: {tenant.name}"
    per_day = provider.limits.per_day
    used = f", {tenant.used} of them used in the last 24 hours" if tenant.used else ""
    if tenant.days > 1:
        yield f"{who} needs {tenant.calls} calls, and {per_day} are allowed in a day{used}: {tenant.days} days"
    for workspace in tenant.too_large:
        yield f"{who}: {workspace} alone needs more calls than the {per_day} of a day; fetch fewer months"


def _waiting_s(calls: int, per_minute: int | None) -> float:
    """Return the minimum duration, in seconds, of *calls* within a limit per 60 seconds."""
    if not per_minute or not calls:
        return 0.0
    return (-(-calls // per_minute) - 1) * _MINUTE_S
