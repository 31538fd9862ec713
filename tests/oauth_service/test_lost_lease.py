"""A lease that cannot be renewed or given back: the grant lives on, whoever ends up with the pair."""

import asyncio
from datetime import timedelta
from pathlib import Path

import httpx
import pytest
from support.oauth_toy import RULES
from support.virtual_replicas import UNTIL_FIRST_USE, Office, Replica, an_office
from support.virtual_time import run_in_virtual_time

from integrations.sandbox_kit import OAuthRules
from oauth_service.grants.lease import RefreshPolicy

POLL_S = RefreshPolicy().poll_s
EITHER_ROTATION = pytest.mark.parametrize("rules", [RULES, UNTIL_FIRST_USE])


@pytest.mark.parametrize(("back_at_s", "renewed_at_s"), [(5.5, 6.0), (9.5, 10.0), (13.5, 14.0)])
def test_database_that_is_back_before_the_lease_ends_costs_nothing(
    tmp_path: Path, back_at_s: float, renewed_at_s: float
) -> None:
    async def main() -> None:
        async with an_office(tmp_path) as office:
            office.provider.slow(20.0)
            asking = await _both_ask(office)
            await _without_database(office.replicas[0], office, 4.5, back_at_s)
            await office.until(renewed_at_s + 0.01)
            lease = office.lease()
            answers = await asyncio.gather(*asking)

            assert lease[1] == renewed_at_s + 15.0
            assert [(sent.by, sent.at_s) for sent in office.provider.sent] == [(0, 0.0)]
            assert [_token(answer) for answer in answers] == [office.stored_token()] * 2
            assert office.history() == ["connected", "refreshed"]

    run_in_virtual_time(main())


@EITHER_ROTATION
def test_pair_of_the_second_refresher_that_is_stored_first_stays_and_the_late_one_is_dropped(
    tmp_path: Path, rules: OAuthRules
) -> None:
    async def main() -> None:
        async with an_office(tmp_path, rules=rules) as office:
            office.provider.slow(20.0)
            asking = await _both_ask(office)
            await _without_database(office.replicas[0], office, 4.0, 18.0)
            early = office.stored_token()
            answers = await asyncio.gather(*asking)

            assert _senders(office) == [(0, 0.0), (1, pytest.approx(15.0, abs=POLL_S))]
            assert [_token(answer) for answer in answers] == [early] * 2
            assert office.history() == ["connected", "refreshed", "superseded"]
            assert office.connection().grant_version == 2
            assert office.connection().refresh_started_at is None
            await _grant_lives(office)

    run_in_virtual_time(main())


@EITHER_ROTATION
def test_pair_of_the_first_refresher_that_is_stored_first_stays_though_it_lost_the_lease(
    tmp_path: Path, rules: OAuthRules
) -> None:
    async def main() -> None:
        async with an_office(tmp_path, rules=rules) as office:
            office.provider.slow(20.0, times=2)
            asking = await _both_ask(office)
            await _without_database(office.replicas[0], office, 4.0, 18.0)
            first = await asking[0]
            assert office.now_s == 20.0
            second = await asking[1]

            assert _senders(office) == [(0, 0.0), (1, pytest.approx(15.0, abs=POLL_S))]
            assert _token(first) == _token(second) == office.stored_token()
            assert office.history() == ["connected", "refreshed", "superseded"]
            assert office.connection().grant_version == 2
            await _grant_lives(office)

    run_in_virtual_time(main())


@EITHER_ROTATION
def test_who_has_lost_the_lease_never_asks_again_beside_the_one_who_holds_it(
    tmp_path: Path, rules: OAuthRules
) -> None:
    async def main() -> None:
        async with an_office(tmp_path, rules=rules) as office:
            # The first request gets no answer in time; the other replica's takes 20 seconds.
            office.provider.slow(40.0)
            office.provider.slow(20.0)
            asking = await _both_ask(office)
            await _without_database(office.replicas[0], office, 4.0, 18.0)
            answers = await asyncio.gather(*asking)

            assert _senders(office) == [(0, 0.0), (1, pytest.approx(15.0, abs=POLL_S))]
            assert [_token(answer) for answer in answers] == [office.stored_token()] * 2
            assert office.now_s == pytest.approx(35.0, abs=2 * POLL_S)
            assert office.history() == ["connected", "answer_lost", "refreshed"]
            # The provider acts on the first request only now: a replay within its grace.
            await office.until(41.0)
            await _grant_lives(office)

    run_in_virtual_time(main())


