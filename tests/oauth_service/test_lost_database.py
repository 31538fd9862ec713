"""A database that goes away after the provider has rotated: the only valid pair is kept for it."""

import asyncio
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from datetime import timedelta
from itertools import count
from pathlib import Path
from typing import Any

import httpx
import pytest
from sqlalchemy.exc import OperationalError
from support.oauth_toy import PLUGIN, RULES
from support.virtual_replicas import Office, Replica, an_office
from support.virtual_time import run_in_virtual_time

from oauth_service.grants.lease import RefreshPolicy
from oauth_service.store import LeaseKey

STRICT = replace(RULES, grace=timedelta(0), reuse_kills_grant=True)
"""A refresh token works once; sending it again ends the grant."""
LEFT_S, ANSWERED_S = 9.0, 20.0
"""When the database goes away, and when the provider's answer comes."""
POLICY = RefreshPolicy()
LONGEST_S = POLICY.longest_backoff_s * 1.25
"""Between two attempts to store."""
COUNTED = "zebbra_oauth_refreshes_total"
WHOSE = "workspace acme, toybooks: "
IN_MEMORY = (
    f"{WHOSE}new tokens not stored: they are in memory only; tried again for 300 s",
    f"{WHOSE}new tokens in memory only for 0 s (OperationalError)",
)


