"""What is said of each workspace: with its materialization, and by `check_figures` afterwards."""

from datetime import date, timedelta

import dagster as dg
import duckdb
import pytest
from support.check_status import shown
from support.connection_rows import NOW, row
from support.stack import books_of, running_stack
from support.warehouse import (
    FEB,
    JAN,
    MAR,
    account,
    cost,
    land,
    person,
    pull,
    total,
    warehouse_in,
)

from integrations.contracts import LineKind, Tenant
from zebbra_pipeline.orchestration.building import Checks, build_definitions
from zebbra_pipeline.orchestration.checks.findings import complete, connection, proven
from zebbra_pipeline.orchestration.partitions import RANGE_END, RANGE_START, WORKSPACES
from zebbra_pipeline.orchestration.resources import Connections, Warehouse

TODAY = date(2026, 6, 15)
P_AND_L = dg.AssetKey(["xero", "profit_and_loss"])
QUIET = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}
WARN, ERROR = dg.AssetCheckSeverity.WARN, dg.AssetCheckSeverity.ERROR


@pytest.fixture
def instance(tmp_path):
    folder = tmp_path / "dagster"
    folder.mkdir()
    with dg.instance_for_test(temp_dir=str(folder)) as opened:
        opened.add_dynamic_partitions(WORKSPACES.name, ["acme", "globex", "initech"])
        yield opened


def definitions_of(tmp_path, warehouse, **options):
    return build_definitions(
        checks=Checks(stale_after_days=3, **options),
        connections=Connections(as_of=TODAY.isoformat()),
        warehouse=Warehouse(
            target=str(tmp_path / "warehouse.duckdb"), published=str(warehouse.published)
        ),
    )


def landed_in(tmp_path, workspaces, dates=(JAN, FEB)):
    """Land a profit and loss that adds up, for workspaces by the day of their fetch."""
    warehouse = warehouse_in(tmp_path)
    with warehouse.write("test") as session:
        for name, day in workspaces.items():
            lines = account("a", "Sales", "1", "2"), total("Total Income", "1", "2")
            land(session, pull(dates, *lines), day=day, workspace=name)
    return warehouse


def evaluated(definitions, instance):
    """Run `check_figures`; return what it says, by check and workspace (None: of all)."""
    result = definitions.resolve_job_def("check_figures").execute_in_process(
        instance=instance, run_config=QUIET
    )
    assert result.success
    return {
        (item.check_name, item.partition): item
        for item in result.get_asset_check_evaluations()
        if item.asset_key in (P_AND_L, dg.AssetKey(["merged_model"]))
    }


def test_a_workspace_becomes_stale_though_nothing_is_fetched_or_merged(instance, service, tmp_path):
    warehouse = landed_in(tmp_path, {"acme": TODAY, "globex": date(2026, 6, 1)})
    warehouse.publish()
    service(row("acme"), row("globex"))

    found = evaluated(definitions_of(tmp_path, warehouse), instance)

    stale = found["fresh", "globex"]
    assert (stale.passed, stale.severity) == (False, WARN)
    assert stale.description == (
        "globex: nothing has landed for 14 days, since 2026-06-01; see on the asset's page why, "
        "then run: zebbra refresh globex"
    )
    assert found["fresh", "acme"].passed
    assert shown(instance, P_AND_L, "fresh") == {"acme": True, "globex": False}


def test_a_check_that_says_the_same_again_is_not_logged_again(instance, service, tmp_path):
    warehouse = landed_in(tmp_path, {"acme": TODAY, "globex": date(2026, 6, 1)})
    warehouse.publish()
    service(row("acme"), row("globex"))
    definitions = definitions_of(tmp_path, warehouse)
    first = evaluated(definitions, instance)
    assert len([key for key in first if key[1] is not None]) == 8

    again = evaluated(definitions, instance)
    assert {key for key in again if key[1] is not None} == {("fresh", "globex")}

    with warehouse.write("test") as session:
        lines = account("a", "Sales", "1", "2"), total("Total Income", "1", "2")
        land(session, pull([JAN, FEB], *lines), workspace="globex")
    warehouse.publish()
    mended = evaluated(definitions, instance)
    assert mended["fresh", "globex"].passed


