from datetime import date
from decimal import Decimal

import pytest
from support.warehouse import (
    FEB,
    JAN,
    MAR,
    account,
    at,
    cost,
    land,
    person,
    pull,
    stored,
    writing,
)

from integrations.contracts import PAYROLL_ENDPOINTS, Employee, Tenant

COMPANY = Tenant("company-1", "Company One")


def land_people(session, *people, tenant=COMPANY, workspace="acme"):
    return session.land_employees(
        workspace,
        "Gusto",
        tenant,
        people,
        from_date=date(2024, 7, 15),
        run_id="run-1",
        fetched_at=at(date(2026, 6, 15)),
        api_calls=3,
    )


def land_costs(session, *costs, tenant=COMPANY, day=date(2026, 6, 15)):
    return session.land_payroll_costs(
        "acme", "Gusto", tenant, costs, run_id="run-1", fetched_at=at(day), api_calls=3
    )


def test_people_land_with_each_of_their_spells(tmp_path):
    with writing(tmp_path) as session:
        landing = land_people(
            session, person("e1", "Ada", "1000", "2000.12345"), person("e2", "Bo")
        )

        spells = session.figures("acme").employees
        info = session.last_batch("acme", "Gusto", "employees")
    assert (landing.rows, landing.months, landing.changed) == (2, (), True)
    assert [(s.employee_id, s.name, s.title, s.monthly_salary) for s in spells] == [
        ("e1", "Ada", "Grade 0", Decimal(1000)),
        ("e1", "Ada", "Grade 1", Decimal("2000.1235")),
    ]
    assert [(s.start_date, s.end_date) for s in spells] == [
        (date(2020, 1, 1), date(2020, 12, 31)),
        (date(2021, 1, 1), None),
    ]
    assert {(s.integration, s.department, s.currency, s.batch_id) for s in spells} == {
        ("Gusto", None, "USD", landing.batch_id)
    }
    assert info is not None
    assert (info.api_type, info.covers, info.currency) == ("payroll", ("employees",), "USD")
    assert (info.from_month, info.to_month) == (date(2024, 7, 31), date(2026, 6, 30))


def test_employees_replace_all_earlier_ones_of_the_same_workspace_only(tmp_path):
    with writing(tmp_path) as session:
        land_people(session, person("e1", "Ada", "1000"), person("e2", "Bo", "2000"))
        land_people(session, person("e9", "Zed", "1"), workspace="other")
        landing = land_people(session, person("e2", "Bo", "2500"))
        same = land_people(session, person("e2", "Bo", "2500.00"))

        people = session.figures("acme").employees
        assert [s.employee_id for s in session.figures("other").employees] == ["e9"]
    assert (landing.rows, landing.replaced, landing.changed) == (1, 2, True)
    assert (same.changed, same.payload_sha256) == (False, landing.payload_sha256)
    assert [(s.employee_id, s.monthly_salary) for s in people] == [("e2", 2500)]


def test_an_empty_list_of_employees_lands(tmp_path):
    with writing(tmp_path) as session:
        land_people(session, person("e1", "Ada", "1000"))
        landing = land_people(session)

        assert session.figures("acme").employees == ()
    assert (landing.rows, landing.replaced, landing.changed) == (0, 1, True)


def test_costs_land_as_five_series_with_the_names_models_use(tmp_path):
    with writing(tmp_path) as session:
        landing = land_costs(session, cost(JAN, "100"), cost(FEB, "200.50"))

        series = {entry.endpoint: entry for entry in session.figures("acme").series}
    assert (landing.rows, landing.months, landing.changed) == (2, (JAN, FEB), True)
    assert list(series) == list(PAYROLL_ENDPOINTS)
    assert {name: entry.figures[FEB].value for name, entry in series.items()} == {
        "Gross Pay": Decimal("200.5"),
        "Employer Taxes": Decimal("10.5"),
        "Benefits": 5,
        "Reimbursements": Decimal("2.25"),
        "Total Payroll Cost": 216,
    }
    total = series["Total Payroll Cost"]
    assert (total.integration, total.statement, total.section, total.account_id) == (
        "Gusto",
        "payroll_costs",
        (),
        None,
    )
    assert (total.kind, total.currency, series["Gross Pay"].kind) == (
        "computed_total",
        "USD",
        "account",
    )
    assert total.figures[JAN].batch_id == landing.batch_id


