"""The lock of a connection with the patience of production: no second refresher, second by second."""

import asyncio
import threading
from collections.abc import Iterable
from datetime import datetime
from pathlib import Path
from typing import Any

import httpx
import pytest
from support.virtual_replicas import Office, an_office
from support.virtual_time import run_in_virtual_time

from oauth_service.grants.lease import RefreshPolicy
from oauth_service.store import LeaseKey

CALLERS = 50


def test_patience_of_production() -> None:
    policy = RefreshPolicy()

    assert (policy.lease_s, policy.attempt_s, policy.caller_wait_s) == (15.0, 30.0, 45.0)
    assert (policy.attempts, policy.poll_s) == (3, 0.15)


@pytest.mark.parametrize("slow_s", [20.0, 29.5])
def test_slow_provider_is_asked_once_while_two_replicas_ask_all_the_time(
    tmp_path: Path, database_url: str, slow_s: float
) -> None:
    async def main() -> None:
        async with an_office(tmp_path, database_url=database_url) as office:
            office.provider.slow(slow_s)
            asking = _ask_all_the_time(office, slow_s)
            held = []
            for second in range(int(slow_s) + 1):
                await office.until(second + 0.5)
                if office.now_s < slow_s:
                    held.append(office.lease())
            answers = await asyncio.gather(*asking)

            assert [answer.status_code for answer in answers] == [200] * CALLERS, answers[0].text
            (sent,) = office.provider.sent
            assert (sent.by, sent.at_s, sent.ended_s) == (0, 0.0, slow_s)
            # Renewed at 5, 10, 15, ... seconds, each time for 15 more.
            assert [until for _, until in held] == [
                15.0 + 5 * (second // 5) for second in range(len(held))
            ]
            assert len({owner for owner, _ in held}) == 1
            assert office.lease() == (None, None)
            assert [answer.status_code for answer in answers] == [200] * CALLERS
            assert _tokens(answers) == {office.stored_token()}
            assert office.history() == ["connected", "refreshed"]

    run_in_virtual_time(main())


def test_provider_slower_than_a_request_may_take_is_asked_again_by_the_same_replica(
    tmp_path: Path,
) -> None:
    async def main() -> None:
        async with an_office(tmp_path) as office:
            office.provider.slow(60.0)
            asking = _ask_all_the_time(office, 30.0)
            answers = await asyncio.gather(*asking)
            first, second = office.provider.sent
            # The first request is acted on when nobody waits for it any more.
            await office.until(61.0)
            again = await office.replicas[1].token(rejected=office.fingerprint())

            assert (first.by, first.at_s, first.ended_s) == (0, 0.0, 30.0)
            assert (second.by, second.at_s) == (0, pytest.approx(30.4, abs=0.1))
            assert [answer.status_code for answer in answers] == [200] * CALLERS
            assert len(_tokens(answers)) == 1
            assert again.status_code == 200
            assert again.json()["access_token"] == office.stored_token()
            assert office.history() == ["connected", "answer_lost", "refreshed", "refreshed"]

    run_in_virtual_time(main())


def test_provider_that_never_answers_in_time_is_left_to_one_replica_until_it_gives_up(
    tmp_path: Path,
) -> None:
    async def main() -> None:
        async with an_office(tmp_path) as office:
            office.provider.slow(60.0, times=3)
            asking = _ask_all_the_time(office, 40.0)
            answers = await asyncio.gather(*asking)
            late = asyncio.create_task(office.replicas[0].token())
            await late

            assert [answer.status_code for answer in answers] == [503] * CALLERS
            # Who waits no longer is told to come again; who stays to the end, when to.
            assert {answer.headers["retry-after"] for answer in answers} == {"5"}
            assert ((await late).status_code, late.result().headers["retry-after"]) == (503, "10")
            assert [sent.by for sent in office.provider.sent] == [0, 0, 0]
            assert [sent.at_s for sent in office.provider.sent] == [
                0.0,
                pytest.approx(30.4, abs=0.1),
                pytest.approx(61.2, abs=0.3),
            ]
            assert office.provider.most_at_once() == 1
            assert office.connection().state == "connected"
            assert (await office.replicas[1].token()).status_code == 200

    run_in_virtual_time(main())


@pytest.mark.parametrize(("dies_at_s", "ends_s"), [(3.0, 15.0), (12.0, 25.0)])
def test_lease_of_a_dead_holder_is_waited_for_to_its_end_and_not_a_second_less(
    tmp_path: Path, database_url: str, dies_at_s: float, ends_s: float
) -> None:
    async def main() -> None:
        async with an_office(tmp_path, database_url=database_url) as office:
            dying, living = office.replicas
            office.provider.slow(28.0)
            refresh = asyncio.create_task(dying.token())
            await office.until(dies_at_s)
            with dying.without_database():
                await _cut_off(dying.services.refresher._under_way.values())
                waiting = asyncio.create_task(living.token())
                await office.until(ends_s - 1.0)
                assert (waiting.done(), len(office.provider.sent)) == (False, 1)
                assert office.lease()[1] == ends_s
                answer = await waiting
                with pytest.raises(asyncio.CancelledError):
                    await refresh

            first, second = office.provider.sent
            assert (first.by, second.by) == (0, 1)
            assert ends_s <= second.at_s <= ends_s + RefreshPolicy().poll_s
            assert answer.status_code == 200
            assert office.stored_token() == answer.json()["access_token"]

    run_in_virtual_time(main())


def test_renewal_under_way_is_waited_for_before_the_lease_is_given_back(tmp_path: Path) -> None:
    """Its thread would go on with a store that may be closed by then."""
    go_on, order = threading.Event(), []

    async def main() -> None:
        async with an_office(tmp_path, replicas=1) as office:
            services = office.replicas[0].services
            leases, lock = services.store.leases, services.refresher._lock
            renew, give_back = leases.renew, leases.give_back
            loop, begun = asyncio.get_running_loop(), asyncio.Event()

            def renewing(key: LeaseKey, *, until: datetime) -> bool:
                loop.call_soon_threadsafe(begun.set)
                assert go_on.wait(30)
                order.append("renewed")
                return renew(key, until=until)

            def giving_back(key: LeaseKey) -> None:
                order.append("given back")
                give_back(key)

            async def hold() -> None:
                async with lock.hold("acme", "toybooks"):
                    await begun.wait()

            with pytest.MonkeyPatch.context() as patch:
                patch.setattr(leases, "renew", renewing)
                patch.setattr(leases, "give_back", giving_back)
                holding = asyncio.create_task(hold())
                await begun.wait()
                for _ in range(1000):  # turns of the loop, in which it would be given back
                    await asyncio.sleep(0)
                go_on.set()
                await holding

            assert order == ["renewed", "given back"]
            assert office.lease() == (None, None)

    run_in_virtual_time(main())


def _ask_all_the_time(office: Office, for_s: float) -> list[asyncio.Task[httpx.Response]]:
    """Ask both replicas in turn, one caller after another, the last just before *for_s*."""

    async def ask(number: int) -> httpx.Response:
        await office.until(number * for_s / CALLERS)
        return await office.replicas[number % len(office.replicas)].token()

    return [asyncio.create_task(ask(number)) for number in range(CALLERS)]


def _tokens(answers: list[httpx.Response]) -> set[str]:
    return {answer.json()["access_token"] for answer in answers}


async def _cut_off(tasks: Iterable[asyncio.Task[Any]]) -> None:
    """End what a process was doing when it died."""
    dying = list(tasks)
    for task in dying:
        task.cancel()
    await asyncio.wait(dying)
