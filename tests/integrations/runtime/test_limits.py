"""Rate limits are kept before the provider has to refuse."""

import asyncio
import threading
from datetime import UTC, datetime, timedelta

import pytest
from support.fake_connection import NOON, JumpingTiming, ScriptedTokens
from support.http_rig import a_rig
from support.scripted_server import Reply

from integrations.contracts import DayLimitError, RateLimits
from integrations.runtime.limits import Budget, DayCount, MinuteWindow

OK = Reply(200, {})


def tenant(name: str) -> ScriptedTokens:
    return ScriptedTokens(tenant_ids=(name,))


async def test_no_60_seconds_see_more_requests_than_the_minute_limit():
    async with a_rig(limits=RateLimits(per_minute=3)) as rig:
        rig.server.answer("/r", OK)

        for _ in range(3):
            await rig.client.get("r")
            rig.timing.passed_s += 10
        await rig.client.get("r")  # the first left the window at 60 s, it is 30 s now
        await rig.client.get("r")

    assert rig.timing.slept == [30.0, 10.0]
    assert len(rig.server.received) == 5


async def test_clients_of_one_tenant_share_its_budget_and_other_tenants_have_their_own():
    limits = RateLimits(per_minute=2)
    async with a_rig(limits=limits) as rig:
        rig.server.answer("/r", OK)
        twin = rig.another(tenant("tenant-1"), limits=limits)
        stranger = rig.another(tenant("tenant-2"), limits=limits)

        await rig.client.get("r")
        await twin.get("r")
        await stranger.get("r")
        await stranger.get("r")
        slept_before = list(rig.timing.slept)
        await twin.get("r")

    assert slept_before == []
    assert rig.timing.slept == [60.0]


async def test_new_grants_without_a_tenant_do_not_share_a_budget():
    limits = RateLimits(per_minute=1)
    async with a_rig(tokens=tenant(""), limits=limits) as rig:
        rig.server.answer("/r", OK)

        await rig.client.get("r")
        await rig.another(tenant(""), limits=limits).get("r")

    assert rig.timing.slept == []


async def test_known_users_share_a_budget_over_their_tenants():
    limits = RateLimits(per="user", per_minute=1)
    async with a_rig(user="ann", limits=limits) as rig:
        rig.server.answer("/r", OK)
        plugin = rig.client._plugin
        same = rig.session.bind(
            plugin, tokens=tenant("tenant-2"), base_url=rig.server.url, user="ann"
        )

        await rig.client.get("r")
        await same.get("r")

    assert rig.timing.slept == [60.0]


async def test_all_tenants_share_the_apps_minute():
    limits = RateLimits(app_per_minute=2)
    async with a_rig(limits=limits) as rig:
        rig.server.answer("/r", OK)

        for name in ("a", "b", "c"):
            await rig.another(tenant(name), limits=limits).get("r")

    assert rig.timing.slept == [60.0]


async def test_no_more_requests_are_in_flight_than_allowed():
    held = threading.Event()
    async with a_rig(limits=RateLimits(concurrent=2)) as rig:
        rig.server.answer("/r", Reply(200, {}, hold=held))

        tasks = [asyncio.create_task(rig.client.get("r")) for _ in range(6)]
        await asyncio.to_thread(rig.server.wait_for, 2)
        arrived = len(rig.server.received)
        held.set()
        await asyncio.gather(*tasks)

    assert arrived == 2
    assert rig.server.most_at_once == 2
    assert rig.client.calls == 6


async def test_window_full_of_unanswered_requests_waits_for_an_answer_first():
    budget, timing = one_budget(per_minute=1)
    inside, leave = asyncio.Event(), asyncio.Event()

    async def first():
        async with budget.slot():
            inside.set()
            await leave.wait()

    async def second():
        async with budget.slot():
            return timing.passed_s

    running = asyncio.create_task(first())
    await inside.wait()
    waiting = asyncio.create_task(second())
    await asyncio.sleep(0)
    timing.passed_s = 7.0
    leave.set()
    await running

    assert await waiting == 67.0


async def test_what_others_used_of_the_minute_is_learnt_from_the_header():
    limits = RateLimits(per_minute=60, minute_remaining_header="X-Left")
    async with a_rig(limits=limits) as rig:
        rig.server.answer("/r", *(Reply(200, {}, {"X-Left": str(left)}) for left in (2, 1, 0, 59)))

        for _ in range(3):
            await rig.client.get("r")
        slept_before = list(rig.timing.slept)
        await rig.client.get("r")

    assert slept_before == []
    assert rig.timing.slept == [60.0]


async def test_own_use_is_not_counted_twice_when_the_header_repeats_it():
    limits = RateLimits(per_minute=3, minute_remaining_header="X-Left")
    async with a_rig(limits=limits) as rig:
        rig.server.answer("/r", *(Reply(200, {}, {"X-Left": str(left)}) for left in (2, 1, 0, 0)))

        for _ in range(3):
            await rig.client.get("r")
            rig.timing.passed_s += 10
        await rig.client.get("r")

    assert rig.timing.slept == [30.0]


