"""A generated plugin with every place filled in: it keeps all promises and lands exact figures."""

import json
from datetime import date
from decimal import Decimal

import pytest
from support.generating_whole_path import MONTHS, TODAY

from integrations.contracts import month_ends, month_start, months_back

FIRST = months_back(TODAY, MONTHS)
ALL_MONTHS = [str(month) for month in month_ends(FIRST, TODAY)]
PARTS = ("gross_pay", "employer_taxes", "benefits", "reimbursements")


@pytest.fixture(scope="module")
def landed(filled, tmp_path_factory):
    """What came of connecting, fetching and landing all four in one workspace."""
    project, plugins = filled
    slugs = [plugin.naming.slug for plugin in plugins]
    home = tmp_path_factory.mktemp("whole_path")
    done = project.run("-m", "support.generating_whole_path", str(home), *slugs)

    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.mark.usefixtures("filled_runs")  # they run while the other tests do
def test_no_workspace_fails(landed):
    assert landed["failures"] == {}


@pytest.mark.parametrize("slug", ["acornbooks", "ledgerly"])
def test_every_account_and_month_in_duckdb_equals_the_books(landed, slug):
    found, truth = landed["found"][slug], landed["found"][slug]["truth"]
    figures = {(account, month): Decimal(value) for account, month, value, _ in found["figures"]}
    expected = {
        (account, month): Decimal(amount)
        for month, amounts in truth["months"].items()
        for account, amount in amounts.items()
    }
    earnings = {
        ("current-earnings", month): Decimal(amount)
        for month, amount in truth["current_year_earnings"].items()
    }

    assert {month for _, month in figures} == set(ALL_MONTHS)
    assert {key: figures.get(key, Decimal(0)) for key in expected | earnings} == expected | earnings
    assert set(figures) <= set(expected | earnings)
    assert {currency for *_, currency in found["figures"]} == {truth["currency"]} == {"USD"}
    assert len(figures) > MONTHS * 25


@pytest.mark.parametrize("slug", ["zestpay2", "wageworks"])
def test_payroll_costs_in_duckdb_equal_the_sandboxs_own(landed, slug):
    found, truth = landed["found"][slug], landed["found"][slug]["truth"]
    figures = {
        month: dict(zip(PARTS, map(Decimal, parts), strict=True))
        for month, *parts, _currency in found["figures"]
    }

    assert list(figures) == ALL_MONTHS
    assert figures == {
        month: {name: Decimal(cost[name]) for name in PARTS}
        for month, cost in truth["months"].items()
    }
    assert sum(month["gross_pay"] for month in figures.values()) > 0
    assert found["calls"] == 3  # a page of people, two ranges of twelve months


@pytest.mark.parametrize("slug", ["zestpay2", "wageworks"])
def test_people_in_duckdb_are_those_who_had_not_left(landed, slug):
    found, truth = landed["found"][slug], landed["found"][slug]["truth"]
    first_day = month_start(FIRST)
    expected = [
        [person["id"], spell["title"], spell["start"], spell["end"], spell["monthly_salary"]]
        for person in truth["people"]
        for spell in person["spells"]
        if any(not each["end"] or date.fromisoformat(each["end"]) >= first_day for each in person["spells"])
    ]  # fmt: skip

    spells = [[*spell[:4], Decimal(spell[4])] for spell in found["spells"]]
    assert sorted(spells) == sorted([*spell[:4], Decimal(spell[4])] for spell in expected)
    assert len(spells) > 3


def test_the_filled_in_code_is_clean(filled):
    project, plugins = filled
    for plugin in plugins:
        done = project.run("-m", "ruff", "check", str(plugin.package))
        assert done.returncode == 0, done.stdout
    types = project.type_check(plugins)

    assert types.returncode == 0, types.stdout


@pytest.mark.parametrize("index", [0, 1])
def test_the_conformance_test_passes(filled_runs, index):
    cases = filled_runs[index].cases

    assert {name: text for name, text in cases.items() if text} == {}
    assert len(cases) > 30
