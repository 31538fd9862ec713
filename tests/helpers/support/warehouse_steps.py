"""Writes that the crash tests interrupt; each is made on a folder with `prepared` figures."""

from datetime import date
from pathlib import Path

from support.warehouse import FEB, JAN, MAR, account, at, cost, land, person, pull, warehouse_in

from integrations.contracts import Tenant
from zebbra_pipeline.figures import MergedModel, MergedRow, ModelValue

COMPANY = Tenant("company-1", "Company One")
WHEN = at(date(2026, 6, 15))


def prepare(folder: Path) -> None:
    with warehouse_in(folder).write("prepare") as session:
        land(session, pull([JAN, FEB], account("a1", "Sales", "1", "2")))
        session.land_employees(
            "acme",
            "Gusto",
            COMPANY,
            [person("e1", "Ada", "10")],
            from_date=JAN,
            run_id="r",
            fetched_at=WHEN,
            api_calls=1,
        )
        session.land_payroll_costs(
            "acme", "Gusto", COMPANY, [cost(JAN, "1")], run_id="r", fetched_at=WHEN, api_calls=1
        )
        session.save_model("acme", _model("a1"), WHEN)
    warehouse_in(folder).publish()


def statements(folder: Path) -> None:
    batch = pull([FEB, MAR], account("a1", "Fees", "20", "30"), account("a2", "Rent", "1", "1"))
    with warehouse_in(folder).write("step") as session:
        land(session, batch)


def other_tenant(folder: Path) -> None:
    batch = pull([FEB, MAR], account("x1", "Fees", "20", "30"), tenant="org-2")
    with warehouse_in(folder).write("step") as session:
        land(session, batch)


def payroll_costs(folder: Path) -> None:
    with warehouse_in(folder).write("step") as session:
        session.land_payroll_costs(
            "acme",
            "Gusto",
            COMPANY,
            [cost(JAN, "7"), cost(FEB, "8")],
            run_id="r",
            fetched_at=WHEN,
            api_calls=1,
        )


def employees(folder: Path) -> None:
    with warehouse_in(folder).write("step") as session:
        session.land_employees(
            "acme",
            "Gusto",
            COMPANY,
            [person("e1", "Ada", "10", "20"), person("e2", "Bo", "5")],
            from_date=JAN,
            run_id="r",
            fetched_at=WHEN,
            api_calls=1,
        )


def model(folder: Path) -> None:
    with warehouse_in(folder).write("step") as session:
        session.save_model("acme", _model("a9"), WHEN)


def publish(folder: Path) -> None:
    warehouse_in(folder).publish()


def _model(account_id: str) -> MergedModel:
    row = MergedRow(
        "S",
        "Revenue",
        "r1",
        "Row",
        "Xero",
        "Sales",
        account_id,
        "GBP",
        "actual",
        "",
        (ModelValue(JAN, None, "missing_month", None),),
    )
    return MergedModel("plan", "Plan", {}, (row,))
