"""A grant is never lost by our own doing."""

import asyncio
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any, NoReturn

import httpx
import pytest
from support.oauth_rig import PATIENCE, SERVICE_KEY, Rig, running_rig
from support.oauth_toy import RULES
from support.virtual_replicas import an_office
from support.virtual_time import run_in_virtual_time

from integrations.contracts import token_fingerprint
from integrations.runtime.settings import load_settings
from oauth_service.store import HistoryEntry, LeaseKey, Outcome


async def test_one_refresh_however_many_threads_and_coroutines_ask(rig: Rig) -> None:
    rig.connect()
    rig.expire()
    rig.provider.fault("slow", path="/token", seconds=0.4)
    url = f"{rig.url}/api/workspaces/acme/integrations/toybooks/token"
    headers = {"Authorization": f"Bearer {SERVICE_KEY}"}

    def in_thread() -> httpx.Response:
        return httpx.get(url, headers=headers, timeout=60)

    with ThreadPoolExecutor(8) as pool:
        loop = asyncio.get_running_loop()
        threads = [loop.run_in_executor(pool, in_thread) for _ in range(8)]
        async with httpx.AsyncClient(headers=headers, timeout=60) as client:
            answers = await asyncio.gather(*threads, *(client.get(url) for _ in range(16)))

    assert {answer.status_code for answer in answers} == {200}
    assert len({answer.json()["access_token"] for answer in answers}) == 1
    assert rig.refreshes() == 1


def test_lost_answer_is_recovered_with_the_same_token(rig: Rig) -> None:
    rig.connect()
    rig.expire()
    rig.provider.fault("lost_answer", path="/token")
    answer = rig.pipeline.token()

    assert answer.status_code == 200
    assert rig.refreshes() == 2
    assert rig.history() == ["connected", "answer_lost", "refreshed"]
    connection = rig.services.store.connections.get("acme", "toybooks")
    assert connection is not None
    assert connection.refresh_started_at is None


def test_truncated_answer_is_recovered_too(rig: Rig) -> None:
    rig.connect()
    rig.expire()
    rig.provider.fault("truncated", path="/token")

    assert rig.pipeline.token().status_code == 200
    rig.expire()
    assert rig.pipeline.token().status_code == 200


def test_answers_lost_for_a_while_are_recovered_within_the_grace(rig: Rig) -> None:
    rig.connect()
    rig.expire()
    rig.provider.fault("lost_answer", path="/token", times=3)
    first = rig.pipeline.token()
    started = rig.services.store.connections.get("acme", "toybooks")
    rig.clock.advance(25 * 60)
    second = rig.pipeline.token()

    assert first.status_code == 503
    assert started is not None
    assert started.refresh_started_at is not None
    assert started.refresh_fingerprint is not None
    assert second.status_code == 200


def test_grant_of_a_provider_without_grace_survives_until_first_use(tmp_path: Path) -> None:
    with running_rig(tmp_path, rules=replace(RULES, grace=None)) as rig:
        rig.connect()
        rig.expire()
        rig.provider.fault("lost_answer", path="/token")

        assert rig.pipeline.token().status_code == 200
        rig.expire()
        assert rig.pipeline.token().status_code == 200


@pytest.mark.parametrize(
    "fault",
    [
        {"kind": "status", "status": 502},
        {"kind": "status", "status": 500},
        {"kind": "html"},
        {"kind": "html", "status": 403},
        {"kind": "lost_answer"},
        {"kind": "minute_limit", "retry_after": 0},
    ],
)
def test_trouble_at_the_provider_is_retried_then_503_and_no_tenant_is_marked(
    rig: Rig, fault: dict[str, object]
) -> None:
    rig.connect()
    rig.expire()
    rig.provider.fault(path="/token", times=None, **fault)  # type: ignore[arg-type]
    answer = rig.pipeline.token()

    assert answer.status_code == 503
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.headers["retry-after"] == "10"
    assert answer.json()["code"] == "provider_unavailable"
    assert rig.refreshes() == 3
    assert rig.pipeline.connection()["state"] == "connected"

    rig.provider.clear_faults()
    assert rig.pipeline.token().status_code == 200


def test_one_bad_answer_is_not_noticed(rig: Rig) -> None:
    rig.connect()
    rig.expire()
    rig.provider.fault("status", path="/token", status=503)

    assert rig.pipeline.token().status_code == 200
    assert rig.refreshes() == 2


def test_long_throttling_is_passed_on_and_kept_without_further_calls(rig: Rig) -> None:
    rig.connect()
    rig.expire()
    rig.provider.fault("day_limit", path="/token", retry_after=600)
    first, second = rig.pipeline.token(), rig.pipeline.token()

    assert (first.status_code, first.headers["retry-after"]) == (503, "600")
    assert second.status_code == 503
    assert 590 <= int(second.headers["retry-after"]) <= 600
    assert rig.refreshes() == 1

    rig.clock.advance(600)
    assert rig.pipeline.token().status_code == 200


