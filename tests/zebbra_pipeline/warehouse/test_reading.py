"""`ReadSession`: how far workspaces have landed, for many of them in one query."""

from datetime import UTC, date, datetime

import pytest
from support.warehouse import (
    APR,
    BALANCE,
    FEB,
    JAN,
    MAR,
    PNL,
    account,
    cost,
    land,
    person,
    pull,
    warehouse_in,
)

from integrations.contracts import Tenant
from zebbra_pipeline.warehouse import LandedInfo, ReadSession
from zebbra_pipeline.warehouse.database import Database

FETCHED = datetime(2026, 6, 15, 6, tzinfo=UTC)
COMPANY = Tenant("co-1", "Payroll Co")


@pytest.fixture
def warehouse(tmp_path):
    made = warehouse_in(tmp_path)
    sales = account("200", "Sales", "1", "2", "3")
    with made.write("test") as session:
        land(session, pull([JAN, FEB, MAR], sales))
        bank = account("090", "Bank", "5", section=("Bank",), statement=BALANCE)
        land(session, pull([APR], bank, statements=frozenset({BALANCE})))
        land(session, pull([JAN, FEB, MAR], sales), workspace="globex")
        land(session, pull([JAN], account("200", "Sales", "9"), tenant="org-2"), workspace="globex")
        land(session, pull([JAN, FEB, MAR], sales), workspace="not-asked-for")
        land(session, pull([APR], account("1", "Fees", "7"), integration="Other"), workspace="acme")
        facts = {"run_id": "run-1", "fetched_at": FETCHED, "api_calls": 1}
        session.land_payroll_costs("acme", "Gusto", COMPANY, [cost(FEB, "10")], **facts)
        session.land_employees(
            "hired", "Gusto", COMPANY, [person("1", "Ann", "10")], from_date=JAN, **facts
        )
    made.publish()
    return made


def landed_of(warehouse, integration, workspace_ids):
    with warehouse.read() as session:
        return session.landed(integration, workspace_ids)


def test_each_statement_has_its_own_last_month_and_the_tenant_of_its_figures(warehouse):
    assert landed_of(warehouse, "Xero", ["acme"]) == {
        "acme": LandedInfo("org-1", {"profit_and_loss": MAR, "balance_sheet": APR})
    }


def test_another_organisation_starts_from_the_beginning(warehouse):
    landed = landed_of(warehouse, "Xero", ["globex"])

    assert landed == {"globex": LandedInfo("org-2", {PNL.value: JAN})}


def test_only_requested_workspaces_that_have_landed_the_integration_are_returned(warehouse):
    asked = ["acme", "globex", "unknown", "hired"]

    assert landed_of(warehouse, "Xero", asked).keys() == {"acme", "globex"}
    assert landed_of(warehouse, "Xero", []) == {}


def test_employees_have_no_months_but_a_tenant(warehouse):
    assert landed_of(warehouse, "Gusto", ["acme", "hired"]) == {
        "acme": LandedInfo("co-1", {"payroll_costs": FEB}),
        "hired": LandedInfo("co-1", {}),
    }


def test_many_workspaces_cost_one_query(warehouse, monkeypatch):
    asked = []
    ask = Database.rows
    monkeypatch.setattr(
        Database, "rows", lambda self, sql, *rest: asked.append(sql) or ask(self, sql, *rest)
    )
    with warehouse.read() as session:
        before = len(asked)
        found = ReadSession.landed(session, "Xero", [f"w{number}" for number in range(2000)])

    assert found == {}
    assert len(asked) - before == 1


def test_kept_rows_are_returned_by_asset_with_the_newest_batch_that_covers_it(warehouse):
    with warehouse.read() as session:
        xero = session.kept("Xero", ["acme", "globex", "unknown"])
        gusto = session.kept("Gusto", ["acme", "hired"])
        newest = {
            (name, asset): session.last_batch(name, integration, asset).batch_id
            for name, integration, asset in (
                ("acme", "Xero", "profit_and_loss"),
                ("acme", "Xero", "balance_sheet"),
                ("globex", "Xero", "profit_and_loss"),
                ("acme", "Gusto", "payroll_costs"),
                ("hired", "Gusto", "employees"),
            )
        }

    def told(found):
        return {
            (name, asset): (info.batch_id, info.rows)
            for name, assets in found.items()
            for asset, info in assets.items()
        }

    rows = dict(zip(newest, (3, 1, 1, 1, 1), strict=True))
    expected = {place: (batch_id, rows[place]) for place, batch_id in newest.items()}
    found = told(xero) | told(gusto)
    assert {place: found[place] for place in expected} == expected
    assert {name for name, _ in found} == {"acme", "globex", "hired"}


def test_the_fingerprint_changes_with_figures_and_with_nothing_else(tmp_path):
    made = warehouse_in(tmp_path)
    facts = {"run_id": "r", "fetched_at": FETCHED, "api_calls": 1}
    figures = []

    def then(session):
        figures.append(session.figures_sha256(["acme", "nobody"]).get("acme"))

    with made.write("test") as session:
        then(session)
        for amount in ("1", "1", "1.0001", "1"):
            land(session, pull([JAN], account("200", "Sales", amount)))
            then(session)
        land(session, pull([JAN], account("200", "Turnover", "1")))
        then(session)
        for salary in ("1", "1", "2"):
            session.land_employees(
                "acme", "Gusto", COMPANY, [person("p1", "Ann", salary)], from_date=JAN, **facts
            )
            then(session)
        for amount in ("10", "10", "11"):
            session.land_payroll_costs("acme", "Gusto", COMPANY, [cost(JAN, amount)], **facts)
            then(session)
        land(session, pull([JAN], account("200", "Sales", "5")), workspace="globex")
        then(session)

    assert figures[0] is None
    assert figures[2] == figures[1] == figures[4]
    assert figures[7] == figures[6]
    assert figures[10] == figures[9]
    assert figures[12] == figures[11]
    assert len(set(figures)) == 8


def test_calls_since_a_moment_are_counted_by_tenant_and_each_fetch_once(tmp_path):
    made = warehouse_in(tmp_path)
    sales = account("200", "Sales", "1")
    with made.write("test") as session:
        land(session, pull([JAN], sales), day=date(2026, 6, 13))
        land(session, pull([JAN], sales), day=date(2026, 6, 15))
        land(session, pull([JAN], sales), day=date(2026, 6, 15), workspace="globex")
        land(session, pull([JAN], sales, tenant="org-2"), workspace="hooli")
        once = {"run_id": "r", "fetched_at": FETCHED, "api_calls": 7}
        session.land_employees(
            "acme", "Gusto", COMPANY, [person("p1", "Ann", "1")], from_date=JAN, **once
        )
        session.land_payroll_costs("acme", "Gusto", COMPANY, [cost(JAN, "10")], **once)
    made.publish()

    with made.read() as session:
        found = session.calls_since(datetime(2026, 6, 14, tzinfo=UTC))
        assert session.calls_since(datetime(2026, 6, 16, tzinfo=UTC)) == {}
    assert found == {("Xero", "org-1"): 4, ("Xero", "org-2"): 2, ("Gusto", "co-1"): 7}
