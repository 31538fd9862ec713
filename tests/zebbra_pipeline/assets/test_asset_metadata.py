"""What Dagster's catalogue shows of the assets: true columns, totals by month, no salary."""

from datetime import date
from decimal import Decimal

import dagster as dg
import pytest
from support.stack import books_of, running_stack

from integrations.contracts import (
    DataBatch,
    IntegrationProvider,
    LineKind,
    Statement,
    StatementLine,
    month_ends,
)
from zebbra_pipeline.building import build_definitions
from zebbra_pipeline.dagster_home import open_instance
from zebbra_pipeline.previews import totals_by_month

TODAY = date(2025, 2, 28)
PROFIT_AND_LOSS = dg.AssetKey(["xero", "profit_and_loss"])


@pytest.fixture(scope="module")
def landed(tmp_path_factory):
    with running_stack(tmp_path_factory.mktemp("shown"), today=TODAY) as stack:
        stack.connect("acme", xero="Acme Trading Inc", gusto="Acme Trading Inc")
        assert stack.refresh(acme="xero gusto").failures == {}
        yield stack


def shown(stack, key):
    with open_instance(stack.settings.dagster_home) as instance:
        (record,) = instance.fetch_materializations(
            dg.AssetRecordsFilter(asset_key=key, asset_partitions=["acme"]), limit=1
        ).records
    return record.asset_materialization.metadata


def test_every_asset_shows_the_columns_of_its_table(landed):
    specs = build_definitions().resolve_all_asset_specs()
    for spec in specs:
        table = spec.metadata["dagster/table_name"]
        found = landed.query(
            "SELECT column_name, data_type, is_nullable = 'YES' FROM information_schema.columns "
            "WHERE table_name = ? ORDER BY ordinal_position",
            table,
        )
        declared = spec.metadata["dagster/column_schema"].columns

        assert [(item.name, item.type, item.constraints.nullable) for item in declared] == found
        assert all(item.description for item in declared)
    assert len(specs) == 7


def test_statements_show_their_totals_by_month(landed):
    table = shown(landed, PROFIT_AND_LOSS)["zebbra/totals_by_month"]
    books = books_of("Acme Trading Inc", TODAY)
    ((total,),) = landed.query(
        "SELECT value FROM data_points WHERE endpoint = 'Total Income' AND month = ?", TODAY
    )
    rows = [
        [cell.strip() for cell in line.strip("|").split("|")] for line in table.value.splitlines()
    ]

    assert isinstance(table, dg.MarkdownMetadataValue)
    assert rows[0] == [
        books.company.currency,
        *("Sep 2024", "Oct 2024", "Nov 2024", "Dec 2024", "Jan 2025", "Feb 2025"),
    ]
    (income,) = [row for row in rows if row[0] == "Total Income"]
    assert income[-1] == f"{total:,.2f}"


@pytest.mark.parametrize("name", ["employees", "payroll_costs"])
def test_payroll_shows_no_amount(landed, name):
    metadata = shown(landed, dg.AssetKey(["gusto", name]))

    assert not any(isinstance(value, dg.MarkdownMetadataValue) for value in metadata.values())
    assert set(metadata) & {"zebbra/totals_by_month", "zebbra/currency"} == set()


def batch_of(*labels, kind=LineKind.SECTION_TOTAL):
    months = month_ends(date(2024, 1, 1), date(2024, 9, 30))
    return DataBatch(
        integration=IntegrationProvider("Books"),
        tenant_id="t",
        tenant_name="T",
        currency="EUR",
        dates=months,
        lines=tuple(
            StatementLine(
                statement=Statement.PROFIT_AND_LOSS,
                label=label,
                kind=kind,
                values=dict.fromkeys(months, Decimal("1234.5")) | {months[-1]: None},
            )
            for label in labels
        ),
    )


def test_a_label_cannot_break_the_table():
    table = totals_by_month(batch_of("Sales | *net*\n<b>"), Statement.PROFIT_AND_LOSS)

    assert table.splitlines()[2].startswith("| Sales \\| \\*net\\* \\<b\\> | 1,234.50 | ")
    assert len(table.splitlines()) == 3


def test_accounts_stay_out_and_a_long_statement_is_cut():
    accounts = batch_of("Rent", kind=LineKind.ACCOUNT)
    many = batch_of(*(f"Total {number}" for number in range(30)))

    assert totals_by_month(accounts, Statement.PROFIT_AND_LOSS) == ""
    assert totals_by_month(many, Statement.PROFIT_AND_LOSS).endswith("and 5 more totals")
    assert totals_by_month(many, Statement.BALANCE_SHEET) == ""