def test_a_run_of_many_logs_what_fails_and_what_passes_again(instance, service, tmp_path):
    warehouse = landed_in(tmp_path, {"acme": TODAY, "globex": date(2026, 6, 1)})
    warehouse.publish()
    definitions = definitions_of(tmp_path, warehouse, every_result_up_to=1)

    first = evaluated(definitions, instance)
    with warehouse.write("test") as session:
        lines = account("a", "Sales", "1", "2"), total("Total Income", "1", "2")
        land(session, pull([JAN, FEB], *lines), workspace="globex")
    warehouse.publish()
    mended = evaluated(definitions, instance)
    quiet = evaluated(definitions, instance)

    assert [key for key in first if key[1]] == [("fresh", "globex")]
    assert [(key, item.passed) for key, item in mended.items() if key[1]] == [
        (("fresh", "globex"), True)
    ]
    assert [key for key in quiet if key[1]] == []


def test_a_month_that_is_missing_is_named(instance, service, tmp_path):
    warehouse = landed_in(tmp_path, {"acme": TODAY, "globex": TODAY}, dates=(JAN, MAR))
    with warehouse.write("test") as session:
        land(session, pull([FEB], account("a", "Sales", "1")), workspace="globex")
        tenant = Tenant("company-1", "Company")
        told = {"run_id": "run-1", "fetched_at": NOW, "api_calls": 1}
        costs = [cost(JAN, "10"), cost(MAR, "10")]
        session.land_payroll_costs("acme", "Gusto", tenant, costs, **told)
    warehouse.publish()
    definitions = definitions_of(tmp_path, warehouse)

    found = evaluated(definitions, instance)
    with warehouse.read() as session:
        (payroll,) = session.integrity("Gusto")

    gap = found["complete", "acme"]
    assert (gap.passed, gap.severity) == (False, ERROR)
    assert gap.description == (
        "acme: 1 months are missing: 2026-02; fetch the whole history: zebbra refresh acme --full"
    )
    assert found["complete", "globex"].passed
    assert found["complete", "globex"].description == (
        "globex: no month is missing from 2026-01 to 2026-03; "
        "each has a row of all 2 accounts and section totals"
    )
    assert payroll.missing == (FEB,)


def test_a_total_that_does_not_add_up_is_named_without_an_amount(instance, service, tmp_path):
    warehouse = landed_in(tmp_path, {"acme": TODAY})
    with warehouse.write("test") as session:
        lines = (
            account("a", "Sales", "1234.5", "2"),
            account("b", "Online", "0.5", "1", section=("Income", "Shop")),
            total("Total Income", "1235", "4"),
        )
        land(session, pull([JAN, FEB], *lines), workspace="globex")
    warehouse.publish()

    found = evaluated(definitions_of(tmp_path, warehouse), instance)

    wrong = found["proven", "globex"]
    assert (wrong.passed, wrong.severity) == (False, ERROR)
    assert wrong.description == (
        "globex: 1 totals do not add up: Total Income, 2026-02; "
        "fetch them again: zebbra refresh globex --full"
    )
    assert found["proven", "acme"].passed


def test_older_months_are_not_held_against_an_account_that_has_moved(tmp_path):
    warehouse = landed_in(tmp_path, {"acme": TODAY})
    with warehouse.write("test") as session:
        moved = account("a", "Sales", "2", section=("Other Income",))
        lines = moved, total("Total Other Income", "2", section=("Other Income",))
        land(session, pull([FEB], *lines))
    warehouse.publish()

    with warehouse.read() as session:
        (sound,) = session.integrity("Xero", ["acme"])

    assert (sound.unproven, sound.missing) == ((), ())


def changed_in(warehouse, statement, integration="Xero"):
    """Return what is told of acme's one asset after the published copy was changed."""
    warehouse.publish()
    with duckdb.connect(str(warehouse.published)) as file:
        file.execute(statement)
    with warehouse.read() as session:
        (sound,) = session.integrity(integration, ["acme"])
    return sound