def test_costs_replace_only_their_months(tmp_path):
    with writing(tmp_path) as session:
        land_costs(session, cost(JAN, "1"), cost(FEB, "2"))
        second = land_costs(session, cost(FEB, "20"), cost(MAR, "30"))
        same = land_costs(session, cost(MAR, "30"), cost(FEB, "20"))

        gross = session.figures("acme").series[0].figures
        assert session.landed_months("acme", "Gusto", "payroll_costs") == (JAN, FEB, MAR)
    assert {month: figure.value for month, figure in gross.items()} == {JAN: 1, FEB: 20, MAR: 30}
    assert (second.rows, second.replaced, second.changed) == (2, 1, True)
    assert (same.changed, same.payload_sha256) == (False, second.payload_sha256)


def test_the_running_month_of_payroll_is_provisional(tmp_path):
    with writing(tmp_path) as session:
        land_costs(session, cost(JAN, "1"), cost(FEB, "2"), day=date(2026, 2, 10))

        gross = session.figures("acme").series[0].figures
    assert [gross[month].provisional for month in (JAN, FEB)] == [False, True]


def test_payroll_endpoints_are_listed_with_those_of_accounting(tmp_path):
    with writing(tmp_path) as session:
        land(session, pull([JAN], account("a1", "Benefits", "1")))
        land_costs(session, cost(JAN, "1"), cost(FEB, "2"))

        endpoints = session.endpoints("acme")
    assert [(e.integration, e.endpoint, e.statement) for e in endpoints] == [
        *(("Gusto", name, "payroll_costs") for name in PAYROLL_ENDPOINTS),
        ("Xero", "Benefits", "profit_and_loss"),
    ]
    assert {(e.first_month, e.last_month, e.currency) for e in endpoints[:5]} == {(JAN, FEB, "USD")}
    rows = stored(
        tmp_path / "warehouse.duckdb",
        "SELECT workspace_id, integration, endpoint, statement, kind, first_month, last_month "
        "FROM data_endpoints WHERE endpoint = 'Total Payroll Cost'",
    )
    assert rows == [
        ("acme", "Gusto", "Total Payroll Cost", "payroll_costs", "computed_total", JAN, FEB)
    ]


def test_another_company_removes_people_and_costs_of_the_previous_one(tmp_path):
    with writing(tmp_path) as session:
        land(session, pull([JAN], account("a1", "Sales", "1")))
        land_people(session, person("e1", "Ada", "1000"))
        land_costs(session, cost(JAN, "1"))
        landing = land_people(session, person("x1", "Xi", "9"), tenant=Tenant("company-2", "Two"))

        figures = session.figures("acme")
    assert landing.reset is True
    assert [s.employee_id for s in figures.employees] == ["x1"]
    assert [(s.integration, s.endpoint) for s in figures.series] == [("Xero", "Sales")]
    assert figures.integrations == {"Gusto", "Xero"}


def test_people_paid_in_other_currencies_do_not_change_the_costs(tmp_path):
    with writing(tmp_path) as session:
        land_costs(session, cost(JAN, "1"))
        landing = land_people(session)

        assert len(session.figures("acme").series) == 5
    assert landing.reset is False


@pytest.mark.parametrize(
    ("costs", "message"),
    [
        ([], "one entry for each month"),
        ([cost(JAN, "1"), cost(JAN, "2")], "one entry for each month"),
        ([cost(date(2026, 1, 30), "1")], "month ends"),
        ([cost(JAN, "1"), cost(FEB, "1", currency="CAD")], "one currency"),
    ],
)
def test_costs_that_do_not_fit_are_refused(tmp_path, costs, message):
    with writing(tmp_path) as session, pytest.raises(ValueError, match=message):
        land_costs(session, *costs)


def test_a_salary_that_does_not_fit_is_refused_without_showing_it(tmp_path):
    with writing(tmp_path) as session, pytest.raises(ValueError, match="monthly_salary") as caught:
        land_people(session, person("e1", "Ada", "987654321098765"))

    assert "987654321098765" not in str(caught.value)


def test_an_employee_without_a_spell_has_no_row(tmp_path):
    with writing(tmp_path) as session:
        landing = land_people(session, Employee(employee_id="e1", name="Ada", spells=()))

    assert landing.rows == 0
