"""An emulator of QuickBooks Online: its OAuth, company data and reports over invented books."""

import re
from collections.abc import Mapping, Sequence
from datetime import date
from decimal import Decimal, InvalidOperation
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from integrations.contracts import month_ends, month_start
from integrations.quickbooks.sandbox import answers
from integrations.quickbooks.sandbox.api import AUTHORIZE, REVOKE, TOKEN, QuickBooksApi, discovery
from integrations.quickbooks.sandbox.realms import Realm
from integrations.quickbooks.sandbox.rules import LIMIT_RULES, OAUTH_RULES
from integrations.sandbox_kit import (
    OAuthProvider,
    RateLimiter,
    SandboxContext,
    SandboxTenant,
    build_emulator,
    control_route,
)
from integrations.sandbox_kit.books import COMPANIES, Books, Company

__all__ = ["build_sandbox"]

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


_COMPANY = "/v3/company/{realm}"
_REALM = re.compile(r"/v3/company/([^/]+)/")


def build_sandbox(
    context: SandboxContext, *, companies: Sequence[Company] = COMPANIES
) -> Starlette:
    """
    Return the emulator.

    Besides the kit's, its control API has `POST restate`, `POST rename_account`,
    `POST too_long` and `GET books`; see `control_routes`.

    Args:
        context: Day, clock and place of the state.
        companies: Companies with books; tests and benchmarks pass their own.
    """
    every = [Realm(Books(company, today=context.today)) for company in companies]
    realms = {realm.id: realm for realm in every}
    oauth = OAuthProvider(
        slug="quickbooks",
        name="QuickBooks",
        tenants=[SandboxTenant(realm.id, realm.books.company.name) for realm in every],
        rules=OAUTH_RULES,
        context=context,
    )
    api = QuickBooksApi(oauth, realms)

    def key_of(request: Request, _per: str) -> str | None:
        realm, grant = _realm_of(request), oauth.peek(request)
        return f"{grant.client_id} {realm}" if grant is not None and realm is not None else None

    return build_emulator(
        oauth=oauth,
        limiter=RateLimiter(
            LIMIT_RULES, clock=context.clock, key_of=key_of, refuse=answers.throttled
        ),
        routes=[
            *oauth.routes(authorize=AUTHORIZE, token=TOKEN, revoke=REVOKE),
            Route("/.well-known/openid_configuration", discovery),
            Route("/.well-known/openid_sandbox_configuration", discovery),
            Route(f"{_COMPANY}/companyinfo/{{id}}", api.company_info),
            Route(f"{_COMPANY}/preferences", api.preferences),
            Route(f"{_COMPANY}/query", api.query, methods=["GET", "POST"]),
            Route(f"{_COMPANY}/reports/{{report}}", api.report),
        ],
        tenant_of=_realm_of,
        error=answers.failed,
        trace_header="intuit_tid",
        control_routes=control_routes(realms),
        on_reset=[realm.reset for realm in every],
    )


def _realm_of(request: Request) -> str | None:
    match = _REALM.search(request.url.path)
    return match.group(1) if match else None
