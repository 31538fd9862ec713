"""A batch of fifty workspaces while the provider, or its token endpoint, is down."""

from datetime import UTC, date, datetime, timedelta

import pytest
from pydantic import SecretStr
from support.fake_connection import JumpingTiming
from support.scripted_server import Reply, scripted_server

from integrations.contracts import ConfigurationError, ProviderUnavailableError
from integrations.runtime.http import HttpSession
from integrations.runtime.registry import load_registry
from integrations.runtime.settings import load_settings
from integrations.runtime.token_service import OAuthService
from zebbra_pipeline.ingest.fetch import WorkspaceFetcher
from zebbra_pipeline.ingest.quota import CONCURRENT_WORKSPACES
from zebbra_pipeline.ingest.run import fetch_and_land
from zebbra_pipeline.outcomes import Failed, by_reason
from zebbra_pipeline.warehouse import Warehouse

BATCH = [f"ws-{number:02}" for number in range(50)]
ORGANISATION = "/api.xro/2.0/Organisation"
IN_A_ROW, TRIES = 5, 4
LOOKS, LONGEST_WAIT_S = 4, 150
DOWN_FOR_S = 60
WELL = Reply(404, {})  # any answer but a server's fault


@pytest.fixture
def server():
    """The OAuth service and the provider, both of which a test scripts."""
    with scripted_server() as running:
        yield running


def answer_tokens(server, reply):
    for name in BATCH:
        server.answer(f"/api/workspaces/{name}/integrations/xero/token", reply)


def token():
    return Reply(
        200,
        {
            "access_token": "of-the-test",
            "token_type": "Bearer",
            "expires_at": (datetime.now(UTC) + timedelta(hours=1)).isoformat(),
            "tenant_id": "org-1",
            "tenant_name": "Office",
        },
    )


async def outcomes_of(server, tmp_path, timing=None):
    """Return what came of the batch, how often each path was asked for, and the long waits."""
    plugin = load_registry().get("xero")
    settings = load_settings({"ZEBBRA_HOME": str(tmp_path), "XERO_API_BASE_URL": server.url})
    warehouse = Warehouse(tmp_path / "w.duckdb", published=tmp_path / "p.duckdb")
    timing = timing or JumpingTiming(datetime.now(UTC))
    async with HttpSession(timing=timing) as http:
        fetcher = WorkspaceFetcher(
            plugin,
            ("profit_and_loss",),
            http=http,
            service=OAuthService(http, server.url, SecretStr("key")),
            settings=settings,
            landed={},
            full=False,
            today=date(2025, 2, 28),
        )
        outcomes = await fetch_and_land(
            plugin,
            BATCH,
            fetch=fetcher.fetch,
            kept={},
            warehouse=warehouse,
            run_id="run",
        )
    assert all(isinstance(outcome, Failed) for outcome in outcomes)
    assert len(outcomes) == len(BATCH)
    paths = [request.path for request in server.received]
    asked = sum(path.endswith("/token") for path in paths)
    return outcomes, paths.count(ORGANISATION), asked, [s for s in timing.slept if s > TRIES]


async def test_a_dead_provider_is_asked_a_quarter_as_often_and_most_are_not_tried(server, tmp_path):
    answer_tokens(server, token())
    server.answer(ORGANISATION, Reply(503))

    outcomes, calls, tokens, pauses = await outcomes_of(server, tmp_path)

    (reason, spared), *_ = by_reason(outcomes).items()
    tried = len(BATCH) - len(spared)
    assert reason.startswith("Xero: the provider is down since 20")
    assert "; not tried, as 5 in a row gave up, the last with: Xero: GET api.xro/2.0/" in reason
    assert {item.what_to_do for item in outcomes} == {"run it again later"}
    assert tried <= CONCURRENT_WORKSPACES + IN_A_ROW - 1 + LOOKS
    assert (IN_A_ROW + LOOKS) * TRIES <= calls <= 60  # all of them: 200
    assert tried <= tokens <= tried + CONCURRENT_WORKSPACES
    assert len(pauses) == LOOKS
    assert sum(pauses) <= LONGEST_WAIT_S


async def test_a_hiccup_fails_only_who_met_it(server, tmp_path):
    timing = JumpingTiming(datetime.now(UTC))  # ten who sleep at once move it ten times
    answer_tokens(server, token())
    server.decide(ORGANISATION, lambda _: Reply(503) if timing.passed_s < DOWN_FOR_S else WELL)

    outcomes, calls, _, pauses = await outcomes_of(server, tmp_path, timing)

    met = [item for item in outcomes if isinstance(item.error, ProviderUnavailableError)]
    assert not any("; not tried" in item.reason for item in met)
    assert IN_A_ROW <= len(met) <= CONCURRENT_WORKSPACES + IN_A_ROW - 1 + 2
    assert calls <= len(met) * TRIES + len(BATCH) - len(met) + TRIES
    assert 0 < sum(pauses) <= 10 + 20 + 40


async def test_where_no_token_can_be_refreshed_the_service_is_asked_for_few(server, tmp_path):
    answer_tokens(server, Reply(503, {"detail": "Xero: no answer"}, {"Retry-After": "30"}))

    outcomes, calls, tokens, _ = await outcomes_of(server, tmp_path)

    (reason, spared), (met, tried) = by_reason(outcomes).items()
    assert met == "Xero: no answer"
    assert reason.endswith("; not tried, as 5 in a row gave up, the last with: Xero: no answer")
    assert IN_A_ROW + LOOKS <= len(tried) == tokens <= CONCURRENT_WORKSPACES + IN_A_ROW - 1 + LOOKS
    assert len(spared) + len(tried) == len(BATCH)
    assert calls == 0


async def test_a_malformed_setting_of_the_integration_fails_before_any_workspace(tmp_path):
    settings = load_settings({"ZEBBRA_HOME": str(tmp_path), "XERO_API_BASE_URL": "no url"})
    async with HttpSession() as http:
        with pytest.raises(ConfigurationError, match=r"^XERO_API_BASE_URL: expected a URL"):
            WorkspaceFetcher(
                load_registry().get("xero"),
                ("profit_and_loss",),
                http=http,
                service=OAuthService(http, "http://localhost:1", SecretStr("key")),
                settings=settings,
                landed={},
                full=False,
                today=date(2025, 2, 28),
            )
