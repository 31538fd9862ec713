"""A provider that is down and is waited for is no silence: people read when it is looked at."""

import re
from datetime import UTC, datetime

import pytest
from support.fake_connection import JumpingTiming
from support.http_rig import UNJITTERED

from integrations.runtime.breaker import IN_A_ROW
from integrations.runtime.http import HttpSession
from zebbra_pipeline.cli import refresh as refreshing
from zebbra_pipeline.ingest import run as fetching
from zebbra_pipeline.orchestration.dagster_home import open_instance
from zebbra_pipeline.orchestration.resources import Connections

WORKSPACES = [f"ws-{number}" for number in range(IN_A_ROW + 2)]
MET_IT = IN_A_ROW + 1  # the last of them looked in vain
TRIES = 4
WAITING = [
    r"Xero: the provider is down since 20\S+ \d\d:\d\d:\d\d UTC, looking again in 10 s",
    r"Xero: the provider is down since 20\S+ \d\d:\d\d:\d\d UTC, looking again in 20 s",
    r"Xero: the provider is back, after 4[78] s",
]


@pytest.mark.slow
def test_zebbra_refresh_and_the_run_s_log_say_when_the_provider_is_looked_at(
    fresh, monkeypatch, capsys
):
    timing = JumpingTiming(datetime.now(UTC))
    monkeypatch.setattr(fetching, "CONCURRENT_WORKSPACES", 1)  # so that who meets it is known
    monkeypatch.setattr(
        Connections, "session", lambda _: HttpSession(timing=timing, retry=UNJITTERED)
    )
    for name in WORKSPACES:
        fresh.connect(name, xero="Globex")
    rows = refreshing.connected_integrations(fresh.settings, WORKSPACES)
    fresh.control().fault("status", path="/api.xro", status=503, times=MET_IT * TRIES)

    result = refreshing.refresh_connected(rows, fresh.settings, as_of=str(fresh.today))

    lines = capsys.readouterr().out.splitlines()
    told = [line for line in lines if line.startswith("  Xero: ")]
    with open_instance(fresh.settings.dagster_home) as instance:
        logged = [
            entry.user_message
            for run in result.runs
            for entry in instance.all_logs(run)
            if entry.user_message.startswith("Xero: the provider is ")
        ]
    assert sorted(result.failures) == WORKSPACES[:MET_IT]
    assert told == [f"  {line}" for line in logged]
    assert len(logged) == len(WAITING)
    assert all(map(re.fullmatch, WAITING, logged)), logged
