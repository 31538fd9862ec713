"""A provider that is down is found out once, not by every workspace of a batch."""

import asyncio

import pytest
from support.fake_connection import ScriptedTokens, a_plugin
from support.http_rig import a_rig
from support.scripted_server import Reply

from integrations.contracts import ProviderUnavailableError

DOWN, OK = Reply(503, b""), Reply(200, {})
TRIES, LONGEST_RETRY_S = 4, 2
BATCH, AT_ONCE = 50, 10


async def failure_of(client):
    with pytest.raises(ProviderUnavailableError) as caught:
        await client.get("r")
    return caught.value


def workspace(rig, number):
    return rig.another(ScriptedTokens(tenant_ids=(f"tenant-{number}",)))


async def open_breaker(rig):
    rig.server.answer("/r", DOWN)
    return [await failure_of(workspace(rig, number)) for number in range(5)]


def pauses(rig):
    return [wait_s for wait_s in rig.timing.slept if wait_s > LONGEST_RETRY_S]


async def statuses_of(clients):
    """Ask at once; 503 stands for who met the outage."""
    results = await asyncio.gather(*(one.get("r") for one in clients), return_exceptions=True)
    return [503 if isinstance(one, ProviderUnavailableError) else one.status for one in results]


async def test_one_that_stays_down_is_looked_at_four_times_then_all_are_told_the_same():
    async with a_rig() as rig:
        tried = await open_breaker(rig)
        looked = [await failure_of(workspace(rig, number)) for number in range(5, 9)]
        asked, slept = len(rig.server.received), len(rig.timing.slept)
        spared = [await failure_of(workspace(rig, number)) for number in range(9, 50)]

    assert asked == (5 + 4) * TRIES
    assert pauses(rig) == [10, 20, 40, 80]
    assert rig.timing.passed_s == 150 + (5 + 4) * 3.5
    assert len(rig.server.received) == asked
    assert len(rig.timing.slept) == slept
    assert {str(error) for error in tried + looked} == {
        "Ledgerly: GET r: the provider is down or faulty (503)"
    }
    (told,) = {str(error) for error in spared}
    assert told == (
        "Ledgerly: the provider is down since 2026-03-10 12:00:03 UTC; not tried, as 5 in a row "
        "gave up, the last with: Ledgerly: GET r: the provider is down or faulty (503)"
    )


@pytest.mark.parametrize("reply", [DOWN, Reply(drop=True)], ids=["503", "connection cut"])
async def test_a_batch_of_fifty_costs_a_dead_provider_a_quarter_of_the_calls(reply):
    async with a_rig() as rig:
        rig.server.answer("/r", reply)
        gate = asyncio.Semaphore(AT_ONCE)

        async def one(number):
            async with gate:
                return str(await failure_of(workspace(rig, number)))

        told = await asyncio.gather(*map(one, range(BATCH)))

    spared = sum("; not tried" in text for text in told)
    # Ten begin, four more as the first give up, and four look.
    assert spared >= BATCH - AT_ONCE - 4 - 4
    assert len(rig.server.received) <= 60  # without: 200
    assert sum(pauses(rig)) <= 150


async def test_an_answer_to_anybody_begins_the_count_anew():
    async with a_rig() as rig:
        rig.server.answer("/r", *[DOWN] * 4 * TRIES, Reply(404, {}), *[DOWN] * 4 * TRIES, OK)
        for number in range(4):
            await failure_of(workspace(rig, number))
        with pytest.raises(Exception, match="404"):
            await rig.client.get("r")
        for number in range(4):
            await failure_of(workspace(rig, number))

        answer = await rig.client.get("r")

    assert answer.status == 200


async def test_one_workspace_that_fails_again_and_again_stops_nobody_else():
    async with a_rig() as rig:
        rig.server.answer("/r", *[DOWN] * 6 * TRIES, OK)
        for _ in range(6):
            await failure_of(rig.client)

        answer = await workspace(rig, 1).get("r")

    assert answer.status == 200


async def test_throttling_and_unreadable_answers_are_not_being_down():
    async with a_rig() as rig:
        rig.server.answer("/r", Reply(429, {}))
        for number in range(6):
            error = await failure_of(workspace(rig, number))

    assert str(error) == "Ledgerly: GET r: the provider throttles us (429)"


async def test_a_hiccup_fails_nobody_who_had_not_begun():
    async with a_rig() as rig:
        await open_breaker(rig)
        rig.server.answer("/r", OK)
        statuses = await statuses_of([workspace(rig, number) for number in range(45)])

    assert statuses == [200] * 45
    assert pauses(rig) == [10]
    assert len(rig.server.received) == 5 * TRIES + 45


async def test_one_looks_at_a_time_and_the_others_wait_for_what_it_finds():
    async with a_rig() as rig:
        await open_breaker(rig)
        rig.server.answer("/r", *[DOWN] * 2 * TRIES, OK)
        statuses = await statuses_of([workspace(rig, number) for number in range(10)])

    assert sorted(statuses) == [200] * 8 + [503] * 2
    assert pauses(rig) == [10, 20, 40]
    assert len(rig.server.received) == (5 + 2) * TRIES + 8


async def test_a_look_repeats_but_waits_for_no_time_that_the_provider_names():
    async with a_rig() as rig:
        await open_breaker(rig)
        rig.server.answer("/r", Reply(503, b"", {"Retry-After": "60"}), DOWN, DOWN, OK)
        statuses = [await statuses_of([workspace(rig, number)]) for number in range(2)]

    assert statuses == [[503], [200]]
    assert pauses(rig) == [10, 20]


async def test_a_look_that_asks_nothing_leaves_it_to_the_next_at_once():
    async with a_rig() as rig:
        await open_breaker(rig)
        breaker = rig.session.breaker(a_plugin())
        async with breaker.turn():
            waiting = asyncio.create_task(statuses_of([workspace(rig, 5)]))
            await asyncio.sleep(0)
        rig.server.answer("/r", OK)

        assert await waiting == [200]

    assert pauses(rig) == [10]


async def test_what_is_asked_within_a_turn_is_part_of_its_look():
    async with a_rig() as rig:
        await open_breaker(rig)
        rig.server.answer("/r", OK)
        async with rig.session.breaker(a_plugin()).turn():
            statuses = await statuses_of([workspace(rig, 5), workspace(rig, 6)])

    assert statuses == [200, 200]
    assert pauses(rig) == [10]


async def test_all_pauses_of_a_session_together_are_bounded_however_often_it_goes_down():
    async with a_rig() as rig:
        await open_breaker(rig)
        await failure_of(workspace(rig, 5))
        rig.server.answer("/r", OK)
        await workspace(rig, 6).get("r")
        await open_breaker(rig)
        told = [str(await failure_of(workspace(rig, number))) for number in range(5, 9)]

    assert pauses(rig) == [10, 20, 10, 20, 40]  # 50 of 150 s are left: too few for 80
    assert ["; not tried" in text for text in told] == [False, False, False, True]
