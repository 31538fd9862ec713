"""
What tests may do to the books, under `/_control/`.

- `POST restate {"tenant_id", "account", "day", "amount"}`: post to a past month.
- `POST rename_account {"tenant_id", "account", "name"}`: give an account another name.
- `POST too_long {"tenant_id", "most_months", "answer"}`: let longer reports fail, by a 504
  (`"answer": "gateway"`) or by being cut off (`"notice"`).
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
from integrations.quickbooks.sandbox.realms import Realm
from integrations.sandbox_kit import control_route

_FIRST = date(2022, 1, 1)


def control_routes(realms: Mapping[str, Realm]) -> Sequence[BaseRoute]:
    """
    Return the routes over these companies.

    Args:
        realms: By id.
    """

    def restate(body: Mapping[str, Any]) -> Mapping[str, Any]:
        realm = _realm(realms, body["tenant_id"])
        account = realm.chart.account(str(body["account"]))
        try:
            amount = Decimal(str(body["amount"]))
        except InvalidOperation:
            raise ValueError("amount: expected a decimal as text") from None
        realm.books.restate(account.id, date.fromisoformat(str(body["day"])), amount)
        return {"account_id": realm.chart.id_of(account)}

    def rename(body: Mapping[str, Any]) -> Mapping[str, Any]:
        realm = _realm(realms, body["tenant_id"])
        account = realm.chart.account(str(body["account"]))
        realm.books.rename(account.id, str(body["name"]))
        return {"account_id": realm.chart.id_of(account)}

    def too_long(body: Mapping[str, Any]) -> None:
        realm = _realm(realms, body["tenant_id"])
        answer = body.get("answer", "gateway")
        if answer not in {"gateway", "notice"}:
            raise ValueError("answer: expected 'gateway' or 'notice'")
        realm.most_months = int(body["most_months"])
        realm.gateway_fails = answer == "gateway"

    async def truth(request: Request) -> Response:
        query = request.query_params
        try:
            realm = _realm(realms, query.get("tenant_id", ""))
            first = date.fromisoformat(query.get("from", _FIRST.isoformat()))
            last = date.fromisoformat(query.get("to", realm.books.today.isoformat()))
        except (LookupError, ValueError) as exc:
            return JSONResponse({"error": str(exc)}, status_code=422)
        return JSONResponse(_truth(realm, first, last))

    return (
        control_route("/restate", restate),
        control_route("/rename_account", rename),
        control_route("/too_long", too_long),
        Route("/books", truth, methods=["GET"]),
    )


def _realm(realms: Mapping[str, Realm], tenant_id: Any) -> Realm:
    if tenant_id not in realms:
        raise LookupError(f"tenant_id: expected one of {', '.join(realms)}")
    return realms[tenant_id]


def _truth(realm: Realm, first: date, last: date) -> dict[str, Any]:
    months = month_ends(first, last)
    books, chart = realm.books, realm.chart
    monthly = books.monthly(months)
    return {
        "tenant_id": realm.id,
        "name": books.company.name,
        "currency": books.company.currency,
        "accounts": [
            {
                "id": chart.id_of(item),
                "code": item.code,
                "name": item.name,
                "kind": item.kind.value,
                "path": list(chart.path_of(item)),
            }
            for item in books.accounts
        ],
        "months": {
            month.isoformat(): {
                chart.id_of(item): str(monthly[month][item.id]) for item in books.accounts
            }
            for month in months
        },
        "net_profit": {
            month.isoformat(): str(books.net_profit(month_start(month), month)) for month in months
        },
        "current_year_earnings": {
            month.isoformat(): str(books.current_year_earnings(month)) for month in months
        },
    }
