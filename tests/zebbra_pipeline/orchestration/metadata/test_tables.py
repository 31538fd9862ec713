"""Charts and tables on Dagster's pages: what is drawn, what is counted, what stays untold."""

import re
from datetime import date
from decimal import Decimal
from urllib.parse import unquote
from xml.etree import ElementTree as ET

from integrations.contracts import Employee, JobSpell, PayrollCost, month_ends
from zebbra_pipeline.orchestration.metadata.tables import (
    bars,
    chart_of_payroll,
    chart_of_people,
    payroll_by_month,
    people_by_month,
    rows_by_status,
)

MONTHS = month_ends(date(2024, 1, 1), date(2024, 4, 30))
SVG = "{http://www.w3.org/2000/svg}"


def drawn(text):
    """Return the image's description and its root element."""
    found = re.search(r"!\[(.*?)\]\(data:image/svg\+xml,([^()<> ]+)\)", text)
    return found.group(1), ET.fromstring(unquote(found.group(2)))  # noqa: S314 -- ours


def bars_of(svg):
    """Return the bars by colour, each as its left edge, its foot and its height upwards."""
    paths = [item.attrib for item in svg.iter(f"{SVG}path") if item.attrib["stroke-width"] == "10"]
    return {
        path["stroke"]: [
            (int(x) - 5, int(y), -int(tall))
            for x, y, tall in re.findall(r"M(\d+),(\d+)v(-?\d+)", path["d"])
        ]
        for path in paths
    }


def person(number, start, end=None, department="Sales"):
    spell = JobSpell(
        title="Clerk",
        department=department,
        start_date=start,
        end_date=end,
        monthly_salary=Decimal(4321),
        currency="USD",
    )
    return Employee(employee_id=str(number), name=f"Person {number}", spells=(spell,))


def cost(month, gross):
    return PayrollCost(
        month=month,
        gross_pay=Decimal(gross),
        employer_taxes=Decimal(100),
        benefits=Decimal(10),
        reimbursements=Decimal(7),
        currency="USD",
    )


def cells(text):
    lines = [line for line in text.splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]


def test_bars_are_as_high_as_their_values_and_losses_hang_below_the_line():
    name, svg = drawn(bars([10, None, -5, 20], list("abcd"), name="Net [profit]"))
    gains, losses = bars_of(svg).values()

    assert name == r"Net \[profit\]"
    assert gains == [(0, 48, 24), (42, 48, 48)]
    assert losses == [(28, 48, -12)]
    assert [item.attrib["d"] for item in svg.iter(f"{SVG}path")][-1] == "M0,48h160"


def test_a_chart_stays_small_and_shows_the_latest():
    values = [(-1) ** n * n * 1000 for n in range(500)]
    text = bars(values, [str(n) for n in range(500)], name="n")
    _, svg = drawn(text)

    assert sum(map(len, bars_of(svg).values())) == 36
    assert [item.text for item in svg.iter(f"{SVG}text")] == ["464", "499"]
    assert len(text) < 900
    assert bars([None, None], ["a", "b"], name="n") == ""


def test_people_are_counted_by_department_at_each_months_end():
    people = [
        person(1, date(2023, 1, 1)),
        person(2, date(2024, 2, 29)),
        person(3, date(2024, 1, 1), date(2024, 3, 30), "R|D"),
        person(4, date(2024, 4, 20), department=None),
    ]

    told = people_by_month(people, date(2024, 4, 15), MONTHS)

    assert cells(told.replace("\\|", "/"))[2:] == [
        ["R/D", "1", "1", "0", "0"],
        ["Sales", "1", "2", "2", "2"],
        ["**Everybody**", "2", "3", "2", "2"],
    ]
    assert drawn(chart_of_people(people, date(2024, 4, 15), MONTHS))[0] == "people at work by month"
    assert "4321" not in told
    assert "Person" not in told
    assert people_by_month([], date(2024, 4, 15), MONTHS) == ""
    assert chart_of_people([], date(2024, 4, 15), MONTHS) == ""


def test_of_many_departments_the_table_stays_as_long_as_dagster_shows_at_once():
    people = [person(n, date(2024, 1, 1), department=f"Department {n:03}") for n in range(99)]

    told = people_by_month(people, date(2024, 4, 15), MONTHS)

    assert cells(told)[-1] == ["**Everybody**", "99", "99", "99", "99"]
    assert 900 < len(told) < 1000


def test_the_cost_of_a_month_with_few_people_is_not_told():
    people = [person(number, date(2024, 1, 1)) for number in (1, 2)]
    people.append(person(3, date(2024, 2, 1)))
    costs = [cost(month, 1000 * number) for number, month in enumerate(MONTHS, start=1)]

    told = payroll_by_month(costs, people)

    assert cells(told)[0] == ["USD", "Jan 2024", "Feb 2024", "Mar 2024", "Apr 2024"]
    assert cells(told)[2] == ["Total payroll cost", "", "2,110.00", "3,110.00", "4,110.00"]
    (drawn_costs,) = bars_of(drawn(chart_of_payroll(costs, people))[1]).values()
    assert len(drawn_costs) == 3
    assert chart_of_payroll(costs, people[:2]) == ""
    assert payroll_by_month(costs, people[:2]) == ""
    assert payroll_by_month(costs, []) == ""
    assert payroll_by_month([], people) == ""


def test_rows_of_models_are_counted_by_status():
    assert cells(rows_by_status(["actual", "not_connected", "actual"]))[2:] == [
        ["actual", "2"],
        ["not\\_connected", "1"],
    ]
    assert rows_by_status([]) == ""
