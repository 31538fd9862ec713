"""What a run over many workspaces says when something fails: once for each reason, and whose turn it is."""

import json
import logging
from datetime import UTC, date, datetime, timedelta

import dagster as dg
import pytest
from support.stack import books_of, running_stack

from oauth_service.ops.logs import JsonLines
from zebbra_pipeline.orchestration.dagster_home import open_instance

TODAY = date(2025, 2, 28)
WORKSPACES = tuple(f"ws-{number:02}" for number in range(14))


@pytest.fixture(scope="module")
def stack(tmp_path_factory):
    """Everything running, with fourteen workspaces connected."""
    with running_stack(tmp_path_factory.mktemp("batch"), today=TODAY, history_months=2) as running:
        for number, workspace in enumerate(WORKSPACES):
            running.connect(workspace, xero="Globex" if number % 2 else "Acme Trading Inc")
        yield running


@pytest.fixture(autouse=True)
def _without_faults(stack):
    yield
    stack.control().clear_faults()


def refresh(stack, *workspaces):
    return stack.refresh(**dict.fromkeys(workspaces or WORKSPACES, "xero"))


def failures_in_dagster(stack, result):
    with open_instance(stack.settings.dagster_home) as instance:
        return [
            record.event_log_entry.dagster_event.step_failure_data.user_failure_data
            for run_id in result.runs
            for record in instance.get_records_for_run(
                run_id, of_type=dg.DagsterEventType.STEP_FAILURE
            ).records
        ]


def test_a_refused_app_fails_the_run_once_and_names_the_setting(stack):
    control = stack.control()
    control.expire_access_tokens()
    control.fault("status", path="/connect/token", status=401, times=None)
    control.clear_calls()

    result = refresh(stack)

    (failure,) = failures_in_dagster(stack, result)
    reason = (
        "Xero: the provider refuses the operator's app (status 401); "
        "check XERO_CLIENT_ID and XERO_CLIENT_SECRET"
    )
    assert failure.description.startswith("14 of 14 workspaces failed (ws-00, ws-01, ")
    assert failure.description.endswith(f"): {reason}")
    told = failure.metadata["what happened"].value
    assert told.count(reason) == 1
    assert told.endswith("*the operator must change a setting*")
    assert result.failures == {name: [f"xero: {reason}"] for name in WORKSPACES}
    # Those that were still waiting have not asked the provider.
    assert len(control.calls("/connect/token")) <= 10


def test_a_refused_app_is_one_line_of_the_command(stack):
    control = stack.control()
    control.expire_access_tokens()
    control.fault("status", path="/connect/token", status=401, times=None)

    run = stack.zebbra("refresh", *WORKSPACES, "--as-of", str(TODAY))

    assert run.returncode == 1
    (line,) = run.stderr.strip().splitlines()
    assert line.startswith("failed: ws-00, ws-01, ")
    assert "check XERO_CLIENT_ID and XERO_CLIENT_SECRET" in line
    assert run.stdout.count("FAILED") == 1


def test_a_used_up_day_names_the_time_of_its_reset_and_spares_other_tenants(stack):
    globex = books_of("Globex", TODAY).company.id
    stack.control().fault("day_limit", path="/api.xro", tenant_id=globex, retry_after=7200)
    earliest = datetime.now(UTC) + timedelta(seconds=7190)

    result = refresh(stack, "ws-00", "ws-01")

    assert result.failures == {}
    assert [item.workspace_id for item in result.put_off] == ["ws-01"]
    (failure,) = failures_in_dagster(stack, result)
    reset = datetime.fromtimestamp(failure.metadata["zebbra/come_back_at"].value, UTC)
    assert earliest < reset < earliest + timedelta(seconds=60)
    assert f"come back at {reset:%Y-%m-%d %H:%M}" in failure.description
    assert failure.metadata["what happened"].value.endswith("*wait for the quota to reset*")


def test_failures_are_told_by_reason_each_with_what_to_do(stack):
    acme, globex = (books_of(name, TODAY).company.id for name in ("Acme Trading Inc", "Globex"))
    profit, balance = "/api.xro/2.0/Reports/ProfitAndLoss", "/api.xro/2.0/Reports/BalanceSheet"
    control = stack.control()
    control.fault("html", path=profit, tenant_id=acme, times=None)
    control.fault("status", path=balance, tenant_id=globex, status=400, times=None)

    result = refresh(stack, "ws-00", "ws-01")

    (failure,) = failures_in_dagster(stack, result)
    told = failure.metadata["what happened"].value.splitlines()
    assert sorted(result.failures) == ["ws-00", "ws-01"]
    assert failure.description.splitlines()[0] == (
        "2 of 2 workspaces failed (ws-00, ws-01), for 2 reasons:"
    )
    assert [line.split(":")[0] for line in told] == ["- **ws-00**", "- **ws-01**"]
    assert "ProfitAndLoss: expected JSON, found HTML" in told[0]
    assert "the provider refuses the request (400)" in told[1]
    advice = "*the integration needs a correction; no retry will help*"
    assert all(line.endswith(advice) for line in told)


def test_the_others_of_a_run_land_while_one_fails(stack):
    globex = books_of("Globex", TODAY).company.id
    stack.control().fault("truncated", path="/api.xro/2.0/Reports", tenant_id=globex, times=None)

    result = refresh(stack, "ws-00", "ws-01", "ws-02")

    assert list(result.failures) == ["ws-01"]
    with open_instance(stack.settings.dagster_home) as instance:
        landed = instance.get_materialized_partitions(dg.AssetKey(["xero", "balance_sheet"]))
    assert {"ws-00", "ws-02"} <= landed
    assert "broken or truncated JSON" in result.failures["ws-01"][0]


def test_a_service_that_stops_answering_is_one_reason(stack, monkeypatch):
    monkeypatch.setenv("ZEBBRA_OAUTH_URL", "http://localhost:1")

    result = refresh(stack, "ws-00", "ws-01")

    (failure,) = failures_in_dagster(stack, result)
    assert failure.description == (
        "2 of 2 workspaces failed (ws-00, ws-01): the OAuth service does not answer at "
        "http://localhost:1; start it with 'zebbra serve', or set ZEBBRA_OAUTH_URL to where it runs"
    )
    assert failure.metadata["what happened"].value.endswith("*run it again later*")


def test_the_oauth_service_logs_the_requests_of_a_run_under_its_id(stack, caplog):
    caplog.handler.setFormatter(JsonLines())
    caplog.set_level(logging.INFO, logger="oauth_service.requests")

    result = refresh(stack, "ws-00")

    lines = [json.loads(line) for line in caplog.text.splitlines() if "/token" in line]
    seen = {(line["request_id"], line["workspace"], line["integration"]) for line in lines}
    assert seen == {(result.runs[0], "ws-00", "xero")}