@pytest.mark.parametrize(
    ("change", "passed", "text"),
    [
        ("UPDATE data_points SET value = 9 WHERE kind = 'computed_total'", True, "4 amounts of"),
        ("DELETE FROM data_points WHERE label = 'Total Expenses'", True, "2 amounts of"),
        ("DELETE FROM data_points WHERE kind = 'section_total'", True, "the newest pull has no"),
        ("DELETE FROM data_points WHERE label = 'Rent'", False, "2 totals do not add up: Total "),
    ],
)
def test_no_more_is_called_proven_than_was_compared(tmp_path, change, passed, text):
    warehouse = warehouse_in(tmp_path)
    lines = (
        account("a", "Sales", "3", "4"),
        total("Total Income", "3", "4"),
        account("b", "Rent", "1", "1", section=("Expenses",)),
        total("Total Expenses", "1", "1", section=("Expenses",)),
        total("Net Profit", "2", "3", section=(), kind=LineKind.COMPUTED_TOTAL),
    )
    with warehouse.write("test") as session:
        land(session, pull([JAN, FEB], *lines))

    found = proven(changed_in(warehouse, change))

    assert found.passed is passed
    assert found.text.startswith(text)
    if passed:
        assert found.text.endswith("; computed totals, such as a profit, are not compared")


def test_of_payroll_parts_of_costs_and_ends_of_jobs_are_compared(tmp_path):
    warehouse = warehouse_in(tmp_path)
    with warehouse.write("test") as session:
        tenant = Tenant("company-1", "Company")
        told = {"run_id": "run-1", "fetched_at": NOW, "api_calls": 1}
        costs, people = [cost(JAN, "10"), cost(FEB, "10")], [person("1", "Ann", "5", "6")]
        session.land_payroll_costs("acme", "Gusto", tenant, costs, **told)
        session.land_employees("acme", "Gusto", tenant, people, from_date=JAN, **told)
    warehouse.publish()

    with warehouse.read() as session:
        told_of = {sound.asset: proven(sound).text for sound in session.integrity("Gusto")}

    assert told_of == {
        "employees": "none of 2 jobs ends before it starts",
        "payroll_costs": "the parts of payroll cost add up to its total in 2 months",
    }


@pytest.mark.parametrize(
    "change",
    [
        "DELETE FROM data_points WHERE month = '2026-02-28'",
        "DELETE FROM data_points WHERE month = '2026-02-28' AND label = 'Rent'",
        "DELETE FROM data_points WHERE month = '2026-02-28' AND kind = 'section_total'",
    ],
)
def test_a_landed_month_that_has_lost_rows_is_named(tmp_path, change):
    warehouse = warehouse_in(tmp_path)
    rent = account("b", "Rent", "1", section=("Expenses",))
    net = total("Net Profit", "2", section=(), kind=LineKind.COMPUTED_TOTAL)
    with warehouse.write("test") as session:
        lines = account("a", "Sales", "3", "4"), total("Total Income", "3", "4")
        land(session, pull([JAN, FEB], *lines))
        land(session, pull([MAR], rent, net))  # a new account has rows in older months too

    found = complete(changed_in(warehouse, "SELECT 1"))
    assert found.passed
    assert found.text.endswith("; each has a row of all 3 accounts and section totals")

    found = complete(changed_in(warehouse, change))
    assert (found.passed, found.text) == (
        False,
        "1 months have lost rows: 2026-02; fetch the whole history: zebbra refresh acme --full",
    )


def test_a_month_of_payroll_that_has_lost_its_row_is_named(tmp_path):
    warehouse = warehouse_in(tmp_path)
    with warehouse.write("test") as session:
        told = {"run_id": "run-1", "fetched_at": NOW, "api_calls": 1}
        costs = [cost(JAN, "10"), cost(FEB, "10")]
        session.land_payroll_costs("acme", "Gusto", Tenant("c-1", "Company"), costs, **told)

    whole = complete(changed_in(warehouse, "SELECT 1", "Gusto"))
    emptied = complete(changed_in(warehouse, "DELETE FROM payroll_costs", "Gusto"))

    assert whole.text == "no month is missing from 2026-01 to 2026-02; each has its row"
    assert emptied.facts == {"zebbra/lacking_months": ["2026-01", "2026-02"]}
    assert not emptied.passed


