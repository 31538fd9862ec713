"""What goes wrong at a provider in the middle of the main job, and what must not come of it."""

import os
import signal
import subprocess
import sys
import textwrap
from decimal import Decimal

import pytest
from support.stack import books_of

FIGURES = "SELECT * EXCLUDE (batch_id) FROM data_points WHERE workspace_id = ? ORDER BY ALL"


@pytest.fixture
def connected(fresh):
    fresh.connect("acme", xero="Acme Trading Inc")
    fresh.connect("globex", xero="Globex")
    return fresh


def test_an_access_token_that_dies_in_the_middle_of_a_fetch_is_renewed_unnoticed(connected):
    control = connected.control()
    control.clear_calls()
    control.fault("status", path="/api.xro/2.0/Reports/BalanceSheet", status=401)

    result = connected.refresh(acme="xero")

    assert result.failures == {}
    assert [call["status"] for call in control.calls("/connect/token")] == [200]
    statuses = [call["status"] for call in connected.control().calls("/api.xro/2.0/Reports")]
    assert statuses.count(401) == 1
    assert statuses.count(200) == 5


def test_throttling_and_a_bad_gateway_are_waited_out(connected):
    control = connected.control()
    control.fault("minute_limit", path="/api.xro/2.0/Reports", retry_after=2)
    control.fault("status", path="/api.xro/2.0/Organisation", status=502)

    result = connected.refresh(acme="xero", globex="xero")

    assert result.failures == {}
    statuses = [call["status"] for call in control.calls("/api.xro/2.0")]
    assert (statuses.count(429), statuses.count(502), statuses.count(200)) == (1, 1, 12)


def test_a_revoked_grant_fails_its_workspace_alone_and_keeps_its_figures(connected):
    assert connected.refresh(acme="xero", globex="xero").failures == {}
    acme, globex = (connected.query(FIGURES, name) for name in ("acme", "globex"))
    books = books_of("Acme Trading Inc", connected.today)
    connected.control().revoke_grants(books.company.id)
    connected.control().post(
        "restate",
        tenant_id=books_of("Globex", connected.today).company.id,
        account="Advertising",
        day="2025-01-15",
        amount="12.34",
    )

    result = connected.refresh(acme="xero", globex="xero")

    assert list(result.failures) == ["acme"]
    (reason,) = result.failures["acme"]
    assert reason.startswith("xero: ")
    assert "reconnect" in reason
    assert result.links["acme"].startswith(f"{connected.oauth_url}/connect?session=")
    shown = connected.zebbra("refresh", "acme", "--as-of", str(connected.today))
    assert shown.returncode == 1
    assert f"reconnect acme here: {connected.oauth_url}/connect?session=" in shown.stderr
    assert connected.query(FIGURES, "acme") == acme
    assert connected.query(FIGURES, "globex") != globex
    (state,) = [
        row
        for row in connected.zebbra("connections", "acme").stdout.splitlines()
        if row.startswith("acme ")
    ]
    assert "requires_reconnect" in state


def test_the_failure_in_dagster_carries_the_link_to_reconnect(connected):
    import dagster as dg

    from zebbra_pipeline.orchestration.dagster_home import open_instance

    connected.control().revoke_grants(books_of("Acme Trading Inc", connected.today).company.id)
    result = connected.refresh(acme="xero")

    with open_instance(connected.settings.dagster_home) as instance:
        (failure,) = [
            record.event_log_entry.dagster_event
            for run_id in result.runs
            for record in instance.get_records_for_run(
                run_id, of_type=dg.DagsterEventType.STEP_FAILURE
            ).records
        ]
    text = failure.step_failure_data.user_failure_data.metadata["what happened"].value
    assert f"]({connected.oauth_url}/connect?session=" in text


def test_a_restated_month_is_recorded_with_its_old_and_new_value(connected):
    assert connected.refresh(globex="xero").failures == {}
    books = books_of("Globex", connected.today)
    account = books.account("Advertising")
    connected.control().post(
        "restate",
        tenant_id=books.company.id,
        account="Advertising",
        day="2025-01-15",
        amount="12.34",
    )

    assert connected.refresh(globex="xero").failures == {}

    ((old, new),) = connected.query(
        "SELECT old_value, new_value FROM restatements WHERE account_id = ?", account.id
    )
    assert new - old == Decimal("12.34")


def test_killing_the_process_during_landing_leaves_the_previous_figures_whole(connected):
    assert connected.refresh(acme="xero").failures == {}
    before = connected.query(FIGURES, "acme")
    connected.control().post(
        "restate",
        tenant_id=books_of("Acme Trading Inc", connected.today).company.id,
        account="Advertising",
        day="2025-01-15",
        amount="99.99",
    )
    killer = textwrap.dedent(
        f"""
        import os, signal
        from integrations.runtime.settings import load_settings
        from zebbra_pipeline.orchestration.refresh import refresh
        from zebbra_pipeline.warehouse.database import Database

        real = Database.execute

        def execute(self, sql, *rest):
            real(self, sql, *rest)
            if sql.split()[:3] == ["DELETE", "FROM", "data_points"]:
                os.kill(os.getpid(), signal.SIGKILL)

        Database.execute = execute
        refresh({{"acme": frozenset({{"xero"}})}}, load_settings(), as_of="{connected.today}", tell=print)
        """
    )
    died = subprocess.run(
        [sys.executable, "-c", killer], env=dict(os.environ), check=False, capture_output=True
    )

    assert died.returncode == -signal.SIGKILL, died.stderr.decode()[-2000:]
    assert connected.zebbra("publish").returncode == 0
    assert connected.query(FIGURES, "acme") == before
    assert connected.refresh(acme="xero").failures == {}
    assert connected.query(FIGURES, "acme") != before
