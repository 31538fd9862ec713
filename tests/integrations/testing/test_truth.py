"""A sandbox tells what is true of its data, or the author is told how."""

from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from integrations.sandbox_kit import SandboxControl, serve_in_thread
from integrations.testing.expectations import HarnessError
from integrations.testing.truth import books_of, needless_texts, payroll_of

FIRST, LAST = date(2026, 1, 1), date(2026, 2, 28)
BOOKS: dict[str, Any] = {
    "currency": "EUR",
    "accounts": [
        {"id": "a", "name": "Sales", "kind": "income"},
        {"id": "b", "name": "Bank", "kind": "bank"},
    ],
    "months": {"2026-01-31": {"a": "12.50", "b": None}, "2026-02-28": {"a": "0.00"}},
    "net_profit": {"2026-01-31": "12.50", "2026-02-28": "0.00"},
}
PAYROLL: dict[str, Any] = {
    "currency": "EUR",
    "people": [
        {
            "id": "p",
            "name": "Pia Ek",
            "spells": [
                {"title": "Cook", "start": "2026-01-05", "end": None, "monthly_salary": "900.10"}
            ],
        }
    ],
    "months": {"2026-01-31": {"gross_pay": "812.99"}},
}


@pytest.fixture
def told() -> dict[str, Any]:
    """What the sandbox answers by route; tests change it."""
    return {"books": BOOKS, "payroll": PAYROLL}


@pytest.fixture
def control(told: dict[str, Any]) -> Iterator[SandboxControl]:
    async def answer(request: Request) -> Response:
        found = told.get(request.path_params["what"])
        return JSONResponse(found or {"error": "none"}, status_code=200 if found else 404)

    with serve_in_thread(Starlette(routes=[Route("/_control/{what}", answer)])) as url:
        yield SandboxControl(url)


def test_books_tell_no_figure_from_zero(control: SandboxControl) -> None:
    truth = books_of(control, "org", FIRST, LAST)

    assert truth.figures("a") == {date(2026, 1, 31): Decimal("12.50"), LAST: Decimal(0)}
    assert truth.figures("b") == {date(2026, 1, 31): None, LAST: None}
    assert truth.flows == {"a"}
    assert truth.earnings == {}


def test_payroll_tells_people_with_their_spells(control: SandboxControl) -> None:
    truth = payroll_of(control, "co", FIRST, LAST)
    name, (spell,) = truth.people["p"]

    assert (name, spell.start, spell.end) == ("Pia Ek", date(2026, 1, 5), None)
    assert spell.monthly_salary == Decimal("900.10")
    assert truth.months == {date(2026, 1, 31): {"gross_pay": Decimal("812.99")}}


def test_sandbox_that_tells_no_books_is_told_where_to_read_how(
    control: SandboxControl, told: dict[str, Any]
) -> None:
    del told["books"]

    with pytest.raises(HarnessError, match=r"integrations\.testing\.truth says what GET"):
        books_of(control, "org", FIRST, LAST)


@pytest.mark.parametrize(
    "broken", [{"currency": "EUR"}, BOOKS | {"months": {"January": {}}}, BOOKS | {"months": 1}]
)
def test_books_of_another_shape_are_refused(
    control: SandboxControl, told: dict[str, Any], broken: dict[str, Any]
) -> None:
    told["books"] = broken

    with pytest.raises(HarnessError, match="GET _control/books of the sandbox: expected the shape"):
        books_of(control, "org", FIRST, LAST)


def test_personal_data_are_optional(control: SandboxControl, told: dict[str, Any]) -> None:
    assert needless_texts(control) == []

    told["personal"] = {"texts": ["000-00-0001"]}

    assert needless_texts(control) == ["000-00-0001"]
