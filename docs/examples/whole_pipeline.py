"""A code location of your own: the whole pipeline as you configure it, and an asset after it."""

import dagster as dg

from integrations.runtime.registry import load_registry
from zebbra_pipeline import WORKSPACES, Connections, RefreshSchedule, Warehouse, build_definitions

installed = load_registry()


@dg.asset(deps=["merged_model"], partitions_def=WORKSPACES, group_name="reporting")
def largest_accounts(
    context: dg.AssetExecutionContext, warehouse: Warehouse
) -> dg.MaterializeResult[None]:
    """The three accounts that moved most in the newest closed month of a workspace's books."""
    with warehouse.open().read() as books:
        figures = books.figures(context.partition_key)
    newest: dict[str, object] = {}
    for line in figures.series:
        if line.kind != "account" or line.statement != "profit_and_loss":
            continue
        closed = {month: f.value for month, f in line.figures.items() if not f.provisional}
        if closed:
            newest[line.endpoint] = closed[max(closed)] or 0
    largest = sorted(newest, key=lambda name: abs(newest[name]), reverse=True)[:3]
    return dg.MaterializeResult(metadata={"accounts": largest})


defs = dg.Definitions.merge(
    build_definitions(
        [installed.get("Xero"), installed.get("Gusto")],
        connections=Connections(
            oauth_url=dg.EnvVar("CONNECT_URL"),  # read when a run starts, never stored
            service_key=dg.EnvVar("CONNECT_KEY"),
        ),
        warehouse=Warehouse(
            target=dg.EnvVar("BOOKS_WAREHOUSE"),
            published=dg.EnvVar("BOOKS_PUBLISHED"),
        ),
        schedule=RefreshSchedule(cron="30 4 * * 1-5", timezone="Europe/London", full_cron=""),
        workspaces_per_run=20,
    ),
    dg.Definitions(assets=[largest_accounts]),
)
