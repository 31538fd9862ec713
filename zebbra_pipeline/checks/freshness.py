"""`workspaces_are_fresh`: which workspaces an integration has not brought anything for lately."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING

import dagster as dg
from pydantic import Field

from integrations.contracts import IntegrationPlugin
from zebbra_pipeline.families import ASSET_NAMES
from zebbra_pipeline.resources import Connections, Warehouse
from zebbra_pipeline.warehouse import WarehouseError

if TYPE_CHECKING:
    from zebbra_pipeline.warehouse import ReadSession

CHECK_NAME = "workspaces_are_fresh"
_SHOWN = 20


class Checks(dg.Model, dg.Resolvable):
    """What the checks hold the landed figures to."""

    stale_after_days: int = Field(
        default=3,
        ge=1,
        description="Warn of a workspace that has landed nothing new for more days than this.",
    )


@dataclass(frozen=True, slots=True)
class Freshness:
    """
    How recently the workspaces of one asset have landed.

    Attributes:
        workspaces: How many have ever landed.
        stale: The day of the last landing of those that are too old, by workspace id.
    """

    workspaces: int
    stale: Mapping[str, date]


def build_freshness_check(plugin: IntegrationPlugin, checks: Checks) -> dg.AssetChecksDefinition:
    """
    Build one check for each asset that *plugin* feeds, evaluated together.

    It asks the warehouse's published copy and makes no provider call. A stale workspace is a
    warning: its figures are old, not wrong. It needs the resources `connections` (for the
    day) and `warehouse`.
    """
    days = checks.stale_after_days

    @dg.multi_asset_check(
        name=f"check_{plugin.slug}",
        specs=[
            dg.AssetCheckSpec(
                name=CHECK_NAME,
                asset=dg.AssetKey([plugin.slug, asset]),
                description=(
                    f"Every workspace that has ever landed has landed again within {days} days. "
                    "Asks the published copy of the warehouse, never the provider."
                ),
                metadata={"zebbra/stale_after_days": days},
            )
            for asset in ASSET_NAMES[plugin.api_type]
        ],
        can_subset=True,
    )
    def check(
        context: dg.AssetCheckExecutionContext, connections: Connections, warehouse: Warehouse
    ) -> Iterator[dg.AssetCheckResult]:
        today = connections.today()
        try:
            with warehouse.open().read() as session:
                for key in sorted(context.selected_asset_check_keys):
                    asset = key.asset_key.path[-1]
                    found = freshness(session, plugin.name, asset, today=today, days=days)
                    yield _result(key, plugin.name, found, days)
        except WarehouseError as exc:
            raise dg.Failure(description=str(exc), allow_retries=False) from exc

    return check


def freshness(
    session: "ReadSession", integration: str, asset: str, *, today: date, days: int
) -> Freshness:
    """
    Return which workspaces have landed nothing of *asset* for more than *days* days.

    A workspace that has never landed it is not counted: nobody has asked for it yet.

    Args:
        session: The published copy.
        integration: Registered name, e.g. `Xero`.
        asset: Asset name, e.g. `profit_and_loss`.
        today: The day to count from.
        days: The most days that a workspace may go without a landing.
    """
    landed = {
        workspace: fetched_at.astimezone().date()
        for workspace, fetched_at in session.last_fetched(integration, asset).items()
    }
    stale = {key: day for key, day in landed.items() if (today - day).days > days}
    return Freshness(len(landed), stale)


def _result(
    key: dg.AssetCheckKey, integration: str, found: Freshness, days: int
) -> dg.AssetCheckResult:
    return dg.AssetCheckResult(
        asset_key=key.asset_key,
        check_name=key.name,
        passed=not found.stale,
        severity=dg.AssetCheckSeverity.WARN,
        description=_sentence(integration, found, days),
        metadata={
            "zebbra/workspaces": found.workspaces,
            "zebbra/stale_after_days": days,
            "zebbra/stale_workspaces": dg.MetadataValue.json(
                {workspace: day.isoformat() for workspace, day in found.stale.items()}
            ),
        },
    )


def _sentence(integration: str, found: Freshness, days: int) -> str:
    if not found.workspaces:
        return f"nothing has landed from {integration} yet"
    if not found.stale:
        return (
            f"all {found.workspaces} workspaces have landed from {integration} within {days} days"
        )
    oldest_first = sorted(found.stale, key=lambda workspace: (found.stale[workspace], workspace))
    more = f" and {len(oldest_first) - _SHOWN} more" if len(oldest_first) > _SHOWN else ""
    return (
        f"{len(oldest_first)} of {found.workspaces} workspaces have landed nothing from "
        f"{integration} for more than {days} days: {', '.join(oldest_first[:_SHOWN])}{more}"
    )
