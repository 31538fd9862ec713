"""
The sensor on connections: who connects is pulled, who disconnects keeps what has landed.

It asks the OAuth service what has changed since its cursor, and adds the partitions of new
workspaces and requests their first pull in the same tick.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

import dagster as dg

from integrations.contracts import Connection, PayloadError, ProviderUnavailableError
from integrations.contracts.display import printable
from zebbra_pipeline.orchestration.partitions import WORKSPACES, contiguous_ranges, request_for
from zebbra_pipeline.orchestration.resources import Connections

EVERY_S = 30
_HASH_LENGTH = 16


@dataclass(frozen=True, slots=True)
class Connected:
    """A connection that works, as a tick found it."""

    workspace_id: str
    slug: str
    connected_at: str


def build_connections_sensor(
    job: Any, assets: Mapping[str, Sequence[dg.AssetKey]], *, workspaces_per_run: int
) -> dg.SensorDefinition:
    """
    Build the sensor `workspace_connections`; it needs the resource `connections`.

    A new workspace gets its partition and its first pull in one tick, a reconnected one is
    materialized again. One that disconnects loses nothing: no partition or figure is
    deleted, and nothing is requested for it. On its first tick the sensor leaves alone what
    Dagster has materialized already.

    Args:
        job: The job that fetches, which the models follow; see `schedules.build_refresh_job`.
        assets: By slug: the assets that the integration feeds.
        workspaces_per_run: The most workspaces in one run.
    """

    @dg.sensor(
        name="workspace_connections",
        job=job,
        minimum_interval_seconds=EVERY_S,
        default_status=dg.DefaultSensorStatus.RUNNING,
        description=(
            "Pulls a workspace as soon as it has connected or reconnected an integration. "
            "A workspace that disconnects keeps its partition and its figures."
        ),
    )
    def workspace_connections(
        context: dg.SensorEvaluationContext, connections: Connections
    ) -> dg.SensorResult | dg.SkipReason:
        try:
            answer = connections.list_connections(context.cursor)
        except (ProviderUnavailableError, PayloadError) as exc:
            return dg.SkipReason(printable(exc))
        order = list(context.instance.get_dynamic_partitions(str(WORKSPACES.name)))
        found = [item for item in connected(answer.connections) if item.slug in assets]
        if context.cursor is None:
            found = _never_materialized(context.instance, found, assets)
        wanted = by_workspace(found)
        known = set(order)
        new = [key for key in wanted if key not in known]
        requests = [
            _request([item for name in group for item in wanted[name]], group, assets)
            for group in contiguous_ranges([*order, *new], wanted, workspaces_per_run)
        ]
        if not requests:
            context.update_cursor(answer.cursor)
            return dg.SkipReason("no workspace has connected or reconnected since the last tick")
        context.log.info("%d workspaces connected, %d of them new", len(wanted), len(new))
        return dg.SensorResult(
            run_requests=requests,
            dynamic_partitions_requests=[WORKSPACES.build_add_request(new)] if new else None,
            cursor=answer.cursor,
        )

    return workspace_connections


def connected(rows: Iterable[Connection]) -> list[Connected]:
    """Return the connections that work, of the rows of the service's list, in their order."""
    return [
        Connected(row.workspace_id, row.slug, row.connected_at.isoformat())
        for row in rows
        if row.is_connected
    ]


def by_workspace(found: Iterable[Connected]) -> dict[str, list[Connected]]:
    """Group connections by workspace, in the order in which the workspaces appear."""
    grouped: dict[str, list[Connected]] = {}
    for item in found:
        grouped.setdefault(item.workspace_id, []).append(item)
    return grouped


def _request(
    items: Sequence[Connected],
    group: Sequence[str],
    assets: Mapping[str, Sequence[dg.AssetKey]],
) -> dg.RunRequest:
    """
    Request one run for neighbouring workspaces.

    The key tells this set of grants, each with the time it was given: the same tick again
    gives the same key, which Dagster runs once; a reconnect gives another.
    """
    grants = sorted((item.workspace_id, item.slug, item.connected_at) for item in items)
    digest = sha256(json.dumps(grants).encode()).hexdigest()[:_HASH_LENGTH]
    slugs = sorted({item.slug for item in items})
    selection = [key for slug in slugs for key in assets[slug]]
    key = f"{group[0]}..{group[-1]}:{digest}"
    return request_for(group, key, selection)


def _never_materialized(
    instance: dg.DagsterInstance,
    found: Sequence[Connected],
    assets: Mapping[str, Sequence[dg.AssetKey]],
) -> list[Connected]:
    done = {
        slug: set[str]().union(*map(instance.get_materialized_partitions, assets[slug]))
        for slug in {item.slug for item in found}
    }
    return [item for item in found if item.workspace_id not in done[item.slug]]
