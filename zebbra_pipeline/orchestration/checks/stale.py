"""Who is stale, since when and why: one table."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime

import dagster as dg

from integrations.contracts import Connection, ConnectionState
from integrations.contracts.display import printable
from zebbra_pipeline.orchestration.metadata import keys

_MOST = 1000
"""Rows of a table; what a check shows is one event."""
_LOOK_BACK = 3
_STATES = {ConnectionState.REQUIRES_RECONNECT: "dead grant"}


@dataclass(frozen=True, slots=True)
class Stale:
    """
    One workspace that has landed nothing new for too long.

    Attributes:
        asset: Whose figures are meant.
        last: The day of the last landing; None: never, though connected.
        age: Days since, or since it connected.
        why: In words; empty until somebody looked.
    """

    workspace_id: str
    integration: str
    asset: dg.AssetKey
    last: date | None
    age: int
    why: str = ""


def explained(
    instance: dg.DagsterInstance,
    stale: Sequence[Stale],
    rows: Mapping[str, Connection] | None,
) -> list[Stale]:
    """
    Return *stale* of one asset with the reasons: the grant, or what the last run said.

    Args:
        instance: Asked for what was observed of these workspaces, in one query.
        stale: Of one asset.
        rows: The integration's connections by workspace; None if nobody can tell.
    """
    if not stale:
        return []
    told = _told(instance, stale)
    return [
        replace(item, why=_why(item, (rows or {}).get(item.workspace_id), told)) for item in stale
    ]


def table(stale: Iterable[Stale]) -> dg.TableMetadataValue:
    """Return them as a table, the oldest first."""
    ordered = sorted(stale, key=lambda item: (-item.age, item.workspace_id, item.integration))
    columns = {
        "workspace": "string",
        "integration": "string",
        "last success": "string",
        "age in days": "int",
        "why": "string",
    }
    return dg.MetadataValue.table(
        records=[
            dg.TableRecord(
                {
                    "workspace": item.workspace_id,
                    "integration": item.integration,
                    "last success": str(item.last or "never"),
                    "age in days": item.age,
                    "why": printable(item.why),
                }
            )
            for item in ordered[:_MOST]
        ],
        schema=dg.TableSchema([dg.TableColumn(name, kind) for name, kind in columns.items()]),
    )


def _why(item: Stale, row: Connection | None, told: Mapping[str, str]) -> str:
    if row is not None and row.state in _STATES:
        reason = row.reason or "the provider refused it"
        return f"{_STATES[row.state]}: {reason}; zebbra connect {item.workspace_id}"
    if item.workspace_id in told:
        return told[item.workspace_id]
    return "no run has fetched it since; are the schedules on?"


def _told(instance: dg.DagsterInstance, stale: Sequence[Stale]) -> dict[str, str]:
    """Return what the last run said of each that failed after it had last landed."""
    last = {item.workspace_id: item.last for item in stale}
    records = instance.fetch_observations(
        dg.AssetRecordsFilter(asset_key=stale[0].asset, asset_partitions=list(last)),
        limit=_LOOK_BACK * len(last),
    ).records
    told: dict[str, str] = {}
    for record in records:  # the newest first
        seen, workspace = record.asset_observation, str(record.partition_key)
        day = last.get(workspace)
        observed = datetime.fromtimestamp(record.timestamp).astimezone().date()
        if seen is None or (day is not None and observed < day):
            continue
        facts = {name: value.value for name, value in seen.metadata.items()}
        kind = "day limit" if facts.get(keys.STATUS) == keys.PUT_OFF else "failing"
        told.setdefault(workspace, f"{kind}: {facts.get(keys.REASON, 'see its last run')}")
    return told
