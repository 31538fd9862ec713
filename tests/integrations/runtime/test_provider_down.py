"""A provider that is down is found out once, not by every workspace of a batch."""

import asyncio

import pytest
from support.fake_connection import ScriptedTokens, a_plugin
from support.http_rig import a_rig
from support.scripted_server import Reply

from integrations.contracts import ProviderUnavailableError

DOWN, OK = Reply(503, b""), Reply(200, {})
TRIES = 4
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


async def test_after_five_in_a_row_nobody_is_tried_and_all_are_told_the_same():
    async with a_rig() as rig:
        tried = await open_breaker(rig)
        asked, slept = len(rig.server.received), len(rig.timing.slept)
        spared = [await failure_of(workspace(rig, number)) for number in range(5, 50)]

    assert asked == 5 * TRIES
    assert len(rig.server.received) == asked
    assert len(rig.timing.slept) == slept
    assert {str(error) for error in tried} == {
        "Ledgerly: GET r: the provider is down or faulty (503)"
    }
    (told,) = {str(error) for error in spared}
    assert told == (
        "Ledgerly: the provider is down since 2026-03-10 12:00:03 UTC; not tried, as 5 in a row "
        "gave up, the last with: Ledgerly: GET r: the provider is down or faulty (503)"
    )
    assert spared[0].retry_after_s == 60.0


@pytest.mark.parametrize("reply", [DOWN, Reply(drop=True)], ids=["503", "connection cut"])
async def test_a_batch_of_fifty_costs_a_dead_provider_a_fifth_of_the_calls(reply):
    async with a_rig() as rig:
        rig.server.answer("/r", reply)
        gate = asyncio.Semaphore(AT_ONCE)

        async def one(number):
            async with gate:
                return str(await failure_of(workspace(rig, number)))

        told = await asyncio.gather(*map(one, range(BATCH)))

    spared = sum("; not tried" in text for text in told)
    # Those who were under way when the fifth gave up are not begun again.
    assert spared >= BATCH - AT_ONCE - 5
    assert len(rig.server.received) <= (BATCH - spared) * TRIES <= 60  # without: 200


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


async def test_after_a_minute_one_request_looks_again_and_its_failure_waits_another():
    async with a_rig() as rig:
        await open_breaker(rig)
        rig.timing.passed_s += 60
        asked = len(rig.server.received)
        looked = await failure_of(workspace(rig, 5))
        again = await failure_of(workspace(rig, 6))

    assert len(rig.server.received) == asked + 1
    assert str(looked) == "Ledgerly: GET r: the provider is down or faulty (503)"
    assert "; not tried" in str(again)


async def test_an_answer_to_the_one_that_looks_lets_everybody_through():
    async with a_rig() as rig:
        await open_breaker(rig)
        rig.timing.passed_s += 60
        rig.server.answer("/r", OK)

        statuses = [(await workspace(rig, number).get("r")).status for number in range(3)]

    assert statuses == [200, 200, 200]


async def test_who_asks_for_a_token_alone_does_not_use_up_the_look():
    async with a_rig() as rig:
        await open_breaker(rig)
        rig.timing.passed_s += 60
        breaker = rig.session.breaker(a_plugin())

        assert breaker.refusal(probe=False) is None
        assert breaker.refusal() is None
        assert breaker.refusal(probe=False) is not None
