"""What each asset is: key, group, kinds and what its figures mean. Nothing here executes."""

from collections.abc import Sequence

import dagster as dg

from integrations.contracts import IntegrationPlugin
from zebbra_pipeline.ingest.batches import ASSET_NAMES
from zebbra_pipeline.orchestration.metadata import keys
from zebbra_pipeline.orchestration.partitions import WORKSPACES


def _schema(*columns: tuple[str, str, str]) -> dg.TableSchema:
    """Return a schema of name, type (with `?` where it may be empty) and meaning."""
    return dg.TableSchema(
        columns=[
            dg.TableColumn(
                name,
                type_.removesuffix("?"),
                description=meaning,
                constraints=dg.TableColumnConstraints(nullable=type_.endswith("?")),
            )
            for name, type_, meaning in columns
        ]
    )


COLUMNS = {
    "data_points": _schema(
        ("workspace_id", "VARCHAR", "The customer."),
        ("integration", "VARCHAR", "Registered name of the integration, e.g. Xero."),
        ("statement", "VARCHAR", "profit_and_loss or balance_sheet."),
        ("position", "INTEGER", "Place of the line in its statement."),
        ("section", "VARCHAR", "Titles of the sections around the line, joined by ' / '."),
        ("section_path", "VARCHAR[]", "The same titles, one by one."),
        ("account_id", "VARCHAR?", "The provider's id of the account; empty for a total."),
        ("endpoint", "VARCHAR", "Name that models refer to, e.g. Total Income."),
        ("label", "VARCHAR", "Text shown by the provider."),
        ("kind", "VARCHAR", "account, section_total or computed_total."),
        ("month", "DATE", "Month end."),
        (
            "value",
            "DECIMAL(18,4)?",
            "Amount in major units of the currency; empty where the provider gives none.",
        ),
        ("currency", "VARCHAR", "ISO 4217 code."),
        ("provisional", "BOOLEAN", "Whether the month had not ended when it was fetched."),
        ("batch_id", "VARCHAR", "The landed pull that it came with."),
    ),
    "employees": _schema(
        ("workspace_id", "VARCHAR", "The customer."),
        ("integration", "VARCHAR", "Registered name of the integration, e.g. Xero."),
        ("employee_id", "VARCHAR", "The provider's id of the person."),
        ("name", "VARCHAR", "The person's name."),
        ("title", "VARCHAR", "Job title."),
        ("department", "VARCHAR?", "Department, if any."),
        ("start_date", "DATE", "First day of the job spell."),
        ("end_date", "DATE?", "Last day of the job spell, counted; empty while it lasts."),
        (
            "monthly_salary",
            "DECIMAL(18,4)",
            "Gross pay of a full month, in major units of the currency.",
        ),
        ("currency", "VARCHAR", "ISO 4217 code."),
        ("batch_id", "VARCHAR", "The landed pull that it came with."),
    ),
    "payroll_costs": _schema(
        ("workspace_id", "VARCHAR", "The customer."),
        ("integration", "VARCHAR", "Registered name of the integration, e.g. Xero."),
        ("month", "DATE", "Month end."),
        ("gross_pay", "DECIMAL(18,4)", "Wages before deductions, in major units."),
        ("employer_taxes", "DECIMAL(18,4)", "Paid on top of the wages."),
        ("benefits", "DECIMAL(18,4)", "The company's contributions."),
        ("reimbursements", "DECIMAL(18,4)", "Expenses paid back; not part of total_cost."),
        ("total_cost", "DECIMAL(18,4)", "gross_pay + employer_taxes + benefits."),
        ("currency", "VARCHAR", "ISO 4217 code."),
        ("provisional", "BOOLEAN", "Whether the month had not ended when it was fetched."),
        ("batch_id", "VARCHAR", "The landed pull that it came with."),
    ),
    "models": _schema(
        ("workspace_id", "VARCHAR", "The customer."),
        ("model_id", "VARCHAR", "File name of the model document, without its ending."),
        ("name", "VARCHAR", "The model's name."),
        ("document", "JSON", "The merged model document."),
        ("merged_at", "TIMESTAMP", "When it was merged, in UTC."),
        ("rows_resolved", "INTEGER", "Integration rows that got values."),
        ("rows_unresolved", "INTEGER", "Integration rows that did not; each says why."),
    ),
}
"""By table."""


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
