"""`BoundClient`: what is repeated, after how long, and what is raised in the end."""

from datetime import timedelta
from email.utils import format_datetime

import pytest
from support.fake_connection import NOON, ScriptedTokens
from support.http_rig import a_rig
from support.scripted_server import Reply

from integrations.contracts import (
    DayLimitError,
    PayloadError,
    ProviderUnavailableError,
    RateLimits,
)
from integrations.runtime.http import RetryPolicy

OK = Reply(200, {"ok": 1})
PROBLEM = RateLimits(day_problem=("X-Rate-Limit-Problem", "day"))


async def outcome_of(rig, *replies, path="r"):
    rig.server.answer(f"/{path}", *replies)
    return (await rig.client.get(path)).payload


async def test_throttled_request_waits_as_long_as_asked_and_is_repeated():
    async with a_rig() as rig:
        payload = await outcome_of(rig, Reply(429, b"", {"Retry-After": "2"}), OK)

    assert payload == {"ok": 1}
    assert rig.timing.slept == [2.0]
    assert rig.client.calls == 2


async def test_retry_after_may_be_an_http_date():
    date = format_datetime(NOON + timedelta(seconds=40), usegmt=True)
    async with a_rig() as rig:
        payload = await outcome_of(rig, Reply(429, b"", {"Retry-After": date}), OK)

    assert payload == {"ok": 1}
    assert rig.timing.slept == [40.0]


async def test_retry_after_holds_up_the_tenants_other_requests_too():
    async with a_rig(retry=RetryPolicy(throttled_tries=1)) as rig:
        with pytest.raises(ProviderUnavailableError):
            await outcome_of(rig, Reply(429, b"", {"Retry-After": "30"}), OK)
        rig.timing.passed_s = 10
        await rig.another(ScriptedTokens(tenant_ids=("tenant-2",))).get("r")
        slept_by_others = list(rig.timing.slept)
        await rig.another().get("r")

    assert slept_by_others == []
    assert rig.timing.slept == [20.0]


async def test_429_without_retry_after_backs_off_and_gives_up_after_five_tries():
    async with a_rig() as rig:
        with pytest.raises(ProviderUnavailableError) as caught:
            await outcome_of(rig, Reply(429, b""))

    assert not isinstance(caught.value, DayLimitError)
    assert str(caught.value) == "Ledgerly: GET r: the provider throttles us (429)"
    assert caught.value.retry_after_s == 60.0
    assert rig.timing.slept == [5.0, 10.0, 20.0, 40.0]
    assert rig.client.calls == 5


async def test_repeated_throttling_is_reported_with_the_wait_last_asked_for():
    async with a_rig() as rig:
        with pytest.raises(ProviderUnavailableError) as caught:
            await outcome_of(rig, Reply(429, b"", {"Retry-After": "24"}))

    assert caught.value.retry_after_s == 24.0
    assert rig.timing.slept == [24.0] * 4
    assert rig.client.calls == 5


async def test_waits_of_one_request_are_bounded_in_total():
    async with a_rig(retry=RetryPolicy(throttled_tries=50)) as rig:
        with pytest.raises(ProviderUnavailableError):
            await outcome_of(rig, Reply(429, b"", {"Retry-After": "90"}))

    assert rig.timing.slept == [90.0] * 3


async def test_long_retry_after_is_not_waited_for_but_says_when_to_come_back():
    async with a_rig() as rig:
        with pytest.raises(DayLimitError) as caught:
            await outcome_of(rig, Reply(429, b"", {"Retry-After": "7200"}))

    assert caught.value.come_back_at == NOON + timedelta(hours=2)
    assert caught.value.retry_after_s == 7200.0
    assert "come back at 2026-03-10 14:00:00 UTC" in str(caught.value)
    assert rig.timing.slept == []
    assert rig.client.calls == 1


async def test_day_problem_is_a_day_limit_even_when_the_wait_is_short():
    async with a_rig(limits=PROBLEM) as rig:
        reply = Reply(429, b"", {"X-Rate-Limit-Problem": "Day limit", "Retry-After": "30"})
        with pytest.raises(DayLimitError) as caught:
            await outcome_of(rig, reply)

    assert caught.value.come_back_at == NOON + timedelta(seconds=30)
    assert rig.timing.slept == []


async def test_day_problem_without_retry_after_is_looked_at_again_in_an_hour():
    async with a_rig(limits=PROBLEM) as rig:
        with pytest.raises(DayLimitError) as caught:
            await outcome_of(rig, Reply(429, b"", {"X-Rate-Limit-Problem": "day"}))

    assert caught.value.come_back_at == NOON + timedelta(hours=1)


async def test_minute_problem_is_waited_for():
    async with a_rig(limits=PROBLEM) as rig:
        reply = Reply(429, b"", {"X-Rate-Limit-Problem": "minute", "Retry-After": "12"})
        payload = await outcome_of(rig, reply, OK)

    assert payload == {"ok": 1}
    assert rig.timing.slept == [12.0]


