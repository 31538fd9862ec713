"""`zebbra`, as a person runs it, from processes of its own."""

import json
import os
import subprocess
import sys

import pytest


@pytest.fixture(scope="module")
def refreshed(stack):
    assert stack.refresh(acme="xero gusto", globex="xero").failures == {}
    return stack


def refused(run: subprocess.CompletedProcess[str]) -> str:
    """Return the one sentence of a command that failed."""
    assert run.returncode != 0, run.stdout
    assert "Traceback" not in run.stdout + run.stderr
    (sentence,) = run.stderr.strip().splitlines()
    return sentence


@pytest.mark.every_python
def test_every_command_has_help_with_an_example():
    commands = ("connect", "connections", "demo", "dev", "endpoints", "integrations", "merge")
    commands += ("doctor", "publish", "refresh", "sandbox", "serve", "workspaces")
    for command in commands:
        shown = subprocess.run(
            [sys.executable, "-m", "zebbra_pipeline", command, "--help"],
            env=os.environ | {"PYTHONDONTWRITEBYTECODE": ""},
            capture_output=True,
            text=True,
            check=True,
        )
        assert "Example:" in shown.stdout, command


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        (["refresh", "acme", "--no-such"], "No such option: --no-such"),
        (["connect"], "Missing argument 'workspace'"),
        (["no-such-command"], "No such command 'no-such-command'"),
    ],
)
def test_a_wrong_option_is_told_with_the_help_at_hand(stack, wrong, said):
    told = stack.zebbra(*wrong)

    assert told.returncode == 2
    assert said in told.stderr
    assert "--help" in told.stderr
    assert "Traceback" not in told.stderr


def test_a_malformed_workspace_id_is_refused_with_an_example(stack):
    assert refused(stack.zebbra("refresh", "a|b")) == (
        "zebbra: workspace id 'a|b': expected 1 to 64 letters, digits, '_' or '-', such as 'acme'"
    )


@pytest.mark.parametrize("command", ["refresh", "connections", "endpoints"])
def test_an_unknown_workspace_is_named_with_what_to_do(stack, command):
    sentence = refused(stack.zebbra(command, "nobody"))

    assert sentence == (
        "zebbra: workspace 'nobody' is not known; "
        "make a connect link for it first: zebbra connect nobody"
    )


def test_a_workspace_without_connections_is_told_to_connect(stack):
    assert stack.zebbra("connect", "empty").returncode == 0

    assert refused(stack.zebbra("refresh", "empty")) == (
        "zebbra: empty: nothing is connected yet; make a connect link with: zebbra connect empty"
    )


def test_a_wrong_service_key_is_named_by_its_setting(stack):
    sentence = refused(
        stack.zebbra("workspaces", ZEBBRA_SERVICE_KEY="wr0ng-key-of-some-other-service-of-ours")
    )

    assert "refuses our service key" in sentence
    assert "ZEBBRA_SERVICE_KEY" in sentence
    assert "wr0ng" not in sentence


def test_a_service_that_does_not_run_is_named_with_how_to_start_it(stack):
    sentence = refused(stack.zebbra("workspaces", ZEBBRA_OAUTH_URL="http://localhost:1"))

    assert "does not answer at http://localhost:1; start it with 'zebbra serve'" in sentence


def test_a_malformed_setting_is_named(stack):
    sentence = refused(stack.zebbra("refresh", "acme", ZEBBRA_HISTORY_MONTHS="many"))

    assert sentence == (
        "zebbra: ZEBBRA_HISTORY_MONTHS: expected a whole number from 1 to 120, found 'many'"
    )


def test_refresh_needs_workspaces_or_all(stack):
    assert "name the workspaces to refresh, or give --all" in refused(stack.zebbra("refresh"))


def test_a_missing_client_id_is_named_in_the_list_of_integrations(stack):
    shown = stack.zebbra("integrations", XERO_CLIENT_ID="")

    assert shown.returncode == 0
    (line,) = [line for line in shown.stdout.splitlines() if line.startswith("Xero")]
    assert "not configured; set XERO_CLIENT_ID and _CLIENT_SECRET" in line


