"""`zebbra plan` against the calls that the sandboxes really get."""

import json
from datetime import date

import pytest
from support.stack import running_stack

from integrations.contracts import months_back
from integrations.runtime.registry import load_registry

TODAY = date(2025, 2, 28)
CALLS = {"xero": "/api.xro/", "quickbooks": "/v3/company/", "gusto": "/v1/"}


@pytest.fixture(scope="module")
def stack(tmp_path_factory):
    with running_stack(tmp_path_factory.mktemp("plan"), today=TODAY) as running:
        running.connect("acme", xero="Acme Trading Inc", gusto="Acme Trading Inc")
        running.connect("globex", quickbooks="Globex")
        yield running


def extra(call):
    """Return whether the data of the company led to this call; the plan is the fewest."""
    return call["path"].endswith(("/pay_schedules", "/employment_history"))


def calls_of(stack, slug):
    return sum(not extra(call) for call in stack.control(slug).calls(CALLS[slug]))


def plan(stack, *arguments):
    shown = stack.zebbra("plan", *arguments, "--as-of", str(TODAY), "--json")
    assert shown.returncode == 0, shown.stderr
    return json.loads(shown.stdout)


def calls_by_provider(answer):
    return {item["integration"].lower(): item["calls"] for item in answer["providers"]}


def test_plan_equals_the_calls_that_the_providers_get(stack):
    """First the first pull of 24 months, then a routine refresh."""
    planned, made, by_the_way = [], [], []
    for _ in range(2):
        planned.append(calls_by_provider(plan(stack, "--all")))
        for slug in CALLS:
            stack.control(slug).clear_calls()
        assert stack.refresh(acme="xero gusto", globex="quickbooks").failures == {}
        made.append({slug: calls_of(stack, slug) for slug in CALLS})
        by_the_way.append([call for call in stack.control("gusto").calls("/v1") if extra(call)])

    assert planned == made
    assert planned == [
        {"xero": 6, "quickbooks": 5, "gusto": 6},  # a short last month costs Xero a third call
        {"xero": 3, "quickbooks": 3, "gusto": 4},
    ]
    # Somebody was hired again, somebody is paid by paycheck.
    assert [len(calls) for calls in by_the_way] == [2, 2]
    assert plan(stack, "acme", "--full")["calls"] == 6 + 6


@pytest.mark.parametrize("slug", CALLS)
@pytest.mark.parametrize("today", [date(2025, 1, 31), date(2025, 2, 1), date(2024, 2, 29)])
@pytest.mark.parametrize("months", [1, 11, 12, 13, 36])
def test_every_plugin_can_tell_its_calls(slug, today, months):
    adapter = load_registry().get(slug).adapter
    calls = adapter.planned_calls(months_back(today, months), today)

    assert 2 <= calls <= 2 * (months // 12 + 1) + 2


def test_the_table_shows_calls_against_limits_and_the_time(stack):
    shown = stack.zebbra("plan", "acme", "--full", "--as-of", str(TODAY))

    assert shown.returncode == 0, shown.stderr
    lines = [line.split("  ") for line in shown.stdout.splitlines()]
    cells = [[cell.strip() for cell in line if cell.strip()] for line in lines]
    assert ["Xero", "1", "6", "6 seconds"] in cells
    assert [
        "Xero: 60 calls a minute, 5000 calls a day for an organisation; 10000 a minute in all"
    ] in cells
    assert ["Gusto: 200 calls a minute for a user"] in cells
    organisation = "Acme Trading Inc (sandbox)"
    assert ["organisation", "workspaces", "calls", "of a minute"] in cells
    assert [organisation, "acme", "6", "10.0%", "0.1%"] in cells
    assert [organisation, "acme", "6", "3.0%"] in cells
    assert shown.stdout.splitlines()[-1] == (
        "At least 12 calls and 12 seconds, at 1 s a call and 10 workspaces at once"
    )


def test_eighty_columns_are_enough(stack):
    shown = stack.zebbra("plan", "--all", "--full", "--as-of", str(TODAY))

    lines = shown.stdout.splitlines()
    limits = [line for line in lines if " calls a minute" in line]
    assert max(len(line.rstrip()) for line in lines if line not in limits) <= 80
    assert sum("Acme Trading Inc (sandbox)" in line for line in lines) == 2  # in one piece


def test_who_is_fetched_on_which_day_is_told(stack):
    stack.connect("acme-too", xero="Acme Trading Inc")
    shown = stack.zebbra(
        "plan", "acme", "acme-too", "--full", "--as-of", str(TODAY), XERO_CALLS_PER_DAY="11"
    )

    assert (
        "cannot be done in a day: Xero: Acme Trading Inc (sandbox) needs 12 calls, "
        "and 11 are allowed in a day: 2 days\n"
    ) in shown.stderr
    assert shown.stdout.splitlines()[-3:] == [
        "Xero Acme Trading Inc (sandbox), by day:",
        "  today          acme",
        "  after 1 reset  acme-too",
    ]


def test_a_backfill_that_cannot_fit_a_day_is_told_before_it_starts(stack):
    shown = stack.zebbra("plan", "--all", "--full", "--seconds-per-call", "40000")

    assert shown.returncode == 0
    assert "cannot be done in a day: all of it takes" in shown.stderr


def test_workspaces_are_needed_and_must_be_known(stack):
    nothing, unknown = stack.zebbra("plan"), stack.zebbra("plan", "nobody")

    assert (nothing.returncode, unknown.returncode) == (1, 1)
    assert nothing.stderr == "zebbra: name the workspaces to plan for, or give --all\n"
    assert "workspace 'nobody' is not known" in unknown.stderr