async def test_after_a_day_limit_nothing_is_sent_for_that_tenant_until_it_is_over():
    async with a_rig(limits=PROBLEM) as rig:
        reply = Reply(429, b"", {"X-Rate-Limit-Problem": "day", "Retry-After": "3600"})
        with pytest.raises(DayLimitError):
            await outcome_of(rig, reply, OK)
        twin, stranger = rig.another(), rig.another(ScriptedTokens(tenant_ids=("tenant-2",)))
        rig.timing.passed_s = 3599
        with pytest.raises(DayLimitError) as caught:
            await twin.get("r")
        others = await stranger.get("r")
        rig.timing.passed_s = 3600
        ours = await twin.get("r")

    assert caught.value.come_back_at == NOON + timedelta(hours=1)
    assert caught.value.retry_after_s == 1.0
    assert (others.payload, ours.payload) == ({"ok": 1}, {"ok": 1})
    assert rig.client.calls + twin.calls + stranger.calls == len(rig.server.received) == 3


@pytest.mark.parametrize("status", [500, 502, 503, 504, 520, 408])
async def test_faults_of_the_provider_are_repeated_with_growing_waits(status):
    async with a_rig() as rig:
        payload = await outcome_of(rig, *[Reply(status, "<html>oops")] * 3, OK)

    assert payload == {"ok": 1}
    assert rig.timing.slept == [0.5, 1.0, 2.0]
    assert rig.client.calls == 4


async def test_lasting_fault_is_unavailable_after_four_tries_and_names_the_trace():
    async with a_rig(trace_header="X-Request-Id") as rig:
        reply = Reply(503, "The Organisation is offline", {"x-request-id": "r-77"})
        with pytest.raises(ProviderUnavailableError) as caught:
            await outcome_of(rig, reply)

    assert str(caught.value) == (
        "Ledgerly: GET r: the provider is down or faulty (503) (X-Request-Id: r-77)"
    )
    assert caught.value.retry_after_s == 60.0
    assert rig.client.calls == 4


async def test_waits_are_shortened_by_up_to_half_at_random():
    async with a_rig(retry=RetryPolicy(random=iter([0.5, 0.99, 0.0]).__next__)) as rig:
        await outcome_of(rig, *[Reply(500, b"")] * 3, OK)

    assert rig.timing.slept == [0.375, 0.505, 2.0]


async def test_503_with_a_short_retry_after_is_waited_for():
    async with a_rig() as rig:
        await outcome_of(rig, Reply(503, b"", {"Retry-After": "9"}), OK)

    assert rig.timing.slept == [9.0]


async def test_503_with_a_long_retry_after_is_unavailable_not_a_day_limit():
    async with a_rig() as rig:
        with pytest.raises(ProviderUnavailableError) as caught:
            await outcome_of(rig, Reply(503, b"", {"Retry-After": "1800"}))

    assert type(caught.value) is ProviderUnavailableError
    assert caught.value.retry_after_s == 1800.0
    assert rig.client.calls == 1


async def test_broken_connections_are_repeated_and_counted():
    async with a_rig() as rig:
        payload = await outcome_of(
            rig, Reply(drop=True), Reply(200, {"ok": "cut off"}, cut_to=5), OK
        )

    assert payload == {"ok": 1}
    assert rig.timing.slept == [0.5, 1.0]
    assert rig.client.calls == 3


async def test_lasting_network_fault_is_unavailable_and_names_the_provider():
    async with a_rig() as rig:
        with pytest.raises(ProviderUnavailableError, match=r"^Ledgerly: GET http://localhost"):
            await outcome_of(rig, Reply(drop=True))

    assert rig.client.calls == 4


@pytest.mark.parametrize("body", ["<html>Sorry</html>", '{"Reports": [{"a'])
async def test_success_that_is_no_json_is_repeated_twice_and_then_called_unreadable(body):
    async with a_rig(trace_header="X-Request-Id") as rig:
        reply = Reply(200, body, {"X-Request-Id": "r-1"})
        recovered = await outcome_of(rig, reply, reply, OK, path="a")
        with pytest.raises(PayloadError) as caught:
            await outcome_of(rig, reply, path="b")

    assert recovered == {"ok": 1}
    assert rig.client.calls == 3 + 3
    assert str(caught.value).startswith("Ledgerly: GET b: expected JSON, found ")
    assert str(caught.value).endswith("(X-Request-Id: r-1)")


async def test_refresh_in_between_does_not_use_up_a_try():
    async with a_rig() as rig:
        payload = await outcome_of(
            rig, Reply(500, b""), Reply(401, b""), Reply(500, b""), Reply(500, b""), OK
        )

    assert payload == {"ok": 1}
    assert rig.client.calls == 5
