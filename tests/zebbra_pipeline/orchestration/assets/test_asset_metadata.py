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
from zebbra_pipeline.orchestration.building import build_definitions
from zebbra_pipeline.orchestration.dagster_home import open_instance
from zebbra_pipeline.orchestration.metadata.tables import totals_by_month

TODAY = date(2025, 2, 28)
PROVISIONAL = r"\* had not ended when it was fetched: provisional"
AFTERWARDS = date(2024, 10, 1)
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
        *("Nov 2024", "Dec 2024", "Jan 2025", r"Feb 2025\*"),
    ]
    assert table.value.splitlines()[-1] == PROVISIONAL
    (income,) = [row for row in rows if row[0] == "Total Income"]
    assert income[-1] == f"{total:,.2f}"


def test_statements_show_a_chart_of_their_result(landed):
    shown_profit = shown(landed, PROFIT_AND_LOSS)
    chart = shown_profit["zebbra/chart"]
    currency = books_of("Acme Trading Inc", TODAY).company.currency

    assert isinstance(chart, dg.MarkdownMetadataValue)
    assert chart.value.startswith(
        f"**Net Profit** by month, in {currency}\n\n![Net Profit by month]("
    )
    assert shown_profit["zebbra/months"].value == 24


def test_payroll_shows_head_counts_and_totals_never_what_a_person_earns(landed):
    people = shown(landed, dg.AssetKey(["gusto", "employees"]))
    costs = shown(landed, dg.AssetKey(["gusto", "payroll_costs"]))
    salaries = landed.query("SELECT monthly_salary FROM employees WHERE workspace_id = 'acme'")
    ((at_work,),) = landed.query(
        "SELECT count(DISTINCT employee_id) FROM employees WHERE start_date <= $1 AND coalesce(end_date, $1) >= $1",
        TODAY,
    )
    ((total, currency),) = landed.query(
        "SELECT total_cost, currency FROM payroll_costs ORDER BY month DESC LIMIT 1"
    )
    everybody = people["zebbra/people_by_month"].value.splitlines()[-1]

    assert everybody.startswith("| **Everybody** | ")
    assert everybody.endswith(f" | {at_work} |")
    assert costs["zebbra/cost_by_month"].value.endswith(f" | {total:,.2f} |")
    assert costs["zebbra/currency"].value == currency
    told = str(people) + str(costs)
    assert salaries
    assert not [pay for (pay,) in salaries if f"{pay:,.2f}" in told or f"{pay:.2f}" in told]


@pytest.mark.parametrize(
    "key", [("xero", "profit_and_loss"), ("xero", "balance_sheet"), ("gusto", "employees")]
)
def test_what_a_materialization_shows_stays_small(landed, key):
    texts = [str(item.value) for item in shown(landed, dg.AssetKey(list(key))).values()]

    assert sum(map(len, texts)) < 8192


@pytest.mark.parametrize(
    ("key", "first"),
    [
        (("xero", "profit_and_loss"), ["chart", "totals_by_month"]),
        (("xero", "balance_sheet"), ["chart", "totals_by_month"]),
        (("gusto", "employees"), ["chart", "people_by_month"]),
        (("gusto", "payroll_costs"), ["chart", "cost_by_month"]),
    ],
)
def test_the_preview_comes_first_and_dagster_shows_it_without_a_click(landed, key, first):
    facts = shown(landed, dg.AssetKey(list(key)))
    previews = [facts[f"zebbra/{name}"] for name in first]
    (slug, _) = key

    assert list(facts)[:4] == [f"zebbra/{name}" for name in (*first, "status", "tenant")]
    assert all(isinstance(item, dg.MarkdownMetadataValue) for item in previews)
    assert [len(item.value) < 1000 for item in previews] == [True, True]
    assert facts["zebbra/connection"].value == (
        f"[operator's page]({landed.oauth_url}/admin/connections/acme/{slug})"
    )


def test_a_statement_links_to_the_providers_own_page(landed):
    company = books_of("Acme Trading Inc", landed.today).company
    code, region = company.id[:5], {"GB": 1200, "US": 1100}[company.country]

    for name, number in (("profit_and_loss", region + 16), ("balance_sheet", region + 17)):
        assert shown(landed, dg.AssetKey(["xero", name]))["zebbra/report"].value == (
            f"[{name.replace('_', ' ')} at Xero](https://reporting.xero.com/!{code}/v1/Run/{number})"
        )


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
    table = totals_by_month(batch_of("Sales | *net*\n<b>"), Statement.PROFIT_AND_LOSS, AFTERWARDS)

    assert table.splitlines()[2].startswith("| Sales \\| \\*net\\*\\\\n\\<b\\> | 1,234.50 | ")
    assert len(table.splitlines()) == 3


def test_accounts_stay_out_and_a_long_statement_is_cut():
    accounts = batch_of("Rent", kind=LineKind.ACCOUNT)
    many = batch_of(*(f"Total {number}" for number in range(30)))

    assert totals_by_month(accounts, Statement.PROFIT_AND_LOSS, AFTERWARDS) == ""
    cut = totals_by_month(many, Statement.PROFIT_AND_LOSS, AFTERWARDS)
    assert cut.splitlines()[-1] == f"and {32 - len(cut.splitlines()[:-2])} more totals"
    assert 900 < len(cut) < 1000
    assert totals_by_month(many, Statement.BALANCE_SHEET, AFTERWARDS) == ""


@pytest.mark.parametrize(
    ("day", "marks"), [(date(2024, 9, 30), 1), (date(2024, 9, 2), 1), (AFTERWARDS, 0)]
)
def test_a_month_that_had_not_ended_is_marked_within_what_dagster_shows_at_once(day, marks):
    many = batch_of(*(f"Total {number}" for number in range(30)))

    lines = (table := totals_by_month(many, Statement.PROFIT_AND_LOSS, day)).splitlines()

    assert lines[0] == "| EUR | Jun 2024 | Jul 2024 | Aug 2024 | Sep 2024" + r"\*" * marks + " |"
    assert (lines[-1] == PROVISIONAL) == bool(marks)
    assert sum(line.startswith("and ") for line in lines) == 1
    assert 900 < len(table) < 1000
