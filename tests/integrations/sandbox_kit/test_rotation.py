"""Tokens follow one another as they do at Xero, Gusto and QuickBooks."""

from collections.abc import Iterator

import pytest
from support.sandbox import LIKE_GUSTO, LIKE_QUICKBOOKS, LIKE_XERO, DemoApp, demo_app

MINUTE = 60
HOUR = 60 * MINUTE
DAY = 24 * HOUR
DEAD = {"error": "invalid_grant"}


@pytest.fixture(scope="module")
def xero_server() -> Iterator[DemoApp]:
    with demo_app(LIKE_XERO) as app:
        yield app


@pytest.fixture(scope="module")
def gusto_server() -> Iterator[DemoApp]:
    with demo_app(LIKE_GUSTO) as app:
        yield app


@pytest.fixture(scope="module")
def quickbooks_server() -> Iterator[DemoApp]:
    with demo_app(LIKE_QUICKBOOKS) as app:
        yield app


@pytest.fixture
def xero(xero_server):
    xero_server.control.reset()
    return xero_server


@pytest.fixture
def gusto(gusto_server):
    gusto_server.control.reset()
    return gusto_server


@pytest.fixture
def quickbooks(quickbooks_server):
    quickbooks_server.control.reset()
    return quickbooks_server


def test_every_refresh_brings_a_new_pair_whose_access_token_works(xero):
    first = xero.connect()
    second = xero.refresh(first["refresh_token"]).json()

    assert second["refresh_token"] != first["refresh_token"]
    assert second["access_token"] != first["access_token"]
    assert xero.report(second["access_token"]).json()["tenant"] == "org-1"


def test_access_token_of_before_the_refresh_lives_on_until_it_expires(xero):
    first = xero.connect()
    xero.refresh(first["refresh_token"])

    assert xero.report(first["access_token"]).status_code == 200


def test_spent_token_replayed_inside_the_grace_brings_another_pair(xero):
    first = xero.connect()
    lost = xero.refresh(first["refresh_token"]).json()
    xero.control.advance_clock(29 * MINUTE)
    again = xero.refresh(first["refresh_token"])

    assert again.status_code == 200
    assert again.json()["refresh_token"] != lost["refresh_token"]
    assert xero.refresh(again.json()["refresh_token"]).status_code == 200


def test_all_pairs_of_a_replay_stay_valid_until_one_is_spent(xero):
    first = xero.connect()
    lost = xero.refresh(first["refresh_token"]).json()
    again = xero.refresh(first["refresh_token"]).json()

    assert xero.report(lost["access_token"]).status_code == 200
    assert xero.report(again["access_token"]).status_code == 200
    assert xero.refresh(lost["refresh_token"]).status_code == 200


def test_spent_token_replayed_after_the_grace_kills_the_grant(xero):
    first = xero.connect()
    second = xero.refresh(first["refresh_token"]).json()
    xero.control.advance_clock(30 * MINUTE)
    late = xero.refresh(first["refresh_token"])

    assert (late.status_code, late.json()) == (400, DEAD)
    assert xero.refresh(second["refresh_token"]).json() == DEAD
    assert xero.report(second["access_token"]).json() == {"problem": "ended"}


def test_token_two_generations_old_kills_the_grant_even_inside_the_grace(xero):
    first = xero.connect()
    second = xero.refresh(first["refresh_token"]).json()
    third = xero.refresh(second["refresh_token"]).json()

    assert xero.refresh(first["refresh_token"]).json() == DEAD
    assert xero.refresh(third["refresh_token"]).json() == DEAD


def test_grace_counts_from_the_first_use_not_from_the_last_replay(xero):
    first = xero.connect()
    xero.refresh(first["refresh_token"])
    xero.control.advance_clock(20 * MINUTE)
    xero.refresh(first["refresh_token"])
    xero.control.advance_clock(20 * MINUTE)

    assert xero.refresh(first["refresh_token"]).json() == DEAD


