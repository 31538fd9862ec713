from datetime import date, timedelta
from decimal import Decimal

from support.warehouse import APR, FEB, JAN, MAR, account, at, land, pull, total, writing


def restated(session):
    return {
        (entry.account_id, entry.month): (entry.old_value, entry.new_value)
        for entry in session.restatements("acme")
    }


def test_a_changed_figure_is_recorded_with_both_values_and_batches(tmp_path):
    with writing(tmp_path) as session:
        first = land(session, pull([JAN, FEB], account("a1", "Sales", "1", "2")))
        second = land(
            session, pull([FEB, MAR], account("a1", "Sales", "2.5", "3")), day=date(2026, 6, 20)
        )

        (entry,) = session.restatements("acme")
    assert (entry.integration, entry.statement, entry.account_id, entry.endpoint) == (
        "Xero",
        "profit_and_loss",
        "a1",
        "Sales",
    )
    assert (entry.month, entry.old_value, entry.new_value) == (FEB, Decimal(2), Decimal("2.5"))
    assert (entry.old_batch_id, entry.new_batch_id) == (first.batch_id, second.batch_id)
    assert (entry.detected_at, entry.currency) == (at(date(2026, 6, 20)), "GBP")
    assert (entry.after_lock_date, entry.provisional) == (False, False)
    assert (second.restated, second.restated_after_lock) == (1, 0)


def test_figures_that_stay_or_land_for_the_first_time_are_no_restatement(tmp_path):
    with writing(tmp_path) as session:
        land(session, pull([JAN, FEB], account("a1", "Sales", "1", "2")))
        landing = land(session, pull([JAN, FEB, MAR], account("a1", "Sales", "1", "2.0", "3")))

        assert restated(session) == {}
    assert landing.restated == 0


def test_accounts_that_disappear_or_are_new_are_restated_to_or_from_zero(tmp_path):
    with writing(tmp_path) as session:
        land(session, pull([JAN, FEB], account("a1", "Sales", "1", "0")))
        landing = land(session, pull([JAN, FEB], account("a2", "Fees", "0", "4")))

        assert restated(session) == {("a1", JAN): (1, 0), ("a2", FEB): (0, 4)}
    assert landing.restated == 2


def test_a_figure_that_appears_or_disappears_is_a_restatement(tmp_path):
    with writing(tmp_path) as session:
        land(session, pull([JAN, FEB], account("a1", "Sales", None, "2")))
        land(session, pull([JAN, FEB], account("a1", "Sales", "0", None)))

        assert restated(session) == {("a1", JAN): (None, 0), ("a1", FEB): (2, None)}


def test_totals_follow_from_accounts_and_are_not_restated(tmp_path):
    with writing(tmp_path) as session:
        land(session, pull([JAN], account("a1", "Sales", "1"), total("Total Income", "1")))
        land(session, pull([JAN], account("a1", "Sales", "2"), total("Total Income", "2")))

        assert restated(session) == {("a1", JAN): (1, 2)}


def test_a_rename_is_no_restatement_and_a_change_with_it_has_the_new_name(tmp_path):
    with writing(tmp_path) as session:
        land(session, pull([JAN, FEB], account("a1", "Sales", "1", "2")))
        land(session, pull([JAN, FEB], account("a1", "Fees", "1", "7")))

        (entry,) = session.restatements("acme")
    assert (entry.endpoint, entry.month) == ("Fees", FEB)


def test_a_change_in_a_month_that_the_previous_batch_had_locked_is_marked(tmp_path):
    with writing(tmp_path) as session:
        land(session, pull([JAN, FEB, MAR], account("a1", "Sales", "1", "2", "3"), lock_date=FEB))
        landing = land(session, pull([JAN, FEB, MAR], account("a1", "Sales", "0", "9", "9")))

        marks = {entry.month: entry.after_lock_date for entry in session.restatements("acme")}
    assert marks == {JAN: True, FEB: True, MAR: False}
    assert (landing.restated, landing.restated_after_lock) == (3, 2)


def test_a_month_locked_after_its_change_is_not_marked(tmp_path):
    with writing(tmp_path) as session:
        land(session, pull([JAN], account("a1", "Sales", "1")))
        land(session, pull([JAN], account("a1", "Sales", "2"), lock_date=JAN))

        (entry,) = session.restatements("acme")
    assert entry.after_lock_date is False


def test_a_running_month_that_moves_is_recorded_as_provisional(tmp_path):
    with writing(tmp_path) as session:
        land(session, pull([MAR, APR], account("a1", "Sales", "1", "2")), day=APR)
        land(
            session,
            pull([MAR, APR], account("a1", "Sales", "5", "6")),
            day=APR + timedelta(days=1),
        )

        marks = {entry.month: entry.provisional for entry in session.restatements("acme")}
    assert marks == {MAR: False, APR: True}


def test_amounts_are_not_shown_when_a_restatement_is_printed(tmp_path):
    with writing(tmp_path) as session:
        land(session, pull([JAN], account("a1", "Sales", "12345")))
        land(session, pull([JAN], account("a1", "Sales", "54321")))

        text = repr(session.restatements("acme"))
    assert "12345" not in text
    assert "54321" not in text
