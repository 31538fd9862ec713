"""
The control routes of an accounting emulator's books, under `/_control/`.

- `POST restate {"tenant_id", "account", "day", "amount"}`: post to a past month.
- `POST rename_account {"tenant_id", "account", "name"}`: give an account another name.
- `GET books?tenant_id=&from=&to=`: the exact figures, amounts as text.

*account* is an id, a code, or a name that only one account has.
"""

from collections.abc import Mapping, Sequence
from datetime import date
from decimal import Decimal, InvalidOperation
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from integrations.contracts import month_ends, month_start
from integrations.sandbox_kit.books import Books
from integrations.sandbox_kit.control import control_route

_FIRST = date(2022, 1, 1)


def books_control_routes(books: Mapping[str, Books]) -> Sequence[BaseRoute]:
    """
    Return the routes over these books, for `build_emulator(control_routes=...)`.

    Args:
        books: By tenant id.
    """

    def restate(body: Mapping[str, Any]) -> Mapping[str, Any]:
        found = _books(books, str(body["tenant_id"]))
        account = found.account(str(body["account"]))
        try:
            amount = Decimal(str(body["amount"]))
        except InvalidOperation:
            raise ValueError("amount: expected a decimal as text") from None
        found.restate(account.id, date.fromisoformat(str(body["day"])), amount)
        return {"account_id": account.id}

    def rename(body: Mapping[str, Any]) -> Mapping[str, Any]:
        found = _books(books, str(body["tenant_id"]))
        account = found.account(str(body["account"]))
        found.rename(account.id, str(body["name"]))
        return {"account_id": account.id}

    async def truth(request: Request) -> Response:
        query = request.query_params
        try:
            found = _books(books, query.get("tenant_id", ""))
            first = date.fromisoformat(query.get("from", _FIRST.isoformat()))
            last = date.fromisoformat(query.get("to", found.today.isoformat()))
        except (LookupError, ValueError) as exc:
            return JSONResponse({"error": str(exc)}, status_code=422)
        return JSONResponse(_truth(found, first, last))

    return (
        control_route("/restate", restate),
        control_route("/rename_account", rename),
        Route("/books", truth, methods=["GET"]),
    )


def _books(books: Mapping[str, Books], tenant_id: str) -> Books:
    if tenant_id not in books:
        raise LookupError(f"tenant_id: expected one of {', '.join(books)}")
    return books[tenant_id]


def _truth(books: Books, first: date, last: date) -> dict[str, Any]:
    months = month_ends(first, last)
    return {
        "tenant_id": books.company.id,
        "name": books.company.name,
        "currency": books.company.currency,
        "accounts": [
            {"id": item.id, "code": item.code, "name": item.name, "kind": item.kind.value}
            for item in books.accounts
        ],
        "months": {
            month.isoformat(): {account: str(amount) for account, amount in figures.items()}
            for month, figures in books.monthly(months).items()
        },
        "net_profit": {
            month.isoformat(): str(books.net_profit(month_start(month), month)) for month in months
        },
        "current_year_earnings": {
            month.isoformat(): str(books.current_year_earnings(month)) for month in months
        },
    }