@pytest.fixture(autouse=True)
def _no_grace(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(type(PLUGIN.oauth), "replay_grace", timedelta(0))


def test_two_minutes_without_a_database_cost_no_grant_though_nothing_can_be_replayed(
    tmp_path: Path, database_url: str, caplog: pytest.LogCaptureFixture
) -> None:
    async def main() -> None:
        async with an_office(tmp_path, rules=STRICT, database_url=database_url) as office:
            old = office.stored_token()
            asking = await _refresh_under_way(office)
            with _away(office.replicas):
                await office.until(ANSWERED_S + 1.0)
                newcomer = await office.replicas[0].token()
                assert office.now_s == ANSWERED_S + 1.0
                waited = await asking
                assert office.now_s == POLICY.caller_wait_s
                await office.until(ANSWERED_S + 120.0)
            # Both are asked the moment the database is back; one has the pair.
            answers = await asyncio.gather(*(replica.token() for replica in office.replicas))
            took_s = office.now_s - ANSWERED_S - 120.0

            assert (newcomer.status_code, newcomer.json()["code"]) == (503, "store_unavailable")
            assert int(newcomer.headers["retry-after"]) > 0
            assert (waited.status_code, waited.headers["retry-after"]) == (503, "5")
            assert [_token(answer) for answer in answers] == [office.stored_token()] * 2
            assert office.stored_token() != old
            assert took_s <= LONGEST_S + POLICY.poll_s
            assert [sent.by for sent in office.provider.sent] == [0]
            assert office.history() == ["connected", "refreshed"]
            assert office.lease() == (None, None)
            # The next refresh spends the pair that was kept.
            again = await office.replicas[1].token(rejected=office.fingerprint())
            assert _token(again) == office.stored_token() != _token(answers[0])

    run_in_virtual_time(main())
    said = _said(caplog)
    assert tuple(said[:2]) == IN_MEMORY
    assert said[-1].startswith(f"{WHOSE}new tokens stored at attempt ")
    assert 20 <= len(said) <= 40
    assert caplog.text.count("lease not renewed") == 1


def test_connection_is_left_alone_while_a_holder_that_is_cut_off_may_have_its_pair(
    tmp_path: Path,
) -> None:
    """Only one replica has lost the database; its lease has ended long ago."""

    async def main() -> None:
        async with an_office(tmp_path, rules=STRICT) as office:
            cut_off, other = office.replicas
            await _refresh_under_way(office)
            with _away([cut_off]):
                await office.until(ANSWERED_S + 240.0)
                told = await other.token()
            await office.until(office.now_s + 5.0)
            answer = await other.token()

            assert (told.status_code, told.headers["retry-after"]) == (503, "5")
            assert [sent.by for sent in office.provider.sent] == [0]
            assert _token(answer) == office.stored_token()
            assert office.history() == ["connected", "refreshed"]

    run_in_virtual_time(main())


def test_holder_that_died_is_waited_for_as_long_as_it_could_have_come_back(tmp_path: Path) -> None:
    async def main() -> None:
        async with an_office(tmp_path, replicas=1, rules=STRICT) as office:
            (living,) = office.replicas
            now, dead = office.clock.now(), LeaseKey("acme", "toybooks", "dead")
            assert living.services.store.leases.take(dead, now=now, until=now)
            longest_s = POLICY.attempt_s + POLICY.commit_s
            await office.until(longest_s - 10.0)
            answer = await living.token()

            assert office.now_s == pytest.approx(longest_s, abs=POLICY.poll_s)
            assert _token(answer) == office.stored_token()

    run_in_virtual_time(main())


def test_pair_that_is_given_up_is_said_to_be_lost(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async def main() -> None:
        async with an_office(tmp_path, replicas=1, rules=STRICT) as office:
            (service,) = office.replicas
            await _refresh_under_way(office)
            (task,) = service.services.refresher._under_way.values()
            with _away([service]):
                await asyncio.wait([task])
            assert 300.0 <= office.now_s - ANSWERED_S <= 300.0 + LONGEST_S

    run_in_virtual_time(main())
    assert _said(caplog)[-1].startswith(f"{WHOSE}new tokens are lost: not stored within 30")


def test_service_that_ends_keeps_trying_for_as_long_as_its_end_may_take(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async def main() -> None:
        async with an_office(tmp_path, replicas=1, rules=STRICT) as office:
            (service,) = office.replicas
            old = office.stored_token()
            await _refresh_under_way(office)
            with _away([service]):
                await office.until(ANSWERED_S + 1.0)
                ending = asyncio.create_task(service.services.refresher.finish())
                await office.until(ANSWERED_S + 30.0)
                assert not ending.done()
            await ending

            assert office.now_s <= ANSWERED_S + 30.0 + LONGEST_S
            assert office.stored_token() != old

    run_in_virtual_time(main())
    assert _said(caplog)[-1].startswith(f"{WHOSE}new tokens stored at attempt ")


def test_service_that_ends_without_a_database_says_whose_pair_ends_with_it(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async def main() -> None:
        async with an_office(tmp_path, replicas=1, rules=STRICT) as office:
            (service,) = office.replicas
            await _refresh_under_way(office)
            (task,) = service.services.refresher._under_way.values()
            with _away([service]):
                await office.until(ANSWERED_S + 1.0)
                await service.services.refresher.finish()
                assert office.now_s == ANSWERED_S + 1.0 + POLICY.caller_wait_s
                assert not task.done()
                task.cancel()  # as the loop does at its end
                await asyncio.wait([task])

    run_in_virtual_time(main())
    assert _said(caplog)[-1] == (
        f"{WHOSE}ended before new tokens were known to be stored: they may be lost"
    )


@pytest.mark.parametrize("lost", [1, 3])
def test_pair_whose_commit_was_not_confirmed_is_known_again_and_recorded_once(
    tmp_path: Path, database_url: str, monkeypatch: pytest.MonkeyPatch, lost: int
) -> None:
    async def main() -> None:
        async with an_office(
            tmp_path, replicas=1, rules=STRICT, database_url=database_url
        ) as office:
            (service,) = office.replicas
            refreshes, calls = service.services.store.refreshes, count(1)
            store = refreshes.store

            def committing(*args: Any) -> bool:
                stored = store(*args)
                if next(calls) <= lost:
                    raise OperationalError("the answer to COMMIT is lost", {}, Exception())
                return stored

            monkeypatch.setattr(refreshes, "store", committing)
            answer = await service.token()
            metrics = (await service.http.get("/metrics")).text

            assert _token(answer) == office.stored_token()
            assert office.connection().grant_version == 2
            assert office.history() == ["connected", "refreshed"]
            assert f'{COUNTED}{{integration="toybooks",outcome="refreshed"}} 1.0' in metrics
            assert "superseded" not in metrics

    run_in_virtual_time(main())


async def _refresh_under_way(office: Office) -> asyncio.Task[httpx.Response]:
    """Let the first replica send a refresh, and time pass until the database goes away."""
    office.provider.slow(ANSWERED_S)
    asking = asyncio.create_task(office.replicas[0].token())
    await office.until(LEFT_S)
    assert len(office.provider.sent) == 1
    return asking


@contextmanager
def _away(replicas: list[Replica]) -> Iterator[None]:
    with ExitStack() as exits:
        for replica in replicas:
            exits.enter_context(replica.without_database())
        yield


def _said(caplog: pytest.LogCaptureFixture) -> list[str]:
    """Return what the log says of new tokens."""
    return [record.message for record in caplog.records if "new tokens" in record.message]


def _token(answer: httpx.Response) -> str:
    assert answer.status_code == 200, answer.text
    return str(answer.json()["access_token"])
