"""Lets things happen at the sandbox."""

from datetime import date

from benchmarks.scale.world import (
    RESTATED_ACCOUNT,
    RESTATED_AMOUNT,
    Kind,
    Phase,
    World,
    restated_day,
)
from integrations.sandbox_kit import SandboxControl

_REPORTS = "/api.xro/"
_RESETS_AFTER_S = 6 * 3600


def befall(control: SandboxControl, world: World, phase: Phase) -> None:
    """Let everything happen that begins before *phase*."""
    for workspace, trouble in world.troubled():
        tenant = workspace.company.id
        if trouble.since is not phase:
            continue
        match trouble.kind:
            case Kind.DEAD_GRANT:
                control.revoke_grants(tenant)
            case Kind.VANISHED:
                control.vanish_tenant(tenant)
            case Kind.PROVIDER_ERROR:
                control.fault("status", status=503, path=_REPORTS, tenant_id=tenant, times=None)
            case Kind.DAY_LIMIT:
                control.fault(
                    "day_limit",
                    path=_REPORTS,
                    tenant_id=tenant,
                    times=None,
                    retry_after=_RESETS_AFTER_S,
                )


def mend(control: SandboxControl, world: World) -> None:
    """Let the provider's errors be over that end before the refresh; limits are met for hours."""
    control.clear_faults()
    for workspace, trouble in world.troubled():
        if trouble.kind is Kind.DAY_LIMIT and trouble.since is Phase.BACKFILL:
            control.fault(
                "day_limit",
                path=_REPORTS,
                tenant_id=workspace.company.id,
                times=None,
                retry_after=_RESETS_AFTER_S,
            )


def restate(control: SandboxControl, world: World, today: date) -> None:
    """Post to the month before the running one where a figure is to change."""
    for workspace in world.workspaces:
        if workspace.restated:
            control.post(
                "restate",
                tenant_id=workspace.company.id,
                account=RESTATED_ACCOUNT,
                day=restated_day(today).isoformat(),
                amount=str(RESTATED_AMOUNT),
            )
