"""Replicas share one store: one refresh, whoever asks, however slow the provider."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict

import pytest
from support.oauth_processes import Replica, Replicas, Serving, ask_from_processes, replicas
from support.oauth_rig import Rig, running_rig, wait_until
from support.postgres import Postgres

from oauth_service.grants.lease import RefreshPolicy

PROCESSES, CALLERS = 8, 50
# The provider is slower than a lease lives that nobody renews.
LEASE_S = 3.0
SLOW_S = 5.0
VERY_SLOW_S = 20.0


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def running(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Rig]:
    """A service on each kind of database; its replicas share it."""
    overrides = {}
    if request.param == "postgresql":
        server: Postgres = request.getfixturevalue("postgres")
        overrides["ZEBBRA_OAUTH_DATABASE"] = server.new_database()
    with running_rig(tmp_path_factory.mktemp("oauth") / "home", overrides=overrides) as rig:
        yield rig


@pytest.fixture(scope="module")
def starter() -> Iterator[Replicas]:
    with replicas() as found:
        yield found


@pytest.fixture(scope="module")
def serving(running: Rig) -> Serving:
    return Serving(running.environment, offset_s=1800, policy={"lease_s": LEASE_S})


@pytest.fixture(scope="module")
def pair(starter: Replicas, serving: Serving) -> list[Replica]:
    """Two processes on one store."""
    return starter.start(serving, serving)


@pytest.fixture
def expired(rig: Rig) -> Rig:
    """A connection whose access token has ended."""
    rig.connect()
    rig.expire()
    return rig


def test_a_provider_that_takes_twenty_seconds_gets_one_refresh_from_two_replicas(
    expired: Rig, starter: Replicas
) -> None:
    """With the lease and the patience of production: the provider is slower than the lease lives."""
    policy = RefreshPolicy()
    assert policy.lease_s < VERY_SLOW_S
    of_production = Serving(expired.environment, offset_s=1800, policy=asdict(policy))
    urls = [replica.url for replica in starter.start(of_production, of_production)]
    expired.provider.fault("slow", path="/token", seconds=VERY_SLOW_S)
    answers = ask_from_processes(urls, processes=2, callers=5)

    assert [answer.status for answer in answers] == [200] * 10
    (token,) = {answer.content["access_token"] for answer in answers}
    assert expired.refreshes() == 1
    assert token == expired.provider.issued("access_token")[-1]
    assert expired.history() == ["connected", "refreshed"]


@pytest.mark.parametrize("replicas_asked", [1, 2])
def test_four_hundred_callers_in_eight_processes_get_one_token_from_one_refresh(
    expired: Rig, pair: list[Replica], replicas_asked: int
) -> None:
    expired.provider.fault("slow", path="/token", seconds=SLOW_S)
    urls = [replica.url for replica in pair[:replicas_asked]]
    answers = ask_from_processes(urls, processes=PROCESSES, callers=CALLERS)

    assert [answer.status for answer in answers] == [200] * (PROCESSES * CALLERS)
    (token,) = {answer.content["access_token"] for answer in answers}
    assert expired.refreshes() == 1
    assert token == expired.provider.issued("access_token")[-1]
    assert expired.history() == ["connected", "refreshed"]


def test_upkeep_of_two_replicas_refreshes_an_idle_connection_once(
    rig: Rig, starter: Replicas
) -> None:
    rig.connect()
    month_s = 31 * 86400.0
    rig.clock.advance(month_s)
    rig.provider.clear_calls()
    rig.provider.fault("slow", path="/token", seconds=0.3)
    starter.start(*[Serving(rig.environment, offset_s=month_s)] * 2)
    wait_until(lambda: "refreshed" in rig.history())

    assert rig.history() == ["connected", "refreshed"]
    assert rig.refreshes() == 1


@pytest.mark.every_python
def test_stopping_lets_a_refresh_finish(expired: Rig, starter: Replicas, serving: Serving) -> None:
    (stopped,) = starter.start(serving)
    expired.provider.fault("slow", path="/token", seconds=0.5)
    with ThreadPoolExecutor(1) as pool:
        asked = pool.submit(stopped.pipeline.token)
        wait_until(lambda: _refresh_is_noted(expired))
        stopped.process.terminate()
        answer = asked.result(30)
    stopped.process.join(20)

    assert answer.status_code == 200
    assert expired.pipeline.token().json()["access_token"] == answer.json()["access_token"]
    assert expired.refreshes() == 1


def _refresh_is_noted(rig: Rig) -> bool:
    connection = rig.services.store.connections.get("acme", "toybooks")
    return connection is not None and connection.refresh_fingerprint is not None