def test_late_request_after_the_new_token_was_used_ends_nothing_here(tmp_path: Path) -> None:
    """A provider that then refuses the first request refuses a token that is no longer ours."""

    async def main() -> None:
        async with an_office(tmp_path, rules=UNTIL_FIRST_USE) as office:
            office.provider.slow(20.0)
            asking = await _both_ask(office)
            await _without_database(office.replicas[0], office, 4.0, 18.0)
            assert office.provider.use(office.stored_token())
            answers = await asyncio.gather(*asking)

            assert [_token(answer) for answer in answers] == [office.stored_token()] * 2
            assert len(office.provider.sent) == 2
            assert office.connection().state == "connected"
            assert office.history() == ["connected", "refreshed"]

    run_in_virtual_time(main())


@EITHER_ROTATION
def test_answer_that_never_came_is_asked_for_again_when_the_database_is_back(
    tmp_path: Path, rules: OAuthRules
) -> None:
    """Nobody answers for 30 seconds; the database is away for 36."""

    async def main() -> None:
        async with an_office(tmp_path, replicas=1, rules=rules) as office:
            (service,) = office.replicas
            old = office.stored_token()
            office.provider.slow(50.0)
            asking = asyncio.create_task(service.token())
            await _without_database(service, office, 4.0, 40.0)
            failed = await asking
            noted = office.connection()
            answer = await service.token()

            assert (failed.status_code, failed.json()["code"]) == (503, "store_unavailable")
            assert (noted.state, noted.grant_version) == ("connected", 1)
            assert noted.refresh_started_at == office.clock.now() - timedelta(seconds=office.now_s)
            assert _token(answer) == office.stored_token() != old
            assert _senders(office) == [(0, 0.0), (0, 40.0)]
            assert office.history() == ["connected", "refreshed"]
            await office.until(51.0)
            await _grant_lives(office)

    run_in_virtual_time(main())


def test_lease_that_was_not_given_back_hides_no_token_and_ends_by_itself(tmp_path: Path) -> None:
    async def main() -> None:
        async with an_office(tmp_path) as office:
            asked, other = office.replicas
            with pytest.MonkeyPatch.context() as patch:
                patch.setattr(asked.services.store.leases, "give_back", _away)
                first = await asked.token()
            owner, until_s = office.lease()
            at_once = [await replica.token() for replica in office.replicas]
            took_s = office.now_s
            await office.until(2.0)
            later = await other.token(rejected=office.fingerprint())

            assert first.status_code == 200
            assert (owner is None, until_s) == (False, 15.0)
            assert [_token(answer) for answer in at_once] == [_token(first)] * 2
            assert took_s == 0.0
            assert later.status_code == 200
            assert _token(later) != _token(first)
            assert _senders(office) == [(0, 0.0), (1, pytest.approx(15.0, abs=POLL_S))]
            assert office.lease() == (None, None)

    run_in_virtual_time(main())


async def _both_ask(office: Office) -> list[asyncio.Task[httpx.Response]]:
    """Let the first replica send its refresh, then the second one wait for it."""
    first = asyncio.create_task(office.replicas[0].token())
    await office.until(0.1)
    assert len(office.provider.sent) == 1
    return [first, asyncio.create_task(office.replicas[1].token())]


async def _without_database(
    replica: Replica, office: Office, from_s: float, until_s: float
) -> None:
    await office.until(from_s)
    with replica.without_database():
        await office.until(until_s)


async def _grant_lives(office: Office) -> None:
    """Use the stored token at the provider, then refresh it."""
    token = office.stored_token()
    assert office.provider.use(token)
    answer = await office.replicas[0].token(rejected=office.fingerprint())
    assert answer.status_code == 200
    assert _token(answer) != token
    assert office.provider.use(_token(answer))


def _senders(office: Office) -> list[tuple[int, float]]:
    return [(sent.by, sent.at_s) for sent in office.provider.sent]


def _token(answer: httpx.Response) -> str:
    assert answer.status_code == 200, answer.text
    return str(answer.json()["access_token"])


def _away(*_: object) -> None:
    raise RuntimeError("the database is away")
