"""What the sandbox was asked: calls by organisation, against the limits and against the plan."""

from collections import Counter
from dataclasses import dataclass
from datetime import date

from benchmarks.scale.world import Kind, Phase, World
from integrations.contracts import months_back
from integrations.runtime.settings import Settings
from integrations.sandbox_kit import SandboxControl
from integrations.xero.adapter import XeroFetchAdapter

_API = "/api.xro/"
_TOKENS = "/connect/token"
_TOO_MANY = 429


@dataclass(frozen=True)
class Asked:
    """
    Calls since the beginning.

    Attributes:
        calls: To the API, of all organisations.
        refreshes: To the token endpoint.
        most: Of the organisation that was asked most often.
        median: Of the one in the middle.
        throttled: Answered with 429 where no limit was made to be met.
        put_off: Answered with 429 for those whose day's limit was met.
        wrong: What should not have been asked, one line each.
    """

    calls: int
    refreshes: int
    most: int
    median: int
    throttled: int
    put_off: int
    wrong: list[str]


def asked(control: SandboxControl, world: World, settings: Settings, today: date) -> Asked:
    """Count what the sandbox has logged, both phases done."""
    log = control.calls()
    api = [call for call in log if call["path"].startswith(_API)]
    by_tenant = Counter(str(call["tenant_id"]) for call in api)
    limited = {
        workspace.company.id
        for workspace, trouble in world.troubled()
        if trouble.kind is Kind.DAY_LIMIT
    }
    refused = Counter(str(call["tenant_id"]) for call in api if call["status"] == _TOO_MANY)
    throttled = sum(count for tenant, count in refused.items() if tenant not in limited)
    counts = sorted(by_tenant.values())
    return Asked(
        calls=len(api),
        refreshes=sum(call["path"] == _TOKENS for call in log),
        most=counts[-1],
        median=counts[len(counts) // 2],
        throttled=throttled,
        put_off=sum(refused.values()) - throttled,
        wrong=_unplanned(world, settings, today, by_tenant),
    )


def _unplanned(world: World, settings: Settings, today: date, by_tenant: Counter[str]) -> list[str]:
    """Compare the calls of those that nothing happens to with what the plugin plans."""
    each = {
        Phase.BACKFILL: XeroFetchAdapter.planned_calls(
            months_back(today, settings.history_months), today
        ),
        Phase.REFRESH: XeroFetchAdapter.planned_calls(
            months_back(today, settings.refresh_months), today
        ),
    }
    troubled = {workspace.company.id for workspace, _ in world.troubled()}
    wrong = []
    for tenant, workspaces in world.sharing.items():
        planned = workspaces * sum(each.values())
        if tenant not in troubled and by_tenant[tenant] != planned:
            wrong.append(f"tenant {tenant}: {by_tenant[tenant]} calls, {planned} planned")
    return wrong
