"""A batch of fifty workspaces while the provider, or its token endpoint, is down."""

from datetime import UTC, date, datetime, timedelta

import pytest
from pydantic import SecretStr
from support.fake_connection import JumpingTiming
from support.scripted_server import Reply, scripted_server

from integrations.contracts import ConfigurationError
from integrations.runtime.http import HttpSession
from integrations.runtime.registry import load_registry
from integrations.runtime.settings import load_settings
from zebbra_pipeline.fetching import CONCURRENT_WORKSPACES, fetch_and_land
from zebbra_pipeline.oauth_api import OAuthService
from zebbra_pipeline.outcomes import Failed, by_reason
from zebbra_pipeline.pulling import Puller
from zebbra_pipeline.warehouse import Warehouse

BATCH = [f"ws-{number:02}" for number in range(50)]
ORGANISATION = "/api.xro/2.0/Organisation"
IN_A_ROW, TRIES = 5, 4


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


async def outcomes_of(server, tmp_path):
    """Return what came of the batch, and how often each path was asked for."""
    plugin = load_registry().get("xero")
    settings = load_settings({"ZEBBRA_HOME": str(tmp_path), "XERO_API_BASE_URL": server.url})
    warehouse = Warehouse(tmp_path / "w.duckdb", published=tmp_path / "p.duckdb")
    timing = JumpingTiming(datetime.now(UTC))
    async with HttpSession(timing=timing) as http:
        puller = Puller(
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
            ("profit_and_loss",),
            fetch=puller.pull,
            warehouse=warehouse,
            run_id="run",
        )
    assert all(isinstance(outcome, Failed) for outcome in outcomes)
    assert len(outcomes) == len(BATCH)
    paths = [request.path for request in server.received]
    return outcomes, paths.count(ORGANISATION), sum(path.endswith("/token") for path in paths)


async def test_a_dead_provider_is_asked_a_quarter_as_often_and_most_are_not_tried(server, tmp_path):
    answer_tokens(server, token())
    server.answer(ORGANISATION, Reply(503))

    outcomes, calls, tokens = await outcomes_of(server, tmp_path)

    (reason, spared), *_ = by_reason(outcomes).items()
    tried = len(BATCH) - len(spared)
    assert reason.startswith("Xero: the provider is down since 20")
    assert "; not tried, as 5 in a row gave up, the last with: Xero: GET api.xro/2.0/" in reason
    assert {item.what_to_do for item in outcomes} == {"run it again later"}
    assert tried <= CONCURRENT_WORKSPACES + IN_A_ROW
    assert IN_A_ROW * TRIES <= calls <= tried * TRIES  # all of them: 200
    assert tokens <= tried + CONCURRENT_WORKSPACES


async def test_where_no_token_can_be_refreshed_the_service_is_asked_for_few(server, tmp_path):
    answer_tokens(server, Reply(503, {"detail": "Xero: no answer"}, {"Retry-After": "30"}))

    outcomes, calls, tokens = await outcomes_of(server, tmp_path)

    (reason, spared), (met, tried) = by_reason(outcomes).items()
    assert met == "Xero: no answer"
    assert reason.endswith("; not tried, as 5 in a row gave up, the last with: Xero: no answer")
    assert IN_A_ROW <= len(tried) == tokens <= CONCURRENT_WORKSPACES + IN_A_ROW
    assert len(spared) + len(tried) == len(BATCH)
    assert calls == 0


async def test_a_malformed_setting_of_the_integration_fails_before_any_workspace(tmp_path):
    settings = load_settings({"ZEBBRA_HOME": str(tmp_path), "XERO_API_BASE_URL": "no url"})
    async with HttpSession() as http:
        with pytest.raises(ConfigurationError, match=r"^XERO_API_BASE_URL: expected a URL"):
            Puller(
                load_registry().get("xero"),
                ("profit_and_loss",),
                http=http,
                service=OAuthService(http, "http://localhost:1", SecretStr("key")),
                settings=settings,
                landed={},
                full=False,
                today=date(2025, 2, 28),
            )
