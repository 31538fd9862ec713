"""Outages as long as one likes, in virtual time: sleeping at once takes the time of one sleep."""

import asyncio
import logging
import random
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta

import pytest
from support.fake_connection import NOON, ScriptedTokens, a_plugin
from support.virtual_time import run_in_virtual_time

from integrations.contracts import ProviderUnavailableError
from integrations.runtime.answers import RawAnswer
from integrations.runtime.http import HttpSession, RetryPolicy, Timing

BATCH, AT_ONCE, REQUESTS_EACH = 50, 10, 3
ANSWER_S = 0.1
OPENED_S = 0.5 + 1 + 2 + 4 * ANSWER_S  # the first ten give up together, if nothing is jittered
TO_OPEN, A_LOOK = AT_ONCE * 4, 4  # requests
DOWN_SINCE = "Ledgerly: the provider is down since 2026-03-10 12:00:03 UTC"


class LoopTiming(Timing):
    def monotonic_s(self):
        return 1000.1 + asyncio.get_running_loop().time()

    def now(self):
        return NOON + timedelta(seconds=asyncio.get_running_loop().time())


@dataclass
class Outage(HttpSession):
    """
    A session whose provider is down while *is_down* says so.

    Attributes:
        is_down: Given the seconds and the requests before this one.
        seen: Second and status of every answer.
    """

    is_down: Callable[[float, int], bool]
    seed: int | None = None
    seen: list[tuple[float, int]] = field(default_factory=list)

    def __post_init__(self):
        self.chance = random.Random(self.seed)
        jitter = (lambda: 0.0) if self.seed is None else self.chance.random
        super().__init__(timing=LoopTiming(), retry=RetryPolicy(random=jitter))

    async def send(self, request, *, timeout_s=30.0):
        now_s = asyncio.get_running_loop().time()
        status = 503 if self.is_down(now_s, len(self.seen)) else 200
        self.seen.append((now_s, status))
        await asyncio.sleep(ANSWER_S * (1 if self.seed is None else self.chance.uniform(0.3, 9)))
        return RawAnswer(status=status, headers={}, body=b"{}", url=request.url)

    def failures(self):
        """Fetch the batch as a run does; return the errors' texts."""
        return run_in_virtual_time(self._failures())

    async def _failures(self):
        gate = asyncio.Semaphore(AT_ONCE)
        plugin = a_plugin()

        async def one(number):
            async with gate, self.breaker(plugin).turn():
                tokens = ScriptedTokens(tenant_ids=(f"tenant-{number}",))
                client = self.bind(plugin, tokens=tokens)
                for _ in range(REQUESTS_EACH):
                    await client.get("r")

        ends = await asyncio.gather(*map(one, range(BATCH)), return_exceptions=True)
        for end in ends:
            assert end is None or isinstance(end, ProviderUnavailableError)
        return [str(end) for end in ends if end is not None]


@pytest.mark.parametrize(
    ("down_s", "in_vain"), [(5, 0), (13, 0), (30, 1), (60, 2), (OPENED_S + 150, 3), (165, 3)]
)
def test_who_had_not_begun_is_fetched_once_the_provider_is_back(down_s, in_vain):
    outage = Outage(lambda now_s, _: now_s < down_s)

    failures = outage.failures()

    assert failures == ["Ledgerly: GET r: the provider is down or faulty (503)"] * (
        AT_ONCE + in_vain
    )
    answered = [status for _, status in outage.seen].count(200)
    assert answered == (BATCH - AT_ONCE - in_vain) * REQUESTS_EACH


@pytest.mark.parametrize("seed", range(20))
def test_no_chance_makes_an_outage_within_the_bound_fail_the_batch(seed):
    down_s = random.Random(seed).uniform(4, 150)
    failures = Outage(lambda now_s, _: now_s < down_s, seed).failures()

    assert not [text for text in failures if "; not tried" in text]
    assert len(failures) <= AT_ONCE + 4 + 3


@pytest.mark.parametrize(
    ("faults", "failed"),
    [(TO_OPEN + 4 * A_LOOK - 1, AT_ONCE + 3), (TO_OPEN + 4 * A_LOOK, BATCH)],
    ids=["the last try of the last look is answered", "every look meets it"],
)
def test_an_outage_counted_in_requests_lasts_for_those_that_looks_have(faults, failed):
    outage = Outage(lambda _, asked: asked < faults)

    assert len(outage.failures()) == failed


def test_what_is_waited_for_is_logged(caplog):
    caplog.set_level(logging.INFO, logger="integrations.runtime.breaker")
    Outage(lambda now_s, _: now_s < 60).failures()

    assert caplog.messages == [
        f"{DOWN_SINCE}, looking again in 10 s",
        f"{DOWN_SINCE}, looking again in 20 s",
        f"{DOWN_SINCE}, looking again in 40 s",
        "Ledgerly: the provider is back, after 78 s",
    ]


def test_that_nobody_looks_again_is_logged_once(caplog):
    caplog.set_level(logging.INFO, logger="integrations.runtime.breaker")
    Outage(lambda *_: True).failures()

    assert caplog.messages == [
        *(f"{DOWN_SINCE}, looking again in {pause_s} s" for pause_s in (10, 20, 40, 80)),
        f"{DOWN_SINCE}, the rest of the run is not tried",
    ]


def test_nothing_is_logged_of_one_that_answers(caplog):
    caplog.set_level(logging.INFO, logger="integrations.runtime.breaker")

    assert Outage(lambda _, asked: asked < AT_ONCE).failures() == []
    assert caplog.messages == []
