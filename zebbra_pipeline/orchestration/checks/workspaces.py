"""
The checks of each workspace: `fresh`, `complete`, `proven` and `connection` of every asset.

They are evaluated with each materialization, in the step that lands it, and for all workspaces by
the job `check_figures`. Dagster's own step for a partitioned check runs with whatever a person
materializes in the UI; in runs of many partitions a returned result carries no partition, so
every evaluation is logged with its workspace.

Each landing clears what Dagster shows of a workspace's checks, so each run logs them anew, what
passes too: a workspace that passes is shown as passed, not as missing. `Checks.every_result_up_to`
saves those events in large runs. A result that still stands is not logged again.
"""

import asyncio
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import dagster as dg

from integrations.contracts import (
    IntegrationError,
    IntegrationPlugin,
    PayloadError,
)
from integrations.contracts.display import printable
from zebbra_pipeline.orchestration.automation.sensor import changes_since
from zebbra_pipeline.orchestration.checks.event_files import held_open
from zebbra_pipeline.orchestration.checks.findings import (
    Finding,
    complete,
    connection,
    fresh,
    proven,
    refused,
)
from zebbra_pipeline.orchestration.checks.names import PROVEN
from zebbra_pipeline.orchestration.checks.specs import Checks, build_workspace_check_specs, keys_of
from zebbra_pipeline.orchestration.metadata import markdown
from zebbra_pipeline.orchestration.metadata.events import as_metadata, failure_of
from zebbra_pipeline.orchestration.resources import Connections, Warehouse
from zebbra_pipeline.outcomes import Done, Failed, Outcome
from zebbra_pipeline.warehouse import WarehouseError

if TYPE_CHECKING:
    from zebbra_pipeline.warehouse import ReadSession

Rows = Mapping[str, Mapping[str, Any]]
"""An integration's connections by workspace, as the OAuth service lists them."""
_BY_NAME = 200
"""Dagster is asked for the results of so many workspaces; for those of all where there are more."""


def build_workspace_checks(plugin: IntegrationPlugin, checks: Checks) -> dg.AssetChecksDefinition:
    """
    Build the checks of each workspace of the assets that *plugin* feeds.

    It needs the resources `connections` and `warehouse`, and calls no provider.
    """

    @dg.multi_asset_check(
        name=f"check_{plugin.slug}_workspaces",
        specs=build_workspace_check_specs(plugin, checks),
        can_subset=True,
    )
    def check(
        context: dg.AssetCheckExecutionContext, connections: Connections, warehouse: Warehouse
    ) -> Iterator[dg.AssetCheckResult]:
        step = context.op_execution_context
        wanted = workspaces_of(step)
        rows = listed(connections, plugin, step.log.warning)
        selected = frozenset(context.selected_asset_check_keys)
        try:
            with warehouse.open().read() as session:
                found = find(session, plugin, checks, wanted, rows=rows, connections=connections)
        except WarehouseError as exc:
            raise failure_of(exc) from exc
        for key, findings in found.items():
            chosen = [item for item in findings if dg.AssetCheckKey(key, item.check) in selected]
            log_findings(step, key, chosen, checks)
        yield from ()

    return check


def workspaces_of(step: dg.OpExecutionContext) -> list[str] | None:
    """Return the workspaces that a step is run for; None for one that has no partitions."""
    if step.has_partition_key or step.has_partition_key_range:
        return list(step.partition_keys)
    return None


def listed(
    connections: Connections, plugin: IntegrationPlugin, warn: Callable[..., object]
) -> Rows | None:
    """Return the connections of *plugin*'s integration; None, with a warning, if nobody tells."""
    return listed_by_slug(connections, [plugin], warn)[plugin.slug]


def listed_by_slug(
    connections: Connections, plugins: Iterable[IntegrationPlugin], warn: Callable[..., object]
) -> dict[str, Rows | None]:
    """Return the same of many integrations, of which the OAuth service is asked once."""
    slugs = [plugin.slug for plugin in plugins]
    try:
        rows = asyncio.run(changes_since(connections, None))["connections"]
    except IntegrationError as exc:
        warn("connections are not checked: %s", printable(exc))
        return dict.fromkeys(slugs)
    return {
        slug: {row["workspace_id"]: row for row in rows if row["integration"].lower() == slug}
        for slug in slugs
    }


def find(
    session: "ReadSession",
    plugin: IntegrationPlugin,
    checks: Checks,
    workspace_ids: Sequence[str] | None,
    *,
    rows: Rows | None,
    connections: Connections,
    links: Mapping[str, str | None] | None = None,
) -> dict[dg.AssetKey, list[Finding]]:
    """
    Return what the checks find, by asset.

    Args:
        session: The published copy.
        plugin: The integration.
        checks: What the figures are held to.
        workspace_ids: Whose; None for all that have ever landed or connected.
        rows: See `listed`.
        connections: For the day.
        links: Connect links of workspaces that must reconnect.
    """
    today, now = connections.today(), datetime.now(UTC)
    found: dict[dg.AssetKey, list[Finding]] = {key: [] for key in keys_of(plugin)}
    for sound in session.soundness(plugin.name, workspace_ids):
        row = None if rows is None else rows.get(sound.workspace_id)
        live = None if row is None else row["state"] != "disconnected"
        found[dg.AssetKey([plugin.slug, sound.asset])] += [
            fresh(sound, today=today, days=checks.stale_after_days, live=live),
            complete(sound),
            proven(sound),
        ]
    wanted = None if workspace_ids is None else frozenset(workspace_ids)
    states = [
        connection(row, name=plugin.name, now=now, link=(links or {}).get(workspace))
        for workspace, row in (rows or {}).items()
        if wanted is None or workspace in wanted
    ]
    return {key: [*findings, *states] for key, findings in found.items()}


