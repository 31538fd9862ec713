from datetime import date

import dagster as dg
import pytest
from support.warehouse import FEB, JAN, PNL, account, at, cost, land, person, pull, warehouse_in

from integrations.contracts import Statement, Tenant
from integrations.runtime.registry import load_registry
from zebbra_pipeline.orchestration.building import Checks, build_definitions
from zebbra_pipeline.orchestration.checks.freshness import (
    Freshness,
    build_freshness_check,
    freshness,
)
from zebbra_pipeline.orchestration.partitions import WORKSPACES
from zebbra_pipeline.orchestration.resources import Connections, Warehouse

TODAY = date(2026, 6, 15)
P_AND_L = dg.AssetKey(["xero", "profit_and_loss"])
BALANCE_SHEET = dg.AssetKey(["xero", "balance_sheet"])


@pytest.fixture
def landed(tmp_path):
    """Xero of three workspaces: today, three days ago, and (profit and loss alone) in May."""
    both = frozenset({PNL, Statement.BALANCE_SHEET})
    warehouse = warehouse_in(tmp_path)
    with warehouse.write("test") as session:
        for name, day, statements in (
            ("acme", TODAY, both),
            ("globex", date(2026, 6, 12), both),
            ("initech", date(2026, 5, 31), frozenset({PNL})),
        ):
            batch = pull([JAN, FEB], account("a", "Sales", "1", "2"), statements=statements)
            land(session, batch, day=day, workspace=name)
    warehouse.publish()
    return warehouse


def resources(warehouse, tmp_path):
    return {
        "connections": Connections(as_of=TODAY.isoformat()),
        "warehouse": Warehouse(
            target=str(tmp_path / "warehouse.duckdb"), published=str(warehouse.published)
        ),
    }


def evaluated(landed, tmp_path, checks):
    """Evaluate the checks of the installed integrations; nothing is fetched or merged."""
    with dg.instance_for_test() as instance:
        instance.add_dynamic_partitions(WORKSPACES.name, ["acme", "globex"])
        definitions = build_definitions(checks=checks, **resources(landed, tmp_path))
        result = definitions.resolve_job_def("check_figures").execute_in_process(instance=instance)
        repository = definitions.get_repository_def()
        schedule = repository.get_schedule_def("check_all_figures")
        with dg.build_schedule_context(instance=instance, repository_def=repository) as context:
            (request,) = schedule.evaluate_tick(context).run_requests
    assert result.success
    assert result.get_asset_materialization_events() == []
    assert (schedule.job_name, request.partition_key) == ("check_figures", None)
    return {
        item.asset_key: item
        for item in result.get_asset_check_evaluations()
        if item.partition is None
    }


def rows_of(evaluation):
    """Return the rows of the table of stale workspaces."""
    return [dict(record.data) for record in evaluation.metadata["zebbra/stale_workspaces"].records]


def test_a_stale_workspace_is_named_in_a_warning(landed, tmp_path, monkeypatch):
    monkeypatch.setenv("ZEBBRA_HOME", str(tmp_path / "home"))

    found = evaluated(landed, tmp_path, Checks(stale_after_days=3))[P_AND_L]

    assert not found.passed
    assert found.severity is dg.AssetCheckSeverity.WARN
    assert found.description == (
        "1 of 3 workspaces have landed nothing from Xero for more than 3 days: initech"
    )
    (row,) = rows_of(found)
    assert (row["workspace"], row["integration"], row["last success"], row["age in days"]) == (
        "initech",
        "Xero",
        "2026-05-31",
        15,
    )
    assert found.metadata["zebbra/workspaces"].value == 3
    assert found.metadata["zebbra/stale_after_days"].value == 3


def test_each_asset_is_judged_by_its_own_landings(landed, tmp_path, monkeypatch):
    monkeypatch.setenv("ZEBBRA_HOME", str(tmp_path / "home"))

    found = evaluated(landed, tmp_path, Checks(stale_after_days=2))

    assert [(row["workspace"], row["last success"]) for row in rows_of(found[P_AND_L])] == [
        ("initech", "2026-05-31"),
        ("globex", "2026-06-12"),
    ]
    assert found[P_AND_L].description.endswith("2 days: initech, globex")
    assert [row["workspace"] for row in rows_of(found[BALANCE_SHEET])] == ["globex"]
    for key in (["gusto", "employees"], ["quickbooks", "balance_sheet"]):
        assert found[dg.AssetKey(key)].passed
        assert found[dg.AssetKey(key)].metadata["zebbra/workspaces"].value == 0
    assert found[dg.AssetKey(["gusto", "employees"])].description == (
        "nothing has landed from Gusto yet"
    )


def test_a_workspace_is_stale_only_after_the_whole_time(landed):
    with landed.read() as session:
        ages = {
            days: freshness(session, "Xero", "balance_sheet", today=TODAY, days=days)
            for days in (2, 3)
        }

    assert ages[2] == Freshness(2, {"globex": date(2026, 6, 12)}, {"globex": 3})
    assert ages[3] == Freshness(2, {}, {})


def test_people_and_payroll_costs_are_told_apart(tmp_path):
    warehouse = warehouse_in(tmp_path)
    tenant = Tenant("company-1", "Company")
    with warehouse.write("test") as session:
        told = {"run_id": "run-1", "api_calls": 1}
        early, late = at(date(2026, 6, 1)), at(TODAY)
        session.land_employees(
            "acme",
            "Gusto",
            tenant,
            [person("1", "Ada", "5000")],
            from_date=JAN,
            fetched_at=late,
            **told,
        )
        session.land_payroll_costs(
            "acme", "Gusto", tenant, [cost(FEB, "100")], fetched_at=early, **told
        )
    warehouse.publish()

    with warehouse.read() as session:
        people, costs = (
            freshness(session, "Gusto", asset, today=TODAY, days=3)
            for asset in ("employees", "payroll_costs")
        )

    assert people == Freshness(1, {}, {})
    assert costs == Freshness(1, {"acme": date(2026, 6, 1)}, {"acme": 14})


def test_many_stale_workspaces_are_counted_and_the_oldest_shown(tmp_path):
    warehouse = warehouse_in(tmp_path)
    with warehouse.write("test") as session:
        for number in range(22):
            batch = pull([JAN, FEB], account("a", "Sales", "1", "2"))
            land(session, batch, day=date(2026, 5, 30 - number), workspace=f"w{number:02}")
    warehouse.publish()
    check = build_freshness_check(load_registry().get("xero"), Checks())

    result = dg.materialize(
        [check],
        resources=resources(warehouse, tmp_path),
        selection=dg.AssetSelection.checks(*check.check_keys),
    )

    (found,) = [
        item
        for item in result.get_asset_check_evaluations()
        if item.asset_key == P_AND_L and item.partition is None
    ]
    assert found.description.startswith("22 of 22 workspaces have landed nothing from Xero")
    assert ": w21, w20, w19, " in found.description
    assert found.description.endswith(", w02 and 2 more")
    assert len(rows_of(found)) == 22


def test_a_warehouse_that_cannot_be_read_fails_the_check_with_its_reason(tmp_path):
    (tmp_path / "published.duckdb").write_bytes(b"not a database" * 100)
    check = build_freshness_check(load_registry().get("gusto"), Checks())

    with pytest.raises(dg.Failure, match=r"published\.duckdb"):
        dg.materialize(
            [check],
            resources=resources(warehouse_in(tmp_path), tmp_path),
            selection=dg.AssetSelection.checks(*check.check_keys),
        )
