"""
The sensor on day limits: who met one is requested again as soon as it has reset.

Whatever started the run (a person, a backfill, a schedule, `zebbra refresh`), its step ended at
once, so nothing holds a slot until then; see `assets.coming_back` for how it says who waits.
"""

import json
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import dagster as dg

from zebbra_pipeline.orchestration.partitions import WORKSPACES, contiguous_ranges, request_for
from zebbra_pipeline.orchestration.run_tags import COME_BACK_TAG, WANTED, ComeBack, wanted_back

SENSOR_NAME = "after_day_limits"
EVERY_S = 60
LOOK_BACK = timedelta(days=8)
"""How old a run may be whose workspaces still come back; more than any quota lasts."""


def utc_now() -> datetime:
    """Return the time by which resets are judged."""
    return datetime.now(UTC)


def build_day_limits_sensor(
    job: Any, families: Mapping[str, dg.AssetsDefinition], *, workspaces_per_run: int
) -> dg.SensorDefinition:
    """
    Build the sensor `after_day_limits`.

    It looks through the runs of the last days that put workspaces off, and requests exactly
    those, of that integration, once its limit has reset; the history as far back as they were
    asked for. Who has been refreshed since the reset is left out. If a limit is met again, the
    requested run puts off those whom it meets, and so on until all have landed.

    Args:
        job: The job that fetches, which the models follow; see `schedules.build_refresh_job`.
        families: By slug: the assets that the integration feeds.
        workspaces_per_run: The most workspaces in one run.
    """

    @dg.sensor(
        name=SENSOR_NAME,
        job=job,
        minimum_interval_seconds=EVERY_S,
        default_status=dg.DefaultSensorStatus.RUNNING,
        description="Fetches the workspaces that met a provider's day limit, once it has reset.",
    )
    def after_day_limits(context: dg.SensorEvaluationContext) -> dg.SensorResult | dg.SkipReason:
        now = utc_now()
        requested = frozenset[str](json.loads(context.cursor or "[]"))
        put_off = dict(_put_off(context.instance, now))
        due = {key: item for key, item in put_off.items() if item.at <= now}
        order = list(context.instance.get_dynamic_partitions(str(WORKSPACES.name)))
        requests = [
            request_for(
                group,
                f"{key}:{group[0]}",
                sorted(families[item.slug].keys),
                _full_config(families[item.slug]) if item.full else None,
            )
            for key, item in due.items()
            if key not in requested and item.slug in families
            for group in contiguous_ranges(
                order,
                _not_refreshed(context.instance, item, families[item.slug]),
                workspaces_per_run,
            )
        ]
        cursor = json.dumps(sorted(due))
        if not requests:
            context.update_cursor(cursor)
            waiting = sum(len(item.workspaces) for item in put_off.values() if item.at > now)
            return dg.SkipReason(f"{waiting} workspaces wait for the reset of a day's limit")
        return dg.SensorResult(run_requests=requests, cursor=cursor)

    return after_day_limits


def _put_off(instance: dg.DagsterInstance, now: datetime) -> Iterator[tuple[str, ComeBack]]:
    """Yield what the runs of the last days put off, each with a key of its own."""
    recent = dg.RunsFilter(tags={COME_BACK_TAG: WANTED}, updated_after=now - LOOK_BACK)
    for record in instance.get_run_records(recent):
        run = record.dagster_run
        for item in wanted_back(run.run_id, run.tags):
            yield f"{run.run_id}:{item.slug}:{item.at:%Y-%m-%dT%H:%M}", item


def _not_refreshed(
    instance: dg.DagsterInstance, item: ComeBack, family: dg.AssetsDefinition
) -> frozenset[str]:
    """Return the workspaces that nobody has refreshed since the reset."""
    waiting = frozenset(item.workspaces)
    if item.full:  # a refresh of the latest months is less than what was asked for
        return waiting
    refreshed = waiting
    for key in family.keys:
        since = instance.fetch_materializations(
            dg.AssetRecordsFilter(
                asset_key=key,
                asset_partitions=sorted(waiting),
                after_timestamp=item.at.timestamp(),
            ),
            limit=len(waiting),  # where that is too few, one of them is fetched once more
        ).records
        refreshed &= {str(record.partition_key) for record in since}
    return waiting - refreshed


def _full_config(family: dg.AssetsDefinition) -> dict[str, Any]:
    return {"ops": {family.op.name: {"config": {"full": True}}}}