def log_checks(
    context: dg.AssetExecutionContext,
    plugin: IntegrationPlugin,
    checks: Checks,
    outcomes: Sequence[Outcome],
    *,
    connections: Connections,
    warehouse: Warehouse,
) -> None:
    """
    Log the checks of all that a step was run for, of what failed as far as that says something.

    A workspace that has never connected the integration has none.

    Args:
        context: Of the step, its materializations logged.
        plugin: The integration.
        checks: What the figures are held to.
        outcomes: What came of its workspaces.
        connections: Asked for the state of the connections.
        warehouse: Where the figures landed.
    """
    failed = {item.workspace_id: item for item in outcomes if isinstance(item, Failed)}
    held = [item.workspace_id for item in outcomes if isinstance(item, Done) and _held(item)]
    if not held and not failed:
        return
    rows = listed(connections, plugin, context.log.warning)
    links = {workspace: item.connect_url for workspace, item in failed.items()}
    try:
        with warehouse.open().read() as session:
            found = find(
                session,
                plugin,
                checks,
                [*held, *failed],
                rows=rows,
                connections=connections,
                links=links,
            )
    except WarehouseError as exc:
        context.log.warning("what has landed is not checked: %s", printable(exc))
        return
    for key in sorted(context.selected_asset_keys):
        findings = [
            item
            for item in found[key]
            if item.check != PROVEN or not _refused(failed.get(item.workspace_id))
        ]
        findings += [
            refused(workspace, item.reason) for workspace, item in failed.items() if _refused(item)
        ]
        log_findings(context, key, findings, checks)


def log_findings(
    context: dg.AssetExecutionContext | dg.OpExecutionContext,
    key: dg.AssetKey,
    findings: Sequence[Finding],
    checks: Checks,
) -> None:
    """
    Log *findings* of one asset, each for the newest materialization of its workspace.

    Args:
        context: Of the step.
        key: The asset.
        findings: What was found of all workspaces of the run.
        checks: Up to how many of them each result is logged.
    """
    workspaces = {item.workspace_id for item in findings}
    most = checks.every_result_up_to
    every = most is None or len(workspaces) <= most
    news = list(_news(context.instance, key, findings, every=every))
    targets = _targets(context.instance, key, {item.workspace_id for item in news})
    with held_open(context.instance, context.run.run_id):
        for item in news:
            # Dagster takes it, as its own steps log it; the signature does not say so.
            context.log_event(_evaluation(key, item, targets.get(item.workspace_id)))  # type: ignore[arg-type]


def _evaluation(key: dg.AssetKey, item: Finding, target: Any) -> dg.AssetCheckEvaluation:
    return dg.AssetCheckEvaluation(
        asset_key=key,
        check_name=item.check,
        passed=item.passed,
        partition=item.workspace_id,
        severity=dg.AssetCheckSeverity.ERROR if item.grave else dg.AssetCheckSeverity.WARN,
        description=markdown.quoted(f"{item.workspace_id}: {item.text}"),
        metadata=as_metadata(dict(item.facts)),
        target_materialization_data=target,
    )


def _news(
    instance: dg.DagsterInstance, key: dg.AssetKey, findings: Sequence[Finding], *, every: bool
) -> Iterator[Finding]:
    """Yield what fails, what passes again and, for *every*, what Dagster shows as missing."""
    names = {item.check for item in findings}
    who = {item.workspace_id for item in findings}
    last = {
        (info.check_key.name, info.partition_key): (
            info.latest_execution_status.value,
            info.is_current,
        )
        for info in instance.event_log_storage.get_asset_check_partition_info(
            [dg.AssetCheckKey(key, name) for name in sorted(names)],
            partition_keys=sorted(who) if len(who) <= _BY_NAME else None,
        )
    }
    for item in findings:
        status, is_current = last.get((item.check, item.workspace_id), ("", False))
        # What Dagster has planned for the run and nobody tells, it shows as skipped, or as failed
        # where another workspace of the run fails.
        if not item.passed or status == "PLANNED":
            yield item
        elif status == "FAILED":
            # That a later pull was refused is not undone by what had landed before.
            if item.check != PROVEN or not is_current:
                yield item
        elif every and not (status == "SUCCEEDED" and is_current):
            yield item


def _targets(
    instance: dg.DagsterInstance, key: dg.AssetKey, workspaces: set[str]
) -> dict[str, Any]:
    """Return the newest materialization by workspace; without it Dagster shows "missing"."""
    from dagster._core.definitions.asset_checks.asset_check_evaluation import (
        AssetCheckEvaluationTargetMaterializationData as Target,
    )

    kind = dg.DagsterEventType.ASSET_MATERIALIZATION
    if not workspaces:
        return {}
    newest = instance.get_latest_storage_id_by_partition(key, kind, workspaces)
    records = instance.fetch_materializations(
        dg.AssetRecordsFilter(asset_key=key, storage_ids=list(newest.values())),
        limit=max(len(newest), 1),
    ).records
    return {
        str(record.partition_key): Target(
            storage_id=record.storage_id, run_id=record.run_id, timestamp=record.timestamp
        )
        for record in records
    }


def _refused(failed: Failed | None) -> bool:
    return failed is not None and isinstance(failed.error, PayloadError)


def _held(done: Done) -> bool:
    """Whether there are figures of the workspace: of this pull, or kept since it disconnected."""
    return any(
        facts.get("zebbra/status") in ("landed", "disconnected") for facts in done.metadata.values()
    )