@pytest.mark.parametrize(
    ("override", "named"),
    [
        ({"TOYBOOKS_CLIENT_SECRET": "wrong"}, "TOYBOOKS_CLIENT_ID and TOYBOOKS_CLIENT_SECRET"),
        ({"TOYBOOKS_CLIENT_SECRET": ""}, "TOYBOOKS_CLIENT_SECRET"),
    ],
)
def test_fault_of_the_operators_app_marks_nobody(
    rig: Rig, monkeypatch: pytest.MonkeyPatch, override: dict[str, str], named: str
) -> None:
    rig.connect()
    rig.expire()
    with monkeypatch.context() as patch:
        broken = load_settings({**rig.environment, **override})
        patch.setattr(rig.services.apps, "_settings", broken)
        answer = rig.pipeline.token()

    assert (answer.status_code, answer.json()["code"]) == (502, "configuration")
    assert named in answer.json()["detail"]
    assert rig.pipeline.connection()["state"] == "connected"
    assert rig.pipeline.token().status_code == 200


def test_refresh_keeps_the_tenant_though_the_grant_covers_more(rig: Rig) -> None:
    choice = rig.person.connect(rig.pipeline.link(), ("toy-1", "toy-2"))
    rig.person.press("/integration/toybooks/tenant", choice, tenant_id="toy-2")
    rig.expire()

    assert rig.pipeline.token().json()["tenant_id"] == "toy-2"
    assert rig.provider.calls("/tenants") == []


def test_new_pair_waits_for_a_database_that_is_away(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    rig.connect()
    rig.expire()
    store, failures = rig.services.store.refreshes.store, iter(range(3))

    def failing(*args: Any) -> bool:
        if next(failures, None) is not None:
            _broken()
        return store(*args)

    monkeypatch.setattr(rig.services.store.refreshes, "store", failing)

    assert rig.pipeline.token().status_code == 200
    assert rig.refreshes() == 1


def test_silent_token_endpoint_is_given_up_and_the_connection_stays(tmp_path: Path) -> None:
    async def main() -> None:
        async with an_office(tmp_path, replicas=1) as office:
            (service,) = office.replicas
            office.provider.slow(60.0, times=3)
            # The last one waits until the third request is given up.
            answers = [await service.token() for _ in range(3)]

            assert [(answer.status_code, answer.json()["code"]) for answer in answers] == [
                (503, "provider_unavailable")
            ] * 3
            assert [answer.headers["retry-after"] for answer in answers] == ["5", "5", "10"]
            assert len(office.provider.sent) == 3
            assert office.history() == ["connected", *["answer_lost"] * 3]
            assert office.connection().state == "connected"
            assert (await service.token()).status_code == 200

    run_in_virtual_time(main())


def test_dead_holder_of_the_lease_is_waited_for_no_longer_than_its_end(rig: Rig) -> None:
    rig.connect()
    rig.expire()
    now = rig.clock.now()
    dead = LeaseKey("acme", "toybooks", "process-that-was-killed")
    assert rig.services.store.leases.take(dead, now=now, until=now + timedelta(seconds=0.5))

    assert rig.pipeline.token().status_code == 200
    assert rig.refreshes() == 1


@pytest.fixture
def impatient(tmp_path: Path) -> Iterator[Rig]:
    policy = replace(PATIENCE, caller_wait_s=0.3, lease_s=0.3)
    with running_rig(tmp_path, policy=policy) as running:
        yield running


def test_caller_of_a_slow_refresh_gets_503_and_the_refresh_goes_on(impatient: Rig) -> None:
    impatient.connect()
    impatient.expire()
    impatient.provider.fault("slow", path="/token", seconds=2.0)
    answers = [impatient.pipeline.token()]
    while answers[-1].status_code == 503 and len(answers) < 200:
        answers.append(impatient.pipeline.token())

    assert answers[0].status_code == 503
    assert answers[0].headers["retry-after"] == "5"
    assert answers[-1].status_code == 200
    assert impatient.refreshes() == 1


def test_superseded_refresh_changes_nothing_and_records_no_end_or_failure(rig: Rig) -> None:
    rig.connect()
    store = rig.services.store.connections
    old = store.get("acme", "toybooks")
    assert old is not None
    tokens = store.tokens(old)
    rig.connect()
    newer = store.get("acme", "toybooks")

    entry = HistoryEntry(rig.clock.now(), Outcome.REFRESHED)
    refreshes = rig.services.store.refreshes
    assert refreshes.store(old, tokens, entry) is False
    assert refreshes.started(old, fingerprint="0" * 16, now=rig.clock.now()) is None
    assert refreshes.require_reconnect(old, "dead", entry) is False
    refreshes.failed(old, entry, retry_at=rig.clock.now(), may_be_spent=False)
    assert store.get("acme", "toybooks") == newer
    assert rig.history() == ["connected", "connected", "superseded"]


def test_history_keeps_fingerprints_and_trace_ids(rig: Rig) -> None:
    rig.connect()
    store = rig.services.store
    before = store.connections.get("acme", "toybooks")
    assert before is not None
    spent = store.connections.tokens(before).refresh_token
    assert spent is not None
    rig.expire()
    rig.pipeline.token()
    entry = store.history.of("acme", "toybooks")[-1]

    assert entry.outcome == "refreshed"
    assert entry.token_fingerprint == token_fingerprint(spent)
    assert entry.trace_id


def _broken() -> NoReturn:
    raise RuntimeError("the database is away")
