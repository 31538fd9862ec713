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

import sqlite3
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, closing, contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import dagster as dg

from integrations.contracts import (
    Connection,
    IntegrationError,
    IntegrationPlugin,
)
from integrations.contracts.display import printable
from zebbra_pipeline.orchestration.checks.findings import (
    PROVEN,
    Finding,
    complete,
    connection,
    fresh,
    proven,
)
from zebbra_pipeline.orchestration.checks.specs import Checks, build_workspace_check_specs, keys_of
from zebbra_pipeline.orchestration.dagster_private import materialization_target
from zebbra_pipeline.orchestration.metadata import markdown
from zebbra_pipeline.orchestration.metadata.events import failure_of
from zebbra_pipeline.orchestration.metadata.facts import as_metadata
from zebbra_pipeline.orchestration.resources import Connections, Warehouse
from zebbra_pipeline.warehouse import WarehouseError

if TYPE_CHECKING:
    import dagster as dg

    from zebbra_pipeline.warehouse import ReadSession

_INDEX = "index"
"""Dagster's name of the file of events of all runs."""


@contextmanager
def held_open(instance: "dg.DagsterInstance", run_id: str) -> Iterator[None]:
    """
    Keep SQLite's files of a run's events open until the block ends; no lock is held on them.

    Dagster opens and closes each file several times for every event, and whenever the last
    connection closes, SQLite copies its log into the file and waits for the disk. With one more
    connection an evaluation takes half as long. Other storages are left alone.

    Args:
        instance: With any storage.
        run_id: The run that logs.
    """
    path_of = getattr(instance.event_log_storage, "path_for_shard", None)
    paths = [Path(path_of(name)) for name in (_INDEX, run_id)] if path_of else []
    with ExitStack() as held:
        for path in paths:
            # What cannot be opened so is only slower.
            with suppress(sqlite3.Error):
                address = f"{path.absolute().as_uri()}?mode=rw"
                connection = held.enter_context(closing(sqlite3.connect(address, uri=True)))
                # A connection that has read nothing does not count yet.
                connection.execute("SELECT count(*) FROM sqlite_master").fetchall()
        yield


Rows = Mapping[str, Connection]
"""An integration's connections by workspace."""
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
    connections: Connections,
    plugin: IntegrationPlugin,
    warn: Callable[..., object],
    *,
    workspace_id: str | None = None,
) -> Rows | None:
    """
    Return the connections of *plugin*'s integration by workspace.

    Args:
        connections: The resource that asks the OAuth service.
        plugin: The integration.
        warn: Called where the service cannot be asked; the result is None then.
        workspace_id: Only the connection of this workspace.
    """
    return listed_by_slug(connections, [plugin], warn, workspace_id=workspace_id)[plugin.slug]


def listed_by_slug(
    connections: Connections,
    plugins: Iterable[IntegrationPlugin],
    warn: Callable[..., object],
    *,
    workspace_id: str | None = None,
) -> dict[str, Rows | None]:
    """Return the same of many integrations; the OAuth service is asked once for all of them."""
    slugs = [plugin.slug for plugin in plugins]
    try:
        rows = connections.list_connections(workspace_id=workspace_id).connections
    except IntegrationError as exc:
        warn("connections are not checked: %s", printable(exc))
        return dict.fromkeys(slugs)
    return {slug: {row.workspace_id: row for row in rows if row.slug == slug} for slug in slugs}


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
    for sound in session.integrity(plugin.name, workspace_ids):
        row = None if rows is None else rows.get(sound.workspace_id)
        live = None if row is None else not row.is_disconnected
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
        metadata=as_metadata(item.facts),
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
    kind = dg.DagsterEventType.ASSET_MATERIALIZATION
    if not workspaces:
        return {}
    newest = instance.get_latest_storage_id_by_partition(key, kind, workspaces)
    records = instance.fetch_materializations(
        dg.AssetRecordsFilter(asset_key=key, storage_ids=list(newest.values())),
        limit=max(len(newest), 1),
    ).records
    return {str(record.partition_key): materialization_target(record) for record in records}
