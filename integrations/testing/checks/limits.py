"""Check that the declared limits are the provider's, and are kept."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace

from integrations.contracts import ProviderClient, ProviderUnavailableError, RateLimits
from integrations.runtime.http import HttpSession, Quota, RetryPolicy
from integrations.testing.bench import Bench
from integrations.testing.expectations import expect
from integrations.testing.person import Connected

_OK, _TOO_MANY = 200, 429
_A_WINDOW_S = 61
_MORE = 5
_PATIENCE_S = 0.05
_UNDECLARED_TRIES = 60
_IMPATIENT = RetryPolicy(tries=1, throttled_tries=1, unreadable_tries=1)

Requests = Sequence[tuple[str, dict[str, str]]]


def check_rate_limits_are_the_providers_and_are_kept(bench: Bench) -> None:
    """The sandbox refuses who does not keep them, and never has to refuse us."""
    bench.reference()  # says so if no fetch succeeds
    bench.fresh()
    connected = bench.connect()
    bench.control.clear_calls()
    bench.attempt(connected)
    requests: Requests = [
        (call["path"].lstrip("/"), call["query"])
        for call in bench.control.calls()
        if call["status"] == _OK and call["path"] != bench.addresses.token_path
    ]
    limits = bench.plugin.api.limits
    _expect_the_declared_headers(bench, connected, requests, limits)
    bench.control.advance_clock(_A_WINDOW_S)
    _expect_the_sandbox_to_refuse(bench, connected, requests, limits)
    bench.control.advance_clock(_A_WINDOW_S)
    refusals = _refusals_in_a_row(bench, connected, requests, limits)
    refusals += _refusals_at_once(bench, connected, requests, limits)
    expect(
        refusals == 0,
        expected="no 429: our client waits before the provider has to refuse",
        found=f"{refusals} answers of status 429",
        why="refused requests count against us at some providers, and other apps of the customer "
        "share the limit",
    )


def _expect_the_sandbox_to_refuse(
    bench: Bench, connected: Connected, requests: Requests, limits: RateLimits
) -> None:
    """Without its limits declared the client must run into them, or nothing was proved."""
    most = limits.per_minute
    careless = replace(bench.plugin, api=replace(bench.plugin.api, limits=RateLimits()))
    tries = _UNDECLARED_TRIES if most is None else most + 1

    async def until_refused(session: HttpSession) -> int:
        client = bench.client(session, connected, careless)
        for number in range(tries):
            try:
                await _send(client, requests, number)
            except ProviderUnavailableError:
                return number
        return tries

    answered = bench.run(until_refused, retry=_IMPATIENT)
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
        why="a declared limit above the provider's is run into, one below it wastes time, and a "
        "sandbox that refuses nothing cannot show either",
    )


def _expect_the_declared_headers(
    bench: Bench, connected: Connected, requests: Requests, limits: RateLimits
) -> None:
    async def ask(session: HttpSession) -> Quota:
        client = bench.client(session, connected)
        await _send(client, requests, 0)
        return client.quota

    quota = bench.run(ask)
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
    bench: Bench, connected: Connected, requests: Requests, limits: RateLimits
) -> int:
    """Return how often we are refused when we want more than a minute allows."""

    async def many(session: HttpSession) -> None:
        client = bench.client(session, connected)
        for number in range((limits.per_minute or _UNDECLARED_TRIES) + _MORE):
            await _send(client, requests, number)

    return _refusals_during(bench, many)


def _refusals_at_once(
    bench: Bench, connected: Connected, requests: Requests, limits: RateLimits
) -> int:
    """Return how often we are refused when we want more at once than is allowed."""
    if limits.concurrent is None:
        return 0
    wanted = 2 * limits.concurrent + 1

    async def at_once(session: HttpSession) -> None:
        client = await bench.client(session, connected).open()
        await asyncio.gather(*(_send(client, requests, 0) for _ in range(wanted)))

    bench.control.advance_clock(_A_WINDOW_S)
    path = f"/{requests[0][0]}"
    bench.control.fault("slow", path=path, times=wanted, seconds=_PATIENCE_S)
    refusals = _refusals_during(bench, at_once)
    bench.control.clear_faults()
    return refusals


async def _send(client: ProviderClient, requests: Requests, number: int) -> None:
    path, query = requests[number % len(requests)]
    await client.get(path, query)


def _refusals_during(bench: Bench, work: Callable[[HttpSession], Awaitable[None]]) -> int:
    bench.control.clear_calls()
    try:
        bench.run(work)
    except ProviderUnavailableError:
        if not _refused(bench):
            raise
    return _refused(bench)


def _refused(bench: Bench) -> int:
    return sum(call["status"] == _TOO_MANY for call in bench.control.calls())


CHECKS = (check_rate_limits_are_the_providers_and_are_kept,)
