"""Replicas share one store: one refresh, whoever asks, and whoever dies."""

import signal
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
from pydantic import SecretStr
from support.oauth_rig import Replicas, Rig, ToyProcess, running_rig
from support.postgres import Postgres

from integrations.contracts import token_fingerprint

# The provider is slower than a lease lives that nobody renews.
LEASE_S = 0.6
SLOW_S = 1.2


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
def started(running: Rig) -> Iterator[Replicas]:
    replicas = Replicas(running.environment, offset_s=1800, lease_s=LEASE_S)
    yield replicas
    replicas.end()


@pytest.fixture
def replicas(rig: Rig, started: Replicas) -> list[ToyProcess]:
    """Two processes on one store, with a connection whose access token has ended."""
    rig.connect()
    rig.expire()
    return started.two()


def wait_until_a_refresh_is_noted(rig: Rig) -> None:
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        connection = rig.services.store.connections.get("acme", "toybooks")
        if connection is not None and connection.refresh_fingerprint is not None:
            return
    raise AssertionError("no refresh was started")


def test_two_processes_on_one_store_refresh_once(rig: Rig, replicas: list[ToyProcess]) -> None:
    rig.provider.fault("slow", path="/token", seconds=SLOW_S)
    with ThreadPoolExecutor(16) as pool:
        answers = list(pool.map(lambda number: replicas[number % 2].pipeline.token(), range(16)))

    assert {answer.status_code for answer in answers} == {200}
    assert len({answer.json()["access_token"] for answer in answers}) == 1
    assert rig.refreshes() == 1


def test_dying_in_a_refresh_loses_nothing_and_stopping_lets_it_finish(
    rig: Rig, replicas: list[ToyProcess]
) -> None:
    killed, stopped = replicas
    rig.provider.fault("slow", path="/token", seconds=30)
    with ThreadPoolExecutor(2) as pool:
        pool.submit(killed.pipeline.token)
        wait_until_a_refresh_is_noted(rig)
        killed.process.send_signal(signal.SIGKILL)
        killed.process.wait(20)
        killed.pipeline.http.close()
    rig.provider.clear_faults()
    recovered = stopped.pipeline.token()

    assert recovered.status_code == 200
    assert rig.pipeline.connection()["state"] == "connected"
    assert rig.history()[-1] == "refreshed"

    rig.provider.expire_access_tokens()
    rig.provider.clear_calls()
    rig.provider.fault("slow", path="/token", seconds=SLOW_S)
    with ThreadPoolExecutor(1) as pool:
        rejected = token_fingerprint(SecretStr(recovered.json()["access_token"]))
        asked = pool.submit(stopped.pipeline.token, rejected=rejected)
        wait_until_a_refresh_is_noted(rig)
        stopped.process.terminate()
        answer = asked.result(30)
    stopped.process.wait(20)
    stopped.pipeline.http.close()

    assert answer.status_code == 200
    assert rig.pipeline.token().json()["access_token"] == answer.json()["access_token"]
    assert rig.refreshes() == 1
