"""
What a backfill costs at the providers: calls against their limits, and how long it takes.

Pure: the calls of a pull come from its plugin (`FetchAdapter.planned_calls`), the limits from
`plugin.api.limits`.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import groupby
from operator import attrgetter

from integrations.contracts import RateLimits

DAY_S = 86_400.0
_MINUTE_S = 60.0


@dataclass(frozen=True, slots=True)
class PlannedPull:
    """
    One workspace's pull from one integration.

    Attributes:
        tenant: Id of the organisation at the provider, whose budget the calls come from.
        from_month: First month that is fetched.
        calls: The fewest requests; None if the plugin cannot tell.
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
    What is asked of one organisation.

    Attributes:
        calls: The fewest requests, of the pulls whose plugin can tell.
        seconds: The shortest time that the limits of the tenant allow.
        days: Days that the day's quota needs; 1 if there is none.
    """

    tenant: str
    name: str
    workspaces: tuple[str, ...]
    calls: int
    seconds: float
    days: int


@dataclass(frozen=True, slots=True)
class ProviderPlan:
    """
    What is asked of one provider.

    Attributes:
        tenants: The busiest first.
        calls: The fewest requests, of the pulls whose plugin can tell.
        unknown: Pulls whose plugin cannot tell.
        seconds: How long it takes, if each call takes as long as was assumed.
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
        """Days that the day's quota of the busiest organisation needs."""
        return max((tenant.days for tenant in self.tenants), default=1)


@dataclass(frozen=True, slots=True)
class BackfillPlan:
    """What is asked of all providers, which are pulled one after the other."""

    providers: tuple[ProviderPlan, ...]

    @property
    def calls(self) -> int:
        """The fewest requests, of the pulls whose plugin can tell."""
        return sum(provider.calls for provider in self.providers)

    @property
    def seconds(self) -> float:
        """How long it takes, if each call takes as long as was assumed."""
        return sum(provider.seconds for provider in self.providers)

    @property
    def obstacles(self) -> tuple[str, ...]:
        """Why it cannot be done in a day, one sentence each; empty if it can."""
        found = [
            f"{provider.integration}: {tenant.name} needs {tenant.calls} calls, and "
            f"{provider.limits.per_day} are allowed in a day: {tenant.days} days"
            for provider in self.providers
            for tenant in provider.tenants
            if tenant.days > 1
        ]
        if self.seconds > DAY_S:
            found.append(
                f"all of it takes {self.seconds / 3600:.1f} hours; "
                "split the workspaces over several days"
            )
        return tuple(found)


def plan_backfill(
    pulls: Iterable[PlannedPull],
    limits: Mapping[str, RateLimits],
    *,
    seconds_per_call: float,
    workspaces_at_once: int,
) -> BackfillPlan:
    """
    Count calls against limits.

    Args:
        pulls: What is to be fetched.
        limits: By integration.
        seconds_per_call: How long a provider takes to answer.
        workspaces_at_once: Workspaces that a run fetches side by side; the calls of one
            workspace follow each other.
    """
    by_integration = attrgetter("integration")
    return BackfillPlan(
        tuple(
            _provider(name, limits[name], tuple(group), seconds_per_call, workspaces_at_once)
            for name, group in groupby(sorted(pulls, key=by_integration), key=by_integration)
        )
    )


def _provider(
    integration: str,
    limits: RateLimits,
    pulls: tuple[PlannedPull, ...],
    seconds_per_call: float,
    workspaces_at_once: int,
) -> ProviderPlan:
    by_tenant: dict[str, list[PlannedPull]] = {}
    for pull in pulls:
        by_tenant.setdefault(pull.tenant, []).append(pull)
    tenants = sorted(
        (_tenant(group, limits) for group in by_tenant.values()),
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


def _tenant(pulls: Sequence[PlannedPull], limits: RateLimits) -> TenantPlan:
    calls = sum(pull.calls or 0 for pull in pulls)
    days = max(1, -(-calls // limits.per_day)) if limits.per_day else 1
    (named, _), *_ = Counter(pull.tenant_name for pull in pulls).most_common(1)
    return TenantPlan(
        tenant=pulls[0].tenant,
        name=named,
        workspaces=tuple(sorted({pull.workspace_id for pull in pulls})),
        calls=calls,
        seconds=max((days - 1) * DAY_S, _waiting_s(calls, limits.per_minute)),
        days=days,
    )


def _waiting_s(calls: int, per_minute: int | None) -> float:
    """Return the shortest time in which *calls* keep a limit on every 60 seconds."""
    if not per_minute or not calls:
        return 0.0
    return (-(-calls // per_minute) - 1) * _MINUTE_S