def test_a_statement_without_lines_is_told_to_have_none(tmp_path):
    warehouse = warehouse_in(tmp_path)
    with warehouse.write("test") as session:
        land(session, pull([JAN, FEB]))

    found = complete(changed_in(warehouse, "SELECT 1"))

    assert (found.passed, found.text) == (
        True,
        "no month is missing from 2026-01 to 2026-02; the statement has no accounts",
    )


def test_all_stale_workspaces_are_in_one_table_with_the_reason(instance, service, tmp_path):
    old = date(2026, 6, 1)
    warehouse = landed_in(tmp_path, dict.fromkeys(("acme", "globex", "initech", "gone"), old))
    warehouse.publish()
    service(
        row("acme", "requires_reconnect", reason="the provider refused our refresh token"),
        row("globex"),
        row("initech"),
        row("gone", "disconnected"),
        row("never", connected=NOW - timedelta(days=9)),
        row("new"),
    )
    for workspace, status, reason in (
        ("globex", "failed", "Xero: provider is down"),
        ("initech", "put off", "Xero: day limit reached"),
    ):
        facts = {"zebbra/status": status, "zebbra/reason": reason}
        instance.report_runless_asset_event(
            dg.AssetObservation(P_AND_L, partition=workspace, metadata=facts)
        )

    found = evaluated(definitions_of(tmp_path, warehouse), instance)
    of_all = found["stale_workspaces", None]
    assert found["fresh", "gone"].passed
    assert found["fresh", "gone"].description == (
        "gone: disconnected; its figures of 2026-06-01 are kept and not renewed"
    )

    assert (of_all.passed, of_all.severity) == (False, WARN)
    assert of_all.description == (
        "4 workspaces have landed nothing for more than 3 days: acme, globex, initech, never"
    )
    rows = [
        tuple(item.data.values()) for item in of_all.metadata["zebbra/stale_workspaces"].records
    ]
    assert rows == [
        (
            "acme",
            "Xero",
            "2026-06-01",
            14,
            "dead grant: the provider refused our refresh token; zebbra connect acme",
        ),
        ("globex", "Xero", "2026-06-01", 14, "failing: Xero: provider is down"),
        ("initech", "Xero", "2026-06-01", 14, "day limit: Xero: day limit reached"),
        ("never", "Xero", "never", 9, "no run has fetched it since; are the schedules on?"),
    ]


@pytest.mark.parametrize(
    ("left_days", "passed", "text"),
    [
        (16, True, "connected; 16 of 60 days left until Xero ends it unused"),
        (14, False, "14 of 60 days left until Xero ends it unused; use it: zebbra refresh acme"),
        (-3, False, "0 of 60 days left until Xero ends it unused; use it: zebbra refresh acme"),
    ],
)
def test_less_than_a_quarter_of_the_providers_patience_is_a_warning(left_days, passed, text):
    listed = row(
        "acme", left_days=left_days, refreshed=NOW - timedelta(days=2, hours=12), clock=NOW
    )

    found = connection(listed, name="Xero", now=NOW)

    assert (found.passed, found.text) == (passed, text)
    assert passed or not found.grave
    assert found.facts["zebbra/idle_days_left"] == max(left_days, 0)
    assert found.facts["zebbra/token_age_days"] == 2.5


