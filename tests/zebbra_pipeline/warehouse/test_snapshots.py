"""Landing rules as properties, over random sequences of fetches."""

from datetime import date
from decimal import Decimal

from hypothesis import given, settings
from hypothesis import strategies as st
from support.warehouse import account, pull, total

from integrations.contracts import add_months, month_ends
from zebbra_pipeline.warehouse.snapshots import (
    Books,
    LandedMonth,
    differ,
    find_restatements,
    rewritten_months,
    take_snapshot,
)

FIRST = date(2025, 1, 31)
DAY = date(2026, 6, 15)


@st.composite
def pulls(draw):
    start = draw(st.integers(0, 8))
    months = month_ends(
        add_months(FIRST, start), add_months(FIRST, start + draw(st.integers(0, 3)))
    )
    ids = draw(st.lists(st.sampled_from("abcde"), unique=True))
    amounts = st.lists(
        st.sampled_from(["0", "1", "2.5", None]), min_size=len(months), max_size=len(months)
    )
    lines = [
        account(key, draw(st.sampled_from(["Sales", "Fees", f"Account {key}"])), *draw(amounts))
        for key in ids
    ]
    if draw(st.booleans()):
        lines.append(total("Total Income", *draw(amounts)))
    return pull(months, *lines)


def landed(number):
    return LandedMonth(f"batch-{number}", "GBP", provisional=False)


def replay(batches):
    books = Books()
    for number, batch in enumerate(batches):
        before, books = books, take_snapshot(books, batch, landed(number), DAY)
    return before, books


@settings(max_examples=150, deadline=None)
@given(st.lists(pulls(), min_size=1, max_size=5))
def test_every_landed_month_has_the_figures_of_its_newest_fetch(batches):
    _, books = replay(batches)

    newest = {}
    for batch in batches:
        for month in batch.dates:
            newest[month] = batch
    assert set(books.months["profit_and_loss"]) == set(newest)
    for line in books.lines:
        assert set(line.values) == set(newest)
        for month, value in line.values.items():
            said = [
                other.values[month]
                for other in newest[month].lines
                if other.account_id == line.account_id
            ]
            assert value == (said[0] if said else 0)


@settings(max_examples=150, deadline=None)
@given(st.lists(pulls(), min_size=1, max_size=5))
def test_names_and_positions_are_distinct_and_a_repeated_fetch_changes_nothing(batches):
    _, books = replay(batches)
    again = take_snapshot(books, batches[-1], landed(99), DAY)

    names = [line.endpoint for line in books.lines]
    assert len(set(names)) == len(names)
    assert [line.position for line in books.lines] == list(range(len(books.lines)))
    assert differ(books, again) is False
    assert find_restatements(books, again, batches[-1]) == []
    assert rewritten_months(books, again, batches[-1]) == {
        "profit_and_loss": list(batches[-1].dates)
    }


@settings(max_examples=150, deadline=None)
@given(st.lists(pulls(), min_size=2, max_size=5))
def test_restatements_are_exactly_the_differences_in_months_landed_before(batches):
    before, after = replay(batches)
    found = {
        (entry.line.account_id, entry.month): (entry.old_value, entry.new_value)
        for entry in find_restatements(before, after, batches[-1])
    }

    expected = {}
    old = {line.account_id: line.values for line in before.lines}
    for line in after.lines:
        for month in before.months["profit_and_loss"]:
            was = old.get(line.account_id, {}).get(month, Decimal(0))
            if line.kind == "account" and was != line.values[month]:
                expected[line.account_id, month] = (was, line.values[month])
    assert found == expected


@settings(max_examples=100, deadline=None)
@given(st.lists(pulls(), min_size=2, max_size=5))
def test_rows_of_months_that_are_not_rewritten_are_the_same_as_before(batches):
    before, after = replay(batches)
    rewritten = set(rewritten_months(before, after, batches[-1])["profit_and_loss"])

    def kept(books):
        return {
            (line.attributes, month, value)
            for line in books.lines
            for month, value in line.values.items()
            if month not in rewritten
        }

    assert kept(before) == kept(after)