def test_refreshing_all_shows_progress_and_counts(refreshed):
    shown = refreshed.zebbra("refresh", "--all", "--as-of", "2025-02-28")

    assert shown.returncode == 0, shown.stderr
    assert "2 of 2 workspaces refreshed in 2 Dagster runs" in shown.stdout
    assert "Xero globex" in shown.stdout
    assert "Globex GmbH (sandbox), 3 calls" in shown.stdout


def test_endpoints_are_listed_as_references(refreshed):
    rows = json.loads(refreshed.zebbra("endpoints", "acme", "--json").stdout)
    names = {f"{row['integration']}[{row['endpoint']}]" for row in rows}

    assert {"Xero[Total Income]", "Xero[Income / Sales]", "Xero[Café]"} <= names
    assert "Gusto[Total Payroll Cost]" in names
    (row,) = [row for row in rows if row["endpoint"] == "Total Income"]
    assert (row["first_month"], row["last_month"]) == ("2023-03-31", "2025-02-28")


def test_a_workspace_without_models_is_told_where_to_put_them(refreshed):
    sentence = refused(refreshed.zebbra("merge", "acme"))

    assert sentence.startswith("zebbra: acme: no model documents; put them at")


def test_a_corrupt_model_document_is_named_with_its_place(refreshed):
    folder = refreshed.settings.models / "globex"
    folder.mkdir(parents=True)
    (folder / "plan.json").write_text('{"meta": {"name": "x"')
    try:
        sentence = refused(refreshed.zebbra("merge", "globex"))
    finally:
        (folder / "plan.json").unlink()
        folder.rmdir()

    assert "plan.json" in sentence


def test_connect_prints_a_link_that_opens_the_connect_page(stack):
    from integrations.sandbox_kit.browser import Browser

    shown = stack.zebbra("connect", "acme", "--json")
    link = json.loads(shown.stdout)
    page = Browser().get(link["url"], follow=True)

    assert set(link) == {"url", "expires_at"}
    assert page.url == f"{stack.oauth_url}/connect"
    assert "Xero" in page.text


def test_workspaces_show_what_is_connected(stack):
    rows = json.loads(stack.zebbra("workspaces", "--json").stdout)
    by_id = {row["workspace_id"]: row["connections"] for row in rows}

    assert by_id["acme"] == {"Gusto": "connected", "Xero": "connected"}
    assert by_id["globex"] == {"Xero": "connected"}


def test_the_doctor_names_what_is_stale_and_what_to_do(refreshed):
    found = {item["what"]: item for item in json.loads(refreshed.zebbra("doctor", "--json").stdout)}

    assert found["Xero"]["state"] == "ok"
    assert found[f"OAuth service {refreshed.oauth_url}"]["found"] == "answers; 3 connections"
    assert found["globex Xero"]["do"] == "zebbra refresh globex"  # as of 2025, hence stale


def test_the_doctor_fails_where_something_is_broken(stack):
    dead = {"ZEBBRA_OAUTH_URL": "http://localhost:1", "XERO_CLIENT_ID": ""}
    shown = stack.zebbra("doctor", "--json", **dead)
    found = {item["what"]: item for item in json.loads(shown.stdout)}

    assert shown.returncode == 1
    assert found["Xero"]["do"] == "set XERO_CLIENT_ID and XERO_CLIENT_SECRET, if you want it"
    assert found["OAuth service http://localhost:1"]["state"] == "broken"
    assert "start it with 'zebbra serve'" in found["OAuth service http://localhost:1"]["do"]


def test_endpoints_are_asked_of_the_providers_where_nothing_has_landed(fresh):
    fresh.connect("acme", xero="Acme Trading Inc", gusto="Acme Trading Inc")

    rows = json.loads(fresh.zebbra("endpoints", "acme", "--json").stdout)

    names = {(row["integration"], row["endpoint"]) for row in rows}
    assert {("Xero", "Net Assets"), ("Gusto", "Total Payroll Cost")} <= names
    assert not fresh.settings.published.exists() or fresh.query("FROM data_points") == []