def test_each_materialization_comes_with_its_checks_and_a_dead_grant_with_its_link(
    instance, tmp_path
):
    today = date(2025, 2, 28)
    tags = {RANGE_START: "acme", RANGE_END: "initech"}
    checks = ("fresh", "complete", "proven", "connection")

    def run(definitions):
        return definitions.resolve_job_def("refresh_figures").execute_in_process(
            instance=instance, tags=tags, run_config=QUIET, raise_on_error=False
        )

    with running_stack(tmp_path / "stack", today=today, history_months=2) as stack:
        stack.connect("acme", xero="Acme Trading Inc")
        stack.connect("globex", xero="Globex")
        definitions = build_definitions(connections=Connections(as_of=today.isoformat()))
        first = run(definitions)
        assert first.success
        shown_first = {check: shown(instance, P_AND_L, check) for check in checks}
        globex = books_of("Globex", today).company.id
        stack.control().fault(
            "truncated", path="/api.xro/2.0/Reports/Profit", tenant_id=globex, times=None
        )
        refused = run(definitions)
        shown_refused = {check: shown(instance, P_AND_L, check) for check in checks}
        stack.control().clear_faults()
        stack.control().revoke_grants()
        stack.control().expire_access_tokens()
        dead = run(definitions)
        calls = len(stack.control().calls())
        daily = evaluated(definitions, instance)
        assert len(stack.control().calls()) == calls

    # Who has not connected has no checks.
    assert shown_first == {check: {"acme": True, "globex": True} for check in checks}
    assert not refused.success
    assert shown_refused["proven"] == {"acme": True, "globex": False}
    assert shown_refused["connection"] == {"acme": True, "globex": True}
    assert not dead.success
    logged = instance.all_logs(dead.run_id, of_type=dg.DagsterEventType.ASSET_CHECK_EVALUATION)
    said = {
        item.partition: item
        for item in (entry.dagster_event.asset_check_evaluation_data for entry in logged)
        if (item.asset_key, item.check_name) == (P_AND_L, "connection")
    }
    assert (said["acme"].passed, said["acme"].severity) == (False, ERROR)
    assert said["acme"].description.startswith("acme: a person must connect Xero again: ")
    link = said["acme"].metadata["zebbra/connect"]
    assert isinstance(link, dg.MarkdownMetadataValue)
    assert link.value.startswith(
        f"[acme: open the connect page]({stack.oauth_url}/connect?session="
    )
    # A refused pull stays refused until another one lands.
    assert ("proven", "globex") not in daily
    assert not daily["connection", "globex"].passed


def test_a_check_that_dagster_has_planned_is_answered_though_another_workspace_fails(
    instance, tmp_path
):
    today = date(2025, 2, 28)
    tags = {RANGE_START: "acme", RANGE_END: "globex"}
    names = ("fresh", "complete", "proven", "connection")
    with running_stack(tmp_path / "stack", today=today, history_months=2) as stack:
        stack.connect("acme", xero="Acme Trading Inc")
        stack.connect("globex", xero="Globex")
        definitions = build_definitions(
            connections=Connections(as_of=today.isoformat()), checks=Checks(every_result_up_to=0)
        )
        backfill = definitions.resolve_implicit_global_asset_job_def().get_subset(
            asset_selection={P_AND_L},  # with its checks, as the UI asks for it
            asset_check_selection={
                dg.AssetCheckKey(P_AND_L, name) for name in (*names, "workspaces_are_fresh")
            },
        )
        landed = definitions.resolve_job_def("refresh_figures").execute_in_process(
            instance=instance, tags=tags, run_config=QUIET
        )
        before = {check: shown(instance, P_AND_L, check) for check in ("fresh", "connection")}
        globex = books_of("Globex", today).company.id
        stack.control().vanish_tenant(globex)
        ended = backfill.execute_in_process(
            instance=instance, tags=tags, run_config=QUIET, raise_on_error=False
        )

    assert landed.success
    assert before == {"fresh": {}, "connection": {}}  # a run by the clock says only what is new
    assert not ended.success
    for check in names:
        assert shown(instance, P_AND_L, check) == {"acme": True, "globex": True}
    logged = instance.all_logs(ended.run_id, of_type=dg.DagsterEventType.ASSET_CHECK_EVALUATION)
    told = [entry.dagster_event.asset_check_evaluation_data for entry in logged]
    of_all = {item.check_name: item.passed for item in told if item.partition is None}
    assert of_all == {"workspaces_are_fresh": True}
