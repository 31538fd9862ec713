"""The ledger behind the accounting emulators."""

from datetime import date
from decimal import Decimal

import pytest

from integrations.contracts import add_months, month_ends, month_start
from integrations.sandbox_kit.books import COMPANIES, AccountKind, Books, Company

TODAY = date(2026, 11, 24)
LEAP = date(2024, 2, 29)


@pytest.fixture(params=COMPANIES, ids=lambda company: company.currency)
def books(request: pytest.FixtureRequest) -> Books:
    return Books(request.param, today=TODAY)


def acme(today: date = TODAY) -> Books:
    return Books(COMPANIES[0], today=today)


def test_assets_equal_liabilities_and_equity_on_every_month_end(books: Books) -> None:
    months = month_ends(date(2022, 1, 1), TODAY)

    assert {books.imbalance(month) for month in months} == {Decimal("0.00")}


def test_every_journal_balances_and_lies_within_the_books(books: Books) -> None:
    assert all(sum(pennies for _code, pennies in j.lines) == 0 for j in books.journals)
    assert {j.day for j in books.journals} >= {date(2024, 2, 28), LEAP, date(2024, 3, 31)}
    assert max(j.day for j in books.journals) <= TODAY


def test_past_does_not_depend_on_today() -> None:
    months = month_ends(date(2023, 1, 1), LEAP)

    assert acme().monthly(months) == acme(LEAP).monthly(months)


def test_same_company_has_the_same_books_in_every_run() -> None:
    # A fixed figure: whoever changes the generator changes everybody's sandbox.
    sales = acme().account("200")

    assert sales.id == "f028ed3b-9aad-5512-9c11-503a9c6910b0"
    assert acme().movement(sales.id, date(2024, 2, 1), LEAP) == Decimal("12846.66")


def test_net_profit_is_income_less_costs_and_enters_equity(books: Books) -> None:
    first, last = date(2024, 2, 1), LEAP
    signs = {AccountKind.INCOME: 1, AccountKind.OTHER_INCOME: 1}
    expected = sum(
        books.movement(account.id, first, last) * signs.get(account.kind, -1)
        for account in books.accounts
        if account.kind.in_profit_and_loss
    )

    assert books.net_profit(first, last) == expected
    assert books.net_profit(first, last) != 0


def test_earnings_start_anew_with_the_financial_year_and_are_retained() -> None:
    books = acme()
    retained = books.account("960").id
    year_end, next_day = date(2024, 3, 31), date(2024, 4, 1)

    assert books.year_start(year_end) == date(2023, 4, 1)
    assert books.year_start(next_day) == next_day
    moved = books.balance(retained, next_day) - books.balance(retained, year_end)
    assert moved == books.current_year_earnings(year_end) != 0


@pytest.mark.parametrize(
    ("company", "day", "start"),
    [
        (COMPANIES[1], date(2024, 12, 31), date(2024, 1, 1)),
        (COMPANIES[1], date(2025, 1, 1), date(2025, 1, 1)),
        (COMPANIES[3], date(2024, 6, 30), date(2023, 7, 1)),
        (COMPANIES[3], date(2024, 7, 1), date(2024, 7, 1)),
    ],
)
def test_financial_years_end_where_the_company_says(
    company: Company, day: date, start: date
) -> None:
    assert Books(company, today=TODAY).year_start(day) == start


def test_lock_dates_move_with_today() -> None:
    wattle = COMPANIES[3]  # its years end in June

    assert acme().lock_date == date(2026, 9, 30)
    assert acme(date(2024, 4, 30)).lock_date == LEAP
    assert acme().year_lock_date is None
    assert Books(wattle, today=TODAY).year_lock_date == date(2025, 6, 30)
    assert Books(wattle, today=date(2026, 6, 30)).year_lock_date == date(2024, 6, 30)


def test_month_that_ends_on_its_30th_is_visibly_short(books: Books) -> None:
    cut = books.net_profit(date(2024, 3, 1), date(2024, 3, 30))

    assert cut != books.net_profit(date(2024, 3, 1), date(2024, 3, 31))


def test_odd_accounts_are_there() -> None:
    books = acme()
    names = [account.name for account in books.accounts]

    assert {"Repairs & Maintenance", "Sales, Net (UK)", "Café", "Rent [HQ]"} <= set(names)
    assert names.count("Sales") == names.count("Interest") == 2
    assert [account.name for account in books.accounts if account.archived] == ["Consulting (old)"]
    refunds = books.account("209").id
    assert all(
        books.movement(refunds, month_start(month), month) < 0
        for month in month_ends(date(2023, 1, 1), date(2024, 1, 1))
    )
    cafe = books.account("Café").id
    assert books.movement(cafe, date(2024, 2, 1), LEAP) == 0
    assert books.movement(cafe, date(2024, 5, 1), date(2024, 5, 31)) > 0


def test_restatement_moves_one_past_month_and_keeps_the_balance() -> None:
    books, untouched = acme(), acme()
    rent = books.account("Rent [HQ]").id
    books.restate(rent, date(2024, 2, 15), Decimal("-100.25"))

    before = untouched.monthly(month_ends(date(2024, 1, 1), date(2024, 3, 1)))
    after = books.monthly(before)
    assert after[LEAP][rent] == before[LEAP][rent] - Decimal("100.25")
    assert after[add_months(LEAP, 1)][rent] == before[add_months(LEAP, 1)][rent]
    assert books.imbalance(TODAY) == 0


def test_rename_keeps_id_and_figures_and_reset_forgets_it() -> None:
    books = acme()
    rent = books.account("Rent [HQ]")
    books.restate(rent.id, LEAP, Decimal(1))
    books.rename(rent.id, "Rent (Leeds)")

    assert books.account(rent.id).name == "Rent (Leeds)"
    books.reset()
    assert books.account(rent.id).name == "Rent [HQ]"
    assert books.monthly([LEAP]) == acme().monthly([LEAP])


@pytest.mark.parametrize(
    ("day", "amount", "message"),
    [
        (date(2021, 12, 31), "1.00", "day: expected 2022-01-01 to 2026-11-24"),
        (date(2026, 11, 25), "1.00", "day: expected"),
        (LEAP, "1.005", "at most two decimals"),
    ],
)
def test_restatement_outside_the_books_is_refused(day: date, amount: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        acme().restate("200", day, Decimal(amount))


def test_ambiguous_and_unknown_account_names_are_refused() -> None:
    with pytest.raises(LookupError, match="'Sales', found 2"):
        acme().account("Sales")
    with pytest.raises(LookupError, match="'Yachts', found 0"):
        acme().account("Yachts")
