"""Checks of fetched data that apply to both families."""

from datetime import date

from integrations.contracts import month_ends, months_back
from integrations.runtime.http import HttpSession
from integrations.testing.expectations import ConformanceError, expect, shown
from integrations.testing.fetching import Fetched, fetch_all
from integrations.testing.harness import Harness

_ONE_YEAR, _TWO_YEARS = 12, 25
_SMALL_PAGE = 3
_MOST_CALLS = 500


def check_same_books_give_the_same_figures(harness: Harness) -> None:
    """Two fetches agree; and a month has the same figures in every window."""
    harness.fresh()
    connected = harness.connect()
    first, second = harness.attempt(connected), harness.attempt(connected)
    whole = _figures(first)
    expect(
        whole.figures == _figures(second).figures,
        expected="the same figures, in the same order, from two fetches of the same books",
        found="different ones",
        why="each difference is recorded as a restatement that never happened",
    )
    later = months_back(harness.today, 3).replace(day=1)
    short = _figures(harness.attempt(connected, from_date=later))
    expect(
        _of_months(short, short.months) == _of_months(whole, short.months),
        expected=f"months since {later} to have the same figures when fetched from "
        f"{harness.from_date}",
        found="other ones",
        why="a routine refresh fetches fewer months than the first pull, and would restate them",
    )


def check_fetching_twice_with_one_adapter_changes_nothing(harness: Harness) -> None:
    """A second fetch returns the same, and does not change the first result."""
    harness.fresh()
    connected = harness.connect()

    async def twice(session: HttpSession) -> tuple[Fetched, str, Fetched]:
        adapter = harness.adapter(connected, await harness.client(session, connected).open())
        first = await fetch_all(adapter, harness.from_date)
        as_text = first.text
        return first, as_text, await fetch_all(adapter, harness.from_date)

    first, as_text, second = harness.run(twice)
    expect(
        first.figures == second.figures and as_text == first.text,
        expected="the second fetch of an adapter to return the figures of the first",
        found="other figures" if as_text == first.text else "the first result was changed by it",
        why="a retried run would land doubled or mixed figures",
    )
    methods = {call["method"] for call in harness.control.calls()} - {"GET", "POST"}
    expect(
        not methods,
        expected="a fetch to read only",
        found=f"requests of method {', '.join(sorted(methods))}",
        why="fetching must leave the customer's books as they are",
    )


def check_months_are_month_ends_complete_and_in_order(harness: Harness) -> None:
    """The months from *from_date* to the current one, on any day of the month."""
    harness.fresh()
    connected = harness.connect()
    last_february = date(harness.today.year, 2, 28)
    for from_date, today in (
        (harness.today, harness.today),
        (last_february, harness.today),
        (date(harness.today.year - 1, 12, 31), harness.today),
        (months_back(harness.today, _ONE_YEAR).replace(day=15), harness.today),
        (date(2024, 2, 29), harness.today),
        (months_back(harness.today, _TWO_YEARS), harness.today),
        (date(harness.today.year - 1, 1, 31), date(harness.today.year, 1, 31)),
        (date(harness.today.year - 1, 11, 30), last_february),
        (date(harness.today.year, 1, 1), date(harness.today.year, 3, 1)),
    ):
        found = harness.attempt(connected, from_date=from_date, today=today)
        wanted = month_ends(from_date, today)
        expect(
            isinstance(found, Fetched),
            expected=f"figures from {from_date} when the day is {today}",
            found=shown(found) if isinstance(found, Exception) else "",
            why="every customer is fetched from another day on, on every day of the month",
        )
        months = _figures(found).months
        expect(
            months == wanted,
            expected=f"{len(wanted)} months, {wanted[0]} to {wanted[-1]}, from {from_date} when the "
            f"day is {today}",
            found=f"{len(months)}: {_listed(months)}",
            why="a month that is missing, cut at day 28 or 30, or named differently is not landed",
        )


def check_every_page_is_read_and_each_row_once(harness: Harness) -> None:
    """A fetch returns the same with small pages as with large ones, and it ends."""
    harness.fresh()
    whole = harness.reference()
    connected = harness.connect()
    harness.control.clear_calls()
    harness.attempt(connected)
    with_large = len(harness.control.calls())
    harness.control.post("page_size", rows=_SMALL_PAGE)
    harness.control.clear_calls()
    found = harness.attempt(connected)
    calls = len(harness.control.calls())
    expect(
        isinstance(found, Fetched) and found.figures == whole.figures,
        expected=f"the same figures from pages of {_SMALL_PAGE} rows",
        found=shown(found) if isinstance(found, Exception) else "other figures",
        why="rows on the second page would be missing, or counted twice",
    )
    expect(
        with_large < calls < _MOST_CALLS,
        expected=f"more requests than with large pages ({with_large}), and an end",
        found=f"{calls} requests",
        why="either paging was not exercised, or it does not end",
    )


def check_endpoint_names_are_those_of_the_figures(harness: Harness) -> None:
    """`get_data_endpoints` lists the names that a model can refer to, each once."""
    harness.fresh()
    connected = harness.connect()

    async def names(session: HttpSession) -> tuple[str, ...]:
        adapter = harness.adapter(connected, await harness.client(session, connected).open())
        return tuple(await adapter.get_data_endpoints(harness.from_date))

    found = harness.run(names)
    batch = harness.reference().batch
    expect(
        len(set(found)) == len(found) > 0 and (batch is None or found == batch.endpoints),
        expected="the endpoint names of the fetched figures, each once",
        found=f"{len(found)} names, {len(set(found))} different",
        why="a model refers to figures by these names",
    )


def _figures(found: Fetched | Exception) -> Fetched:
    if isinstance(found, Exception):
        raise ConformanceError(
            expected="figures from the undisturbed sandbox",
            found=shown(found),
            why="without figures, no other check of them is possible",
        ) from found
    return found


def _of_months(found: Fetched, months: tuple[date, ...]) -> object:
    """Return the figures of some months; of a statement's lines those that have any."""
    if found.batch is None:
        return [cost for cost in found.costs if cost.month in months]
    return {
        (line.statement, line.section, line.account_id, line.label, line.kind): figures
        for line in found.batch.lines
        if any((figures := {month: line.values[month] for month in months}).values())
    }


def _listed(months: tuple[date, ...]) -> str:
    shown_ = [str(month) for month in months]
    return ", ".join(shown_ if len(shown_) <= 3 else [shown_[0], "…", shown_[-1]]) or "none"  # noqa: PLR2004 -- first and last


CHECKS = (
    check_same_books_give_the_same_figures,
    check_fetching_twice_with_one_adapter_changes_nothing,
    check_months_are_month_ends_complete_and_in_order,
    check_endpoint_names_are_those_of_the_figures,
)
PAGING_CHECKS = (check_every_page_is_read_and_each_row_once,)