async def test_retry_after_is_not_stretched_to_a_minute_by_none_left():
    limits = RateLimits(per_minute=60, minute_remaining_header="X-Left")
    async with a_rig(limits=limits) as rig:
        refused = Reply(429, b"", {"X-Left": "0", "Retry-After": "2"})
        rig.server.answer("/r", refused, Reply(200, {}, {"X-Left": "59"}))

        await rig.client.get("r")

    assert rig.timing.slept == [2.0]


async def test_none_left_is_heeded_even_where_the_minute_limit_is_unknown():
    async with a_rig(limits=RateLimits(minute_remaining_header="X-Left")) as rig:
        rig.server.answer("/r", Reply(200, {}, {"X-Left": "0"}), OK)

        await rig.client.get("r")
        await rig.client.get("r")

    assert rig.timing.slept == [60.0]


@pytest.mark.parametrize("value", ["", "many", "-1", "²", "9" * 5000])
async def test_remaining_headers_that_are_no_counts_are_ignored(value):
    limits = RateLimits(per_minute=60, minute_remaining_header="X-Left")
    budget_headers = {"X-Left": value.encode().decode("latin-1")}
    async with a_rig(limits=limits) as rig:
        rig.server.answer("/r", Reply(200, {}, budget_headers))

        await rig.client.get("r")
        await rig.client.get("r")

    assert rig.timing.slept == []
    assert rig.client.quota.minute_remaining is None


async def test_none_left_today_stops_before_the_provider_refuses_and_looks_again_in_an_hour():
    async with a_rig(limits=RateLimits(day_remaining_header="X-Day")) as rig:
        rig.server.answer("/r", Reply(200, {"n": 1}, {"X-Day": "0"}), Reply(200, {"n": 2}))

        first = await rig.client.get("r")
        with pytest.raises(DayLimitError) as caught:
            await rig.client.get("r")
        sent = len(rig.server.received)
        rig.timing.passed_s = 3600
        second = await rig.client.get("r")

    assert (first.payload, second.payload) == ({"n": 1}, {"n": 2})
    assert sent == 1
    assert rig.client.calls == 2
    assert caught.value.come_back_at == NOON + timedelta(hours=1)
    assert str(caught.value) == (
        "Ledgerly: the day's quota is used up; come back at 2026-03-10 13:00:00 UTC"
    )


async def test_own_count_of_the_day_stops_at_the_limit_until_it_is_surely_over():
    async with a_rig(limits=RateLimits(per_day=2)) as rig:
        rig.server.answer("/r", OK)

        for _ in range(2):
            await rig.client.get("r")
        with pytest.raises(DayLimitError) as caught:
            await rig.client.get("r")

    assert caught.value.come_back_at == datetime(2026, 3, 11, 13, tzinfo=UTC)
    assert caught.value.retry_after_s == 25 * 3600
    assert rig.client.calls == 2


async def test_a_day_limit_reached_while_waiting_for_the_minute_is_raised_not_waited_for():
    budget, timing = one_budget(per_minute=1)
    async with budget.slot():
        pass

    async def day_ends_meanwhile(seconds):
        timing.passed_s += seconds
        budget.close(NOON + timedelta(hours=5))

    timing.sleep = day_ends_meanwhile
    with pytest.raises(DayLimitError):
        async with budget.slot():
            pass


async def test_cancelled_waiter_leaves_the_budget_usable():
    budget, timing = one_budget(concurrent=1)
    async with budget.slot():
        waiting = asyncio.create_task(_pass_through(budget))
        await asyncio.sleep(0)
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting

    await _pass_through(budget)

    assert timing.slept == []


async def test_pauses_do_not_shorten_each_other():
    budget, timing = one_budget()
    budget.pause(30)
    budget.pause(5)

    await _pass_through(budget)

    assert timing.slept == [30.0]


async def test_late_comer_does_not_overtake_a_request_that_waits_for_the_minute():
    budget, timing = one_budget(per_minute=1)
    order, wake = [], asyncio.Event()

    async def sleep(seconds):
        timing.passed_s += seconds
        await wake.wait()

    async def ask(name):
        async with budget.slot():
            order.append(name)

    await ask("first")
    timing.sleep = sleep
    waiting = asyncio.create_task(ask("second"))
    await asyncio.sleep(0)  # it waits now, and its minute is over
    late = asyncio.create_task(ask("third"))
    await asyncio.sleep(0)
    wake.set()
    await asyncio.gather(waiting, late)

    assert order == ["first", "second", "third"]


def test_a_slow_answer_keeps_its_place_for_60_seconds_after_it_arrived():
    window = MinuteWindow(1)
    window.start()
    window.end(now_s=20.0)

    assert window.wait_s(20.0) == 60.0
    assert window.wait_s(79.0) == 1.0
    assert window.wait_s(80.0) == 0.0


def test_day_count_forgets_hours_older_than_a_day():
    count = DayCount(2)
    count.add(NOON)
    count.add(NOON + timedelta(hours=3))

    assert count.full_until(NOON + timedelta(hours=4)) == NOON + timedelta(hours=25)
    assert count.full_until(NOON + timedelta(hours=24, minutes=59)) == NOON + timedelta(hours=25)
    assert count.full_until(NOON + timedelta(hours=25)) is None


def one_budget(**limits) -> tuple[Budget, JumpingTiming]:
    timing = JumpingTiming()
    return Budget("Ledgerly", timing=timing, **limits), timing


async def _pass_through(budget: Budget) -> None:
    async with budget.slot():
        pass
