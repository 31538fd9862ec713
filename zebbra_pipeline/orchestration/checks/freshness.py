"""
`workspaces_are_fresh` of each asset, and `stale_workspaces` of all of them in one table.

They are what the job `check_figures` runs. There the first also logs the checks of each workspace,
where they say something new.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING

import dagster as dg

from integrations.contracts import IntegrationPlugin
from zebbra_pipeline.orchestration.assets.specs import MERGED_MODEL
from zebbra_pipeline.orchestration.checks.specs import Checks, keys_of
from zebbra_pipeline.orchestration.checks.stale import Stale, explained, table
from zebbra_pipeline.orchestration.checks.workspaces import (
    Rows,
    find,
    listed,
    listed_by_slug,
    log_findings,
    workspaces_of,
)
from zebbra_pipeline.orchestration.metadata import keys as metadata_keys
from zebbra_pipeline.orchestration.metadata import markdown
from zebbra_pipeline.orchestration.metadata.events import failure_of
from zebbra_pipeline.orchestration.resources import Connections, Warehouse
from zebbra_pipeline.outcomes import named
from zebbra_pipeline.warehouse import WarehouseError

if TYPE_CHECKING:
    from zebbra_pipeline.warehouse import ReadSession

__all__ = ["Checks", "build_freshness_check", "build_stale_check", "freshness"]

CHECK_NAME, STALE_NAME = "workspaces_are_fresh", "stale_workspaces"


@dataclass(frozen=True, slots=True)
class Freshness:
    """
    How recently the workspaces of one asset have landed.

    Attributes:
        workspaces: How many have ever landed, or have been connected for too long without.
            Who has disconnected is not counted.
        stale: The day of the last landing of those that are too old, by workspace id; None
            where nothing has ever landed.
        ages: Of those, the days since then, or since they connected.
    """

    workspaces: int
    stale: Mapping[str, date | None]
    ages: Mapping[str, int]


def build_freshness_check(plugin: IntegrationPlugin, checks: Checks) -> dg.AssetChecksDefinition:
    """
    Build one check for each asset that *plugin* feeds, evaluated together.

    It asks the warehouse's published copy and the OAuth service, and makes no provider call. A
    stale workspace is a warning: its figures are old, not wrong. It needs the resources
    `connections` and `warehouse`.
    """
    days = checks.stale_after_days

    @dg.multi_asset_check(
        name=f"check_{plugin.slug}",
        specs=[
            dg.AssetCheckSpec(
                name=CHECK_NAME,
                asset=key,
                description=(
                    f"Every workspace that has landed or is connected has landed within {days} "
                    "days. Asks the published copy of the warehouse, never the provider."
                ),
                metadata={metadata_keys.STALE_AFTER_DAYS: days},
            )
            for key in keys_of(plugin)
        ],
        can_subset=True,
    )
    def check(
        context: dg.AssetCheckExecutionContext, connections: Connections, warehouse: Warehouse
    ) -> Iterator[dg.AssetCheckResult]:
        step = context.op_execution_context
        rows = listed(connections, plugin, step.log.warning)
        try:
            with warehouse.open().read() as session:
                keys = sorted(item.asset_key for item in context.selected_asset_check_keys)
                # In a run of some workspaces their own checks have a step beside this one.
                findings = (
                    find(session, plugin, checks, None, rows=rows, connections=connections)
                    if workspaces_of(step) is None
                    else {}
                )
                found = freshness_by_asset(
                    session, plugin, keys, days, today=connections.today(), rows=rows
                )
        except WarehouseError as exc:
            raise failure_of(exc) from exc
        for key, state in found.items():
            log_findings(step, key, findings.get(key, ()), checks)
            yield _result(context.instance, plugin, key, state, days, rows)

    return check


def planned_freshness(context: dg.AssetExecutionContext) -> list[dg.AssetKey]:
    """Return the assets of a step for which its run has `workspaces_are_fresh` planned."""
    latest = context.instance.event_log_storage.get_latest_asset_check_execution_by_key(
        [dg.AssetCheckKey(key, CHECK_NAME) for key in sorted(context.selected_asset_keys)]
    )
    return [
        check.asset_key
        for check, record in latest.items()
        if record.run_id == context.run.run_id and record.status.value == "PLANNED"
    ]


def log_freshness(
    context: dg.AssetExecutionContext,
    plugin: IntegrationPlugin,
    key: dg.AssetKey,
    state: Freshness,
    days: int,
    rows: Rows | None,
) -> None:
    """Log `workspaces_are_fresh` of an asset; the arguments are those of the check itself."""
    result = _result(context.instance, plugin, key, state, days, rows)
    evaluation = dg.AssetCheckEvaluation(
        asset_key=key,
        check_name=CHECK_NAME,
        passed=result.passed,
        severity=result.severity,
        description=result.description,
        metadata=result.metadata,
    )
    context.log_event(evaluation)


def build_stale_check(
    plugins: Sequence[IntegrationPlugin], checks: Checks
) -> dg.AssetChecksDefinition:
    """
    Build `stale_workspaces` of `merged_model`: who is stale in any of *plugins*, and why.

    It needs what `build_freshness_check` needs.
    """
    days = checks.stale_after_days

    @dg.multi_asset_check(
        name="check_stale_workspaces",
        specs=[
            dg.AssetCheckSpec(
                name=STALE_NAME,
                asset=MERGED_MODEL,
                description=(
                    f"Nobody has landed nothing for more than {days} days, in any integration. "
                    "Otherwise one table of them all: since when, and why."
                ),
                metadata={metadata_keys.STALE_AFTER_DAYS: days},
            )
        ],
    )
    def check(
        context: dg.AssetCheckExecutionContext, connections: Connections, warehouse: Warehouse
    ) -> Iterator[dg.AssetCheckResult]:
        oldest: dict[tuple[str, str], Stale] = {}
        today, by_slug = (
            connections.today(),
            listed_by_slug(connections, plugins, context.log.warning),
        )
        try:
            with warehouse.open().read() as session:
                for plugin in plugins:
                    rows, keys = by_slug[plugin.slug], keys_of(plugin)
                    found = freshness_by_asset(session, plugin, keys, days, today=today, rows=rows)
                    for key, state in found.items():
                        for item in _stale(context.instance, plugin, key, state, rows):
                            known = oldest.get((item.workspace_id, item.integration))
                            if known is None or known.age < item.age:
                                oldest[item.workspace_id, item.integration] = item
        except WarehouseError as exc:
            raise failure_of(exc) from exc
        who = sorted({workspace for workspace, _ in oldest})
        yield dg.AssetCheckResult(
            asset_key=MERGED_MODEL,
            check_name=STALE_NAME,
            passed=not oldest,
            severity=dg.AssetCheckSeverity.WARN,
            description=markdown.quoted(
                f"{len(who)} workspaces have landed nothing for more than {days} days: {named(who)}"
                if who
                else f"every workspace has landed within {days} days"
            ),
            metadata={
                metadata_keys.STALE_WORKSPACES: table(oldest.values()),
                metadata_keys.STALE_AFTER_DAYS: days,
            },
        )

    return check


def freshness(
    session: "ReadSession",
    integration: str,
    asset: str,
    *,
    today: date,
    days: int,
    rows: Rows | None = None,
) -> Freshness:
    """
    Return which workspaces have landed nothing of *asset* for more than *days* days.

    A workspace that is connected and has never landed counts from the day it connected.

    Args:
        session: The published copy.
        integration: Registered name, e.g. `Xero`.
        asset: Asset name, e.g. `profit_and_loss`.
        today: The day to count from.
        days: The most days that a workspace may go without a landing.
        rows: The integration's connections; None if nobody can tell: all count as connected.
    """
    landed: dict[str, date | None] = {
        workspace: fetched_at.astimezone().date()
        for workspace, fetched_at in session.last_fetched(integration, asset).items()
    }
    ages = {key: (today - day).days for key, day in landed.items() if day is not None}
    for workspace, row in (rows or {}).items():
        if row.is_disconnected:
            landed.pop(workspace, None)
        elif workspace not in landed:
            since = row.connected_at.astimezone().date()
            ages[workspace] = (today - since).days
            if ages[workspace] > days:
                landed[workspace] = None
    stale = {key: day for key, day in landed.items() if ages[key] > days}
    return Freshness(len(landed), stale, {key: ages[key] for key in stale})


def freshness_by_asset(
    session: "ReadSession",
    plugin: IntegrationPlugin,
    keys: Sequence[dg.AssetKey],
    days: int,
    *,
    today: date,
    rows: Rows | None,
) -> dict[dg.AssetKey, Freshness]:
    """Return by asset how recently its workspaces have landed; see `freshness`."""
    return {
        key: freshness(session, plugin.name, key.path[-1], today=today, days=days, rows=rows)
        for key in keys
    }


def _stale(
    instance: dg.DagsterInstance,
    plugin: IntegrationPlugin,
    key: dg.AssetKey,
    found: Freshness,
    rows: Rows | None,
) -> list[Stale]:
    stale = [
        Stale(workspace, plugin.name, key, day, found.ages[workspace])
        for workspace, day in found.stale.items()
    ]
    return explained(instance, stale, rows)


def _result(
    instance: dg.DagsterInstance,
    plugin: IntegrationPlugin,
    key: dg.AssetKey,
    found: Freshness,
    days: int,
    rows: Rows | None,
) -> dg.AssetCheckResult:
    return dg.AssetCheckResult(
        asset_key=key,
        check_name=CHECK_NAME,
        passed=not found.stale,
        severity=dg.AssetCheckSeverity.WARN,
        description=markdown.quoted(_sentence(plugin.name, found, days)),
        metadata={
            metadata_keys.WORKSPACES: found.workspaces,
            metadata_keys.STALE_AFTER_DAYS: days,
            metadata_keys.STALE_WORKSPACES: table(_stale(instance, plugin, key, found, rows)),
        },
    )


def _sentence(integration: str, found: Freshness, days: int) -> str:
    if not found.workspaces:
        return f"nothing has landed from {integration} yet"
    if not found.stale:
        return (
            f"all {found.workspaces} workspaces have landed from {integration} within {days} days"
        )
    oldest_first = sorted(found.stale, key=lambda workspace: (-found.ages[workspace], workspace))
    return (
        f"{len(oldest_first)} of {found.workspaces} workspaces have landed nothing from "
        f"{integration} for more than {days} days: {named(oldest_first)}"
    )
