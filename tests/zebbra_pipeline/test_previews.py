"""Charts and tables on Dagster's pages: what is drawn, what is counted, what stays untold."""

import re
from base64 import b64decode
from datetime import date
from decimal import Decimal
from xml.etree import ElementTree as ET

from integrations.contracts import Employee, JobSpell, PayrollCost, month_ends
from zebbra_pipeline.charts import bars
from zebbra_pipeline.previews import payroll_by_month, people_by_month, rows_by_status

MONTHS = month_ends(date(2024, 1, 1), date(2024, 4, 30))
SVG = "{http://www.w3.org/2000/svg}"


def drawn(text):
    """Return the image's description and its root element."""
    found = re.search(r"!\[(.*?)\]\(data:image/svg\+xml;base64,([A-Za-z0-9+/=]+)\)", text)
    return found.group(1), ET.fromstring(b64decode(found.group(2)))  # noqa: S314 -- ours


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
    rects = [dict(rect.attrib) for rect in svg.iter(f"{SVG}rect")]
    line = float(svg.find(f"{SVG}path").attrib["d"].split()[1].partition("H")[0])

    assert name == "Net  profit "
    assert [float(rect["height"]) for rect in rects] == [28.8, 14.4, 57.6]
    assert [rect["x"] for rect in rects] == ["0", "36", "54"]
    assert [float(rect["y"]) for rect in rects] == [28.8, line, 0]
    assert len({rect["fill"] for rect in rects}) == 2


def test_a_chart_stays_small_and_shows_the_latest():
    text = bars(list(range(500)), [str(n) for n in range(500)], name="n")
    _, svg = drawn(text)

    assert len(list(svg.iter(f"{SVG}rect"))) == 36
    assert [item.text for item in svg.iter(f"{SVG}text")] == ["464", "499"]
    assert len(text) < 4096
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
    assert drawn(told)[0] == "people at work by month"
    assert "4321" not in told
    assert "Person" not in told
    assert people_by_month([], date(2024, 4, 15), MONTHS) == ""


def test_the_cost_of_a_month_with_few_people_is_not_told():
    people = [person(number, date(2024, 1, 1)) for number in (1, 2)]
    people.append(person(3, date(2024, 2, 1)))
    costs = [cost(month, 1000 * number) for number, month in enumerate(MONTHS, start=1)]

    told = payroll_by_month(costs, people)

    assert cells(told)[0] == ["USD", "Jan 2024", "Feb 2024", "Mar 2024", "Apr 2024"]
    assert cells(told)[2] == ["Total payroll cost", "", "2,110.00", "3,110.00", "4,110.00"]
    assert len(list(drawn(told)[1].iter(f"{SVG}rect"))) == 3
    assert payroll_by_month(costs, people[:2]) == ""
    assert payroll_by_month(costs, []) == ""
    assert payroll_by_month([], people) == ""


def test_rows_of_models_are_counted_by_status():
    assert cells(rows_by_status(["actual", "not_connected", "actual"]))[2:] == [
        ["actual", "2"],
        ["not\\_connected", "1"],
    ]
    assert rows_by_status([]) == ""
