"""Counting the calls of a backfill against limits, without asking anybody."""

from datetime import date

import pytest

from integrations.contracts import RateLimits
from zebbra_pipeline.cli.plan import days_of
from zebbra_pipeline.ingest.quota import PlannedPull, plan_backfill

LIMITS = {
    "Books": RateLimits(per_minute=60, per_day=1000, app_per_minute=6000),
    "Pay": RateLimits(per="user"),
}


def pull(workspace, *, tenant=None, calls=5, integration="Books"):
    return PlannedPull(
        workspace_id=workspace,
        integration=integration,
        tenant=tenant or f"org of {workspace}",
        tenant_name=f"Organisation {tenant or workspace}",
        from_month=date(2024, 1, 31),
        calls=calls,
    )


def planned(*pulls, seconds_per_call=1.0, used=0):
    return plan_backfill(
        pulls,
        LIMITS,
        seconds_per_call=seconds_per_call,
        workspaces_at_once=10,
        used={("Books", "x"): used, ("Pay", "x"): 999},
    )


def test_nothing_to_fetch_costs_nothing():
    plan = planned()

    assert (plan.calls, plan.seconds, plan.obstacles) == (0, 0.0, ())


def test_calls_are_counted_by_provider_and_by_organisation():
    plan = planned(
        pull("a", tenant="x"),
        pull("b", tenant="x", calls=6),
        pull("c"),
        pull("d", integration="Pay"),
    )
    books, pay = plan.providers

    assert (plan.calls, books.calls, pay.calls) == (21, 16, 5)
    assert [(item.tenant, item.workspaces, item.calls) for item in books.tenants] == [
        ("x", ("a", "b"), 11),
        ("org of c", ("c",), 5),
    ]


def test_a_pull_whose_plugin_cannot_tell_is_counted_apart():
    (books,) = planned(pull("a", calls=None), pull("b")).providers

    assert (books.calls, books.unknown) == (5, 1)


@pytest.mark.parametrize(
    ("pulls", "seconds"),
    [
        ([pull("a")], 5.0),  # the calls of a workspace follow each other
        ([pull(f"w{number}") for number in range(1000)], 500.0),  # ten workspaces at once
        ([pull(f"w{number}", tenant="x") for number in range(36)], 120.0),  # 180 calls at 60
        ([pull(f"w{number}", tenant="x") for number in range(12)], 6.0),  # 60 calls at 60
    ],
)
def test_time_is_that_of_the_tightest_limit(pulls, seconds):
    assert planned(*pulls).seconds == pytest.approx(seconds)


def test_the_limit_of_the_whole_app_counts_over_all_organisations():
    pulls = [pull(f"w{number}") for number in range(6000)]

    assert planned(*pulls, seconds_per_call=0.001).seconds == 240.0  # 30,000 calls at 6,000


def test_an_organisation_that_needs_more_than_a_days_quota_is_an_obstacle():
    plan = planned(*(pull(f"w{number}", tenant="x", calls=400) for number in range(5)))

    (books,) = plan.providers
    assert books.tenants[0].by_day == (("w0", "w1"), ("w2", "w3"), ("w4",))
    assert books.days == 3
    assert plan.seconds == 2 * 86_400
    assert plan.obstacles == (
        "Books: Organisation x needs 2000 calls, and 1000 are allowed in a day: 3 days",
    )


@pytest.mark.parametrize(
    ("used", "by_day"),
    [
        (0, (("w0", "w1"),)),
        (200, (("w0", "w1"),)),  # to the last call
        (201, (("w0",), ("w1",))),
        (601, ((), ("w0", "w1"))),
        (1200, ((), ("w0", "w1"))),  # more than we know of
    ],
)
def test_calls_of_the_last_24_hours_leave_less_of_today(used, by_day):
    (books,) = planned(
        *(pull(f"w{number}", tenant="x", calls=400) for number in range(2)), used=used
    ).providers

    assert books.tenants[0].by_day == by_day
    assert books.tenants[0].used == used


def test_what_was_used_is_said_with_the_obstacle():
    assert planned(pull("w", tenant="x", calls=400), used=601).obstacles == (
        (
            "Books: Organisation x needs 400 calls, and 1000 are allowed in a day, "
            "601 of them used in the last 24 hours: 2 days"
        ),
    )


def test_a_pull_that_no_day_has_room_for_is_named_and_holds_up_nobody():
    plan = planned(pull("huge", tenant="x", calls=1001), pull("w", tenant="x"))

    (tenant,) = plan.providers[0].tenants
    assert (tenant.by_day, tenant.too_large) == ((("w",),), ("huge",))
    assert plan.obstacles == (
        "Books: Organisation x: huge alone needs more calls than the 1000 of a day; fetch fewer months",
    )


@pytest.mark.parametrize(
    ("calls", "lines"),
    [
        (
            400,
            [
                "Books Organisation x, by day:",
                "  today          nobody: too little of the day is left",
                "  after 1 reset  w",
            ],
        ),
        (1001, []),  # it fits no day, however many there are
    ],
)
def test_days_are_told_only_where_they_bring_somebody(calls, lines):
    assert list(days_of(planned(pull("w", tenant="x", calls=calls), used=601))) == lines


def test_a_backfill_that_is_merely_too_long_is_an_obstacle_too():
    plan = planned(*(pull(f"w{number}") for number in range(5000)), seconds_per_call=40.0)

    assert plan.obstacles == ("all of it takes 27.8 hours",)
    assert plan.over_the_day == ()