def test_death_of_one_grant_leaves_the_others_alone(xero):
    doomed = xero.connect("org-1")
    other = xero.connect("org-2")
    xero.refresh(doomed["refresh_token"])
    xero.control.advance_clock(31 * MINUTE)
    xero.refresh(doomed["refresh_token"])

    assert xero.refresh(other["refresh_token"]).status_code == 200


def test_grant_left_alone_beyond_the_idle_limit_is_dead(xero):
    kept, idle = xero.connect(), xero.connect()
    xero.control.advance_clock(59 * DAY)
    refreshed = xero.refresh(kept["refresh_token"])
    xero.control.advance_clock(2 * DAY)

    assert refreshed.status_code == 200
    assert xero.refresh(refreshed.json()["refresh_token"]).status_code == 200
    assert xero.refresh(idle["refresh_token"]).json() == DEAD


def test_access_token_expires_by_the_clock(xero):
    token = xero.connect()["access_token"]
    xero.control.advance_clock(29 * MINUTE)
    before = xero.report(token)
    xero.control.advance_clock(2 * MINUTE)

    assert before.status_code == 200
    assert xero.report(token).status_code == 401
    assert xero.report(token).json() == {"problem": "expired"}


def test_without_offline_access_no_refresh_token_is_issued(xero):
    answer = xero.connect(scope="reports.read")

    assert set(answer) == {"id_token", "access_token", "expires_in", "token_type", "scope"}


def test_refresh_token_of_another_app_is_refused_and_stays_alive(xero):
    first = xero.connect()
    stolen = xero.http.post(
        f"{xero.url}/token",
        data={"grant_type": "refresh_token", "refresh_token": first["refresh_token"]},
        auth=("thief", "s3cret"),
    )

    assert stolen.json() == DEAD
    assert xero.refresh(first["refresh_token"]).status_code == 200


def test_old_refresh_token_works_until_the_new_access_token_is_used(gusto):
    first = gusto.connect()
    second = gusto.refresh(first["refresh_token"]).json()
    gusto.control.advance_clock(90 * DAY)
    third = gusto.refresh(first["refresh_token"]).json()
    used = gusto.report(third["access_token"])

    assert used.status_code == 200
    assert gusto.refresh(first["refresh_token"]).json() == DEAD
    assert second["refresh_token"] != third["refresh_token"]


def test_using_the_old_access_token_does_not_spend_the_old_refresh_token(gusto):
    first = gusto.connect()
    gusto.refresh(first["refresh_token"])
    gusto.report(first["access_token"])

    assert gusto.refresh(first["refresh_token"]).status_code == 200


def test_using_any_access_token_of_the_new_pair_revokes_the_old_refresh_token(gusto):
    first = gusto.connect()
    lost = gusto.refresh(first["refresh_token"]).json()
    gusto.refresh(first["refresh_token"])
    gusto.report(lost["access_token"])

    assert gusto.refresh(first["refresh_token"]).json() == DEAD


def test_grant_without_an_idle_limit_survives_years(gusto):
    first = gusto.connect()
    gusto.control.advance_clock(5 * 365 * DAY)

    assert gusto.refresh(first["refresh_token"]).status_code == 200


def test_refresh_value_stays_the_same_within_a_day(quickbooks):
    first = quickbooks.connect()
    second = quickbooks.refresh(first["refresh_token"]).json()
    quickbooks.control.advance_clock(23 * HOUR)
    third = quickbooks.refresh(first["refresh_token"]).json()

    assert second["refresh_token"] == third["refresh_token"] == first["refresh_token"]
    assert len({first["access_token"], second["access_token"], third["access_token"]}) == 3


def test_refresh_value_changes_after_a_day_and_the_old_one_is_dead_at_once(quickbooks):
    first = quickbooks.connect()
    quickbooks.control.advance_clock(25 * HOUR)
    second = quickbooks.refresh(first["refresh_token"]).json()

    assert second["refresh_token"] != first["refresh_token"]
    assert second["x_refresh_token_expires_in"] == 100 * DAY
    assert quickbooks.refresh(first["refresh_token"]).json() == DEAD
