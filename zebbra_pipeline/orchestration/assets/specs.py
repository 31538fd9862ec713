"""What each asset is: key, group, kinds and what its figures mean. Nothing here executes."""

from collections.abc import Sequence

import dagster as dg

from integrations.contracts import IntegrationPlugin
from zebbra_pipeline.ingest.batches import ASSET_NAMES
from zebbra_pipeline.orchestration.metadata import keys
from zebbra_pipeline.orchestration.metadata.columns import COLUMNS
from zebbra_pipeline.orchestration.partitions import WORKSPACES

MERGED_MODEL = dg.AssetKey(["merged_model"])
OWNERS = ["team:finance-data"]

_MEANINGS = {
    "profit_and_loss": (
        "Profit and loss by month, every account and total, from {name}.\n\n"
        "Accrual basis, the organisation's own currency, the provider's signs: a normal figure "
        "of its section is positive. The running month is provisional. An account without "
        "movement in a month is 0. Lands in `data_points`."
    ),
    "balance_sheet": (
        "Balance at every month's end, every account and total, from {name}.\n\n"
        "The organisation's own currency; liabilities and equity in credit are positive. The "
        "running month is provisional. Lands in `data_points`."
    ),
    "employees": (
        "People with their job spells and monthly pay, from {name}.\n\n"
        "One row for each time in which a person's job and pay did not change, in major units. "
        "Birth dates, addresses and social security numbers are dropped before anything is "
        "stored. Lands in `employees`."
    ),
    "payroll_costs": (
        "What processed payrolls cost by month, from {name}.\n\n"
        "`total_cost` = gross pay + employer taxes + benefits, in major units; reimbursements "
        "stand beside it. Lands in `payroll_costs`."
    ),
}
_TABLES = {"employees": "employees", "payroll_costs": "payroll_costs"}


def build_integration_specs(plugin: IntegrationPlugin) -> Sequence[dg.AssetSpec]:
    """Return the specs of the assets that *plugin* feeds, e.g. `xero/profit_and_loss`."""
    return [
        dg.AssetSpec(
            key=dg.AssetKey([plugin.slug, name]),
            partitions_def=WORKSPACES,
            group_name=plugin.slug,
            kinds={plugin.slug, "duckdb"},
            owners=OWNERS,
            tags={keys.API_TYPE: plugin.api_type},
            description=_MEANINGS[name].format(name=plugin.name),
            metadata={
                "dagster/table_name": _TABLES.get(name, "data_points"),
                "dagster/column_schema": COLUMNS[_TABLES.get(name, "data_points")],
                **(
                    {keys.PROVIDER: dg.MetadataValue.url(plugin.docs_url)}
                    if plugin.docs_url
                    else {}
                ),
            },
        )
        for name in ASSET_NAMES[plugin.api_type]
    ]


def build_merged_model_spec(upstream: Sequence[dg.AssetKey]) -> dg.AssetSpec:
    """Return the spec of `merged_model`, downstream of *upstream*."""
    return dg.AssetSpec(
        key=MERGED_MODEL,
        deps=[
            dg.AssetDep(key, partition_mapping=dg.IdentityPartitionMapping()) for key in upstream
        ],
        partitions_def=WORKSPACES,
        group_name="models",
        kinds={"duckdb"},
        owners=OWNERS,
        skippable=True,  # a run that merges some of its workspaces leaves the others as they are
        description=(
            "Each model document of the workspace with its integration rows filled from the "
            "landed figures.\n\nA row that cannot be filled says why. The document that was read "
            "is never written. Lands in `models` and `model_values`."
        ),
        metadata={"dagster/table_name": "models", "dagster/column_schema": COLUMNS["models"]},
    )
