"""How long is waited before the next try."""

import pytest

from integrations.runtime.backoff import Backoff
from integrations.runtime.retry import RetryPolicy, Trouble
from oauth_service.grants.lease import RefreshPolicy


@pytest.mark.parametrize(
    ("backoff", "waits"),
    [
        (Backoff(0.5, 3.0), [0.5, 1.0, 2.0, 3.0, 3.0]),
        (Backoff(10.0), [10.0, 20.0, 40.0, 80.0, 160.0]),
        (Backoff(5.0, 2.0), [2.0, 2.0]),
        (Backoff(1.0, 8.0, jitter=(1.0, 0.5), random=lambda: 0.5), [0.75, 1.5, 3.0, 6.0, 6.0]),
    ],
)
def test_waits_double_up_to_the_bound(backoff, waits):
    assert [backoff.wait_s(failures) for failures in range(1, len(waits) + 1)] == waits


@pytest.mark.parametrize(("drawn", "factor"), [(0.0, 0.75), (0.5, 1.0), (1.0, 1.25)])
def test_jitter_is_between_its_two_factors(drawn, factor):
    backoff = Backoff(2.0, 4.0, jitter=(0.75, 1.25), random=lambda: drawn)

    assert [backoff.wait_s(1), backoff.wait_s(9)] == [2.0 * factor, 4.0 * factor]


def test_hours_of_short_waits_stay_at_the_bound():
    assert Backoff(0.005, 0.02).wait_s(1_000_000) == 0.02


def test_a_request_waits_up_to_the_policys_bound_and_half_of_it_at_least():
    policy = RetryPolicy(random=lambda: 0.0)
    impatient = RetryPolicy(random=lambda: 0.999)

    assert [policy.backoff_s(Trouble.FAULT, n) for n in (1, 2, 3, 9)] == [0.5, 1.0, 2.0, 60.0]
    assert [policy.backoff_s(Trouble.THROTTLED, n) for n in (1, 2, 9)] == [5.0, 10.0, 60.0]
    assert impatient.backoff_s(Trouble.FAULT, 1) == pytest.approx(0.25, abs=0.001)


def test_a_refresh_waits_within_a_quarter_of_the_policys_backoff():
    waits = [RefreshPolicy().pause_s(attempt) for attempt in [1, 2, 3, 4, 5, 60] * 20]
    expected = [0.4, 0.8, 1.6, 3.2, 5.0, 5.0] * 20

    assert all(0.75 * e <= w <= 1.25 * e for w, e in zip(waits, expected, strict=True))
    assert len(set(waits)) == len(waits)
