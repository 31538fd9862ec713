"""Check that the declared rate limits match the provider and that the client keeps them."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace

from integrations.contracts import ProviderClient, ProviderUnavailableError, RateLimits
from integrations.runtime.http import HttpSession, Quota, RetryPolicy
from integrations.testing.customer import Connected
from integrations.testing.expectations import expect
from integrations.testing.harness import Harness

_OK, _TOO_MANY = 200, 429
_A_WINDOW_S = 61
_MORE = 5
_PATIENCE_S = 0.05
_UNDECLARED_TRIES = 60
_IMPATIENT = RetryPolicy(tries=1, throttled_tries=1, unreadable_tries=1)

Requests = Sequence[tuple[str, dict[str, str]]]


def check_rate_limits_are_the_providers_and_are_kept(harness: Harness) -> None:
    """The sandbox refuses a client without the limits, and never refuses one with them."""
    harness.reference()  # says so if no fetch succeeds
    harness.fresh()
    connected = harness.connect()
    harness.control.clear_calls()
    harness.attempt(connected)
    requests: Requests = [
        (call["path"].lstrip("/"), call["query"])
        for call in harness.control.calls()
        if call["status"] == _OK and call["path"] != harness.addresses.token_path
    ]
    limits = harness.plugin.api.limits
    _expect_the_declared_headers(harness, connected, requests, limits)
    harness.control.advance_clock(_A_WINDOW_S)
    _expect_the_sandbox_to_refuse(harness, connected, requests, limits)
    harness.control.advance_clock(_A_WINDOW_S)
    refusals = _refusals_in_a_row(harness, connected, requests, limits)
    refusals += _refusals_at_once(harness, connected, requests, limits)
    expect(
        refusals == 0,
        expected="no 429: our client waits before the provider has to refuse",
        found=f"{refusals} answers of status 429",
        why="refused requests count against us at some providers, and other apps of the customer "
        "share the limit",
    )


def _expect_the_sandbox_to_refuse(
    harness: Harness, connected: Connected, requests: Requests, limits: RateLimits
) -> None:
    """A client without declared limits must be refused; otherwise the check proves nothing."""
    most = limits.per_minute
    careless = replace(harness.plugin, api=replace(harness.plugin.api, limits=RateLimits()))
    tries = _UNDECLARED_TRIES if most is None else most + 1

    async def until_refused(session: HttpSession) -> int:
        client = harness.client(session, connected, careless)
        for number in range(tries):
            try:
                await _send(client, requests, number)
            except ProviderUnavailableError:
                return number
        return tries

    answered = harness.run(until_refused, retry=_IMPATIENT)
    if most is None:
        expect(
            answered == tries,
            expected=f"{tries} requests in a minute to be answered, as no limit is declared",
            found=f"a refusal after {answered}",
            why="a limit that is not declared is not kept",
        )
        return
    expect(
        answered == most,
        expected=f"the sandbox to refuse after the {most} requests a minute that are declared",
        found=f"a refusal after {answered}" if answered < tries else "no refusal",
        why="a declared limit above the provider's is exceeded, one below it wastes time, and a "
        "sandbox that refuses nothing cannot show either",
    )


def _expect_the_declared_headers(
    harness: Harness, connected: Connected, requests: Requests, limits: RateLimits
) -> None:
    async def ask(session: HttpSession) -> Quota:
        client = harness.client(session, connected)
        await _send(client, requests, 0)
        return client.quota

    quota = harness.run(ask)
    for header, remaining in (
        (limits.minute_remaining_header, quota.minute_remaining),
        (limits.day_remaining_header, quota.day_remaining),
    ):
        expect(
            header is None or remaining is not None,
            expected=f"the declared header {header} with a number in the answers",
            found="no such header, or no number in it",
            why="it is how we learn what other apps of the customer have used",
        )


def _refusals_in_a_row(
    harness: Harness, connected: Connected, requests: Requests, limits: RateLimits
) -> int:
    """Return the number of refusals when more requests are sent than a minute allows."""

    async def many(session: HttpSession) -> None:
        client = harness.client(session, connected)
        for number in range((limits.per_minute or _UNDECLARED_TRIES) + _MORE):
            await _send(client, requests, number)

    return _refusals_during(harness, many)


def _refusals_at_once(
    harness: Harness, connected: Connected, requests: Requests, limits: RateLimits
) -> int:
    """Return the number of refusals when more requests are sent at once than allowed."""
    if limits.concurrent is None:
        return 0
    wanted = 2 * limits.concurrent + 1

    async def at_once(session: HttpSession) -> None:
        client = await harness.client(session, connected).open()
        await asyncio.gather(*(_send(client, requests, 0) for _ in range(wanted)))

    harness.control.advance_clock(_A_WINDOW_S)
    path = f"/{requests[0][0]}"
    harness.control.fault("slow", path=path, times=wanted, seconds=_PATIENCE_S)
    refusals = _refusals_during(harness, at_once)
    harness.control.clear_faults()
    return refusals


async def _send(client: ProviderClient, requests: Requests, number: int) -> None:
    path, query = requests[number % len(requests)]
    await client.get(path, query)


def _refusals_during(harness: Harness, work: Callable[[HttpSession], Awaitable[None]]) -> int:
    harness.control.clear_calls()
    try:
        harness.run(work)
    except ProviderUnavailableError:
        if not _refused(harness):
            raise
    return _refused(harness)


def _refused(harness: Harness) -> int:
    return sum(call["status"] == _TOO_MANY for call in harness.control.calls())


CHECKS = (check_rate_limits_are_the_providers_and_are_kept,)
