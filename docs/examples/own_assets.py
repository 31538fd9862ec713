"""Assets of two integrations in definitions of your own: your jobs, your schedule, your sensors."""

import dagster as dg

from integrations.runtime.registry import load_registry
from zebbra_pipeline import (
    RANGE_END,
    RANGE_START,
    WORKSPACES,
    Connections,
    Warehouse,
    build_integration_assets,
)

xero, gusto = (
    build_integration_assets(load_registry().get(name), workspaces_per_run=25)
    for name in ("Xero", "Gusto")
)

month_end = dg.define_asset_job(
    "month_end",
    selection=dg.AssetSelection.assets(*xero.keys, *gusto.keys),
    description="Fetches the whole history once more, for the month's closing.",
    config={
        "ops": {step: {"config": {"full": True}} for step in ("fetch_xero", "fetch_gusto")},
    },
)


@dg.schedule(job=month_end, cron_schedule="0 5 1 * *")
def on_the_first(context: dg.ScheduleEvaluationContext) -> list[dg.RunRequest]:
    """Request all workspaces in ranges of neighbours: a range is one run."""
    keys = list(context.instance.get_dynamic_partitions(str(WORKSPACES.name)))
    ranges = [keys[start : start + 25] for start in range(0, len(keys), 25)]
    return [
        dg.RunRequest(
            run_key=f"{context.scheduled_execution_time:%Y-%m}/{place}",
            tags={RANGE_START: members[0], RANGE_END: members[-1]},
        )
        for place, members in enumerate(ranges)
    ]


defs = dg.Definitions(
    assets=[xero, gusto],
    jobs=[month_end],
    schedules=[on_the_first],
    resources={
        # Left empty, a field means the setting of the same name.
        "connections": Connections(),
        "warehouse": Warehouse(),
    },
    executor=dg.in_process_executor,
)
