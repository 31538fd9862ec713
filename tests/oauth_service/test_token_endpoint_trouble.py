"""A token endpoint in trouble, with the patience of production: tries, their times, Retry-After."""

from pathlib import Path
from typing import Any

import pytest
from support.virtual_replicas import an_office
from support.virtual_time import run_in_virtual_time

BACKOFF = [0.0, pytest.approx(0.4, abs=0.1), pytest.approx(1.2, abs=0.3)]


@pytest.mark.parametrize(
    ("fault", "sent_at_s", "retry_after", "outcome"),
    [
        ({"kind": "status", "status": 500}, BACKOFF, 10, "answer_lost"),
        ({"kind": "status", "status": 503}, BACKOFF, 10, "answer_lost"),
        ({"kind": "status", "status": 503, "retry_after": 2}, [0.0, 2.0, 4.0], 2, "answer_lost"),
        ({"kind": "status", "status": 503, "retry_after": 60}, [0.0], 60, "answer_lost"),
        ({"kind": "html"}, BACKOFF, 10, "answer_lost"),
        ({"kind": "minute_limit", "retry_after": 3}, [0.0, 3.0, 6.0], 3, "unavailable"),
        ({"kind": "minute_limit", "retry_after": 4}, [0.0], 4, "unavailable"),
        ({"kind": "status", "status": 429}, BACKOFF, 10, "unavailable"),
        (
            {"kind": "slow", "seconds": 31},
            [0.0, pytest.approx(30.4, abs=0.1), pytest.approx(61.2, abs=0.3)],
            10,
            "answer_lost",
        ),
    ],
)
def test_trouble_is_met_with_three_tries_at_most_then_503_and_the_connection_stays(
    tmp_path: Path, fault: dict[str, Any], sent_at_s: list[Any], retry_after: int, outcome: str
) -> None:
    async def main() -> None:
        async with an_office(tmp_path, replicas=1) as office:
            (service,) = office.replicas
            # It is over just when we were told to come again.
            office.provider.fault(times=len(sent_at_s), **fault)
            # A caller waits for 45 seconds; then the refresh goes on without it.
            answer = await service.token()
            while answer.headers["retry-after"] == "5":
                answer = await service.token()
            gave_up_s = office.now_s

            assert (answer.status_code, answer.json()["code"]) == (503, "provider_unavailable")
            assert answer.headers["content-type"] == "application/problem+json"
            assert answer.headers["retry-after"] == str(retry_after)
            assert [sent.at_s for sent in office.provider.sent] == sent_at_s
            assert office.history() == ["connected", *[outcome] * len(sent_at_s)]
            assert office.connection().state == "connected"

            await office.until(gave_up_s + retry_after)
            assert (await service.token()).status_code == 200
            assert len(office.provider.sent) == len(sent_at_s) + 1
            assert office.connection().retry_at is None

    run_in_virtual_time(main())


def test_provider_that_named_a_time_is_asked_by_no_replica_before_it(tmp_path: Path) -> None:
    async def main() -> None:
        async with an_office(tmp_path) as office:
            first, second = office.replicas
            office.provider.fault("day_limit", retry_after=3600)
            told = [await first.token()]
            await office.until(3599.5)
            told += [await first.token(), await second.token()]
            await office.until(3600.0)
            answer = await second.token()

            assert [each.status_code for each in told] == [503] * 3
            assert [each.headers["retry-after"] for each in told] == ["3600", "1", "1"]
            assert answer.status_code == 200
            assert [(sent.by, sent.at_s) for sent in office.provider.sent] == [
                (0, 0.0),
                (1, 3600.0),
            ]

    run_in_virtual_time(main())
