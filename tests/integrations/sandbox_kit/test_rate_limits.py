"""Limits are kept by each provider's way of counting."""

from concurrent.futures import ThreadPoolExecutor

import httpx
from support.sandbox import LIKE_GUSTO, LIKE_XERO, demo_app

from integrations.sandbox_kit import Clock, LimitRule, RateLimiter

MINUTE = LimitRule("minute", 3)
DAY = LimitRule("day", 5, window_s=86_400)
ROLLING = LimitRule("minute", 2, per="user", rolling=True)
CONCURRENT = LimitRule("concurrent", 2, window_s=None)


def limiter_of(*rules):
    clock = Clock()
    return clock, RateLimiter(rules, clock=clock, key_of=lambda _request, per: per)


def test_answers_say_what_is_left_and_the_call_too_many_is_refused():
    with demo_app(LIKE_XERO, MINUTE, DAY) as app:
        token = app.connect()["access_token"]
        left = [app.report(token).headers["x-minute-remaining"] for _ in range(3)]
        refused = app.report(token)

    assert left == ["2", "1", "0"]
    assert refused.status_code == 429
    assert refused.headers["x-rate-limit-problem"] == "minute"
    assert 1 <= int(refused.headers["retry-after"]) <= 60
    assert refused.headers["x-day-remaining"] == "2"


def test_window_opens_again_by_the_clock_while_the_day_goes_on():
    with demo_app(LIKE_XERO, MINUTE, DAY) as app:
        token = app.connect()["access_token"]
        for _ in range(3):
            app.report(token)
        app.control.advance_clock(61)
        seen = [app.report(token) for _ in range(3)]

    assert [answer.status_code for answer in seen] == [200, 200, 429]
    assert seen[-1].headers["x-rate-limit-problem"] == "day"
    assert int(seen[-1].headers["retry-after"]) > 80_000


def test_each_organisation_has_a_budget_of_its_own():
    with demo_app(LIKE_XERO, MINUTE) as app:
        first = app.connect("org-1")["access_token"]
        second = app.connect("org-2")["access_token"]
        for _ in range(4):
            app.report(first)

        assert app.report(first).status_code == 429
        assert app.report(second).headers["x-minute-remaining"] == "2"


def test_organisations_of_one_user_share_a_budget_counted_by_user():
    with demo_app(LIKE_GUSTO, ROLLING) as app:
        first = app.connect("org-1")["access_token"]
        second = app.connect("org-2")["access_token"]
        other = app.connect("org-1", user_id="someone-else")["access_token"]
        seen = [app.report(token).status_code for token in (first, second, first, other)]

    assert seen == [200, 200, 429, 200]


def test_token_endpoint_is_not_counted():
    with demo_app(LIKE_XERO, LimitRule("minute", 1)) as app:
        tokens = app.connect()
        app.report(tokens["access_token"])
        refreshed = app.refresh(tokens["refresh_token"])

    assert refreshed.status_code == 200
    assert "x-minute-remaining" not in refreshed.headers


def test_asking_the_limiter_who_calls_is_not_a_use_of_the_token():
    with demo_app(LIKE_GUSTO, LimitRule("minute", 0, per="user")) as app:
        first = app.connect()
        second = app.refresh(first["refresh_token"]).json()
        refused = app.report(second["access_token"])

        assert refused.status_code == 429
        assert app.refresh(first["refresh_token"]).status_code == 200


def test_slow_call_keeps_its_place_among_the_calls_in_flight():
    with demo_app(LIKE_XERO, LimitRule("concurrent", 1, window_s=None)) as app:
        token = app.connect()["access_token"]
        app.control.fault("slow", seconds=30)
        with ThreadPoolExecutor(1) as pool:
            slow = pool.submit(lambda: app.http.get(
                f"{app.url}/report",
                headers={"Authorization": f"Bearer {token}"},
                timeout=httpx.Timeout(60, read=1),
            ))  # fmt: skip
            while app.http.get(f"{app.url}/_control/faults").json()["faults"]:
                pass
            refused = app.report(token)
            assert slow.exception() is not None
        while (freed := app.report(token)).status_code == 429:
            pass

    assert refused.headers["x-rate-limit-problem"] == "concurrent"
    assert "retry-after" not in refused.headers
    assert freed.status_code == 200


def test_limit_fault_shows_nothing_left_of_its_own_window():
    with demo_app(LIKE_XERO, MINUTE, DAY) as app:
        token = app.connect()["access_token"]
        app.control.fault("minute_limit")
        refused = app.report(token)

    assert refused.headers["x-minute-remaining"] == "0"
    assert refused.headers["x-day-remaining"] == "4"


def test_limits_can_be_changed_until_the_next_reset():
    with demo_app(LIKE_XERO, MINUTE) as app:
        token = app.connect()["access_token"]
        app.control.set_limits(minute=1)
        changed = [app.report(token).status_code for _ in range(2)]
        app.control.reset()
        fresh = app.connect()["access_token"]
        restored = app.report(fresh)

    assert changed == [200, 429]
    assert restored.headers["x-minute-remaining"] == "2"


def test_standing_window_opens_at_once_a_rolling_one_call_by_call():
    outcomes = {}
    for rule in (LimitRule("minute", 2), LimitRule("minute", 2, rolling=True)):
        clock, limiter = limiter_of(rule)
        keys = {"minute": "org"}
        limiter.enter(keys)
        clock.advance(40)
        limiter.enter(keys)
        clock.advance(21)
        outcomes[rule.rolling] = [limiter.enter(keys) is None for _ in range(3)]

    assert outcomes == {False: [True, True, False], True: [True, False, False]}


def test_refused_calls_are_not_counted():
    _, limiter = limiter_of(MINUTE, DAY)
    keys = {"minute": "org", "day": "org"}
    refusals = [limiter.enter(keys) for _ in range(10)]

    assert [refusal.name if refusal else None for refusal in refusals[:4]] == [
        None, None, None, "minute"
    ]  # fmt: skip
    assert limiter.usage(keys)["day"].remaining == 2


def test_calls_in_flight_are_counted_until_they_leave():
    _, limiter = limiter_of(CONCURRENT)
    keys = {"concurrent": "org"}
    limiter.enter(keys)
    limiter.enter(keys)
    refused = limiter.enter(keys)
    limiter.leave(keys)

    assert refused is not None
    assert (refused.name, refused.retry_after_s) == ("concurrent", None)
    assert limiter.enter(keys) is None
