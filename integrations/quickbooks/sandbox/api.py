"""The emulator's data endpoints and discovery documents."""

import re
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from integrations.quickbooks.sandbox import answers, entities, statements
from integrations.quickbooks.sandbox.chart import Chart
from integrations.quickbooks.sandbox.parameters import (
    BadParameterError,
    ReportParameters,
    report_parameters,
)
from integrations.quickbooks.sandbox.realms import Realm
from integrations.quickbooks.sandbox.rules import ACCOUNTING_SCOPE
from integrations.sandbox_kit import OAuthProvider

_QUERY = re.compile(
    r"select\s+(?P<what>\*(?:\s*,\s*\w+)?|count\(\*\))\s+from\s+(?P<entity>\w+)"
    r"(?:\s+startposition\s+(?P<start>\d+))?(?:\s+maxresults\s+(?P<most>\d+))?\s*;?",
    re.IGNORECASE,
)
_ENTITIES: Mapping[str, Callable[[Realm], list[dict[str, Any]]]] = {
    "Account": lambda realm: entities.accounts(realm.chart),
    "CompanyInfo": lambda realm: [entities.company_info(realm.books)],
    "Preferences": lambda realm: [entities.preferences(realm.books)],
}
_USUAL_MOST = 100


def answer_query(realm: Realm, text: str) -> dict[str, Any]:
    """
    Return the `QueryResponse` of a query without conditions.

    Raises:
        BadParameterError: If it is of a kind that this sandbox does not know.
    """
    match = _QUERY.fullmatch(" ".join(text.split()))
    names = {name.lower(): name for name in _ENTITIES}
    name = names.get(match["entity"].lower()) if match else None
    if match is None or name is None:
        raise BadParameterError(
            "query: this sandbox knows 'select * from' and 'select count(*) from' "
            f"{', '.join(_ENTITIES)}, with startposition and maxresults"
        )
    found = _ENTITIES[name](realm)
    if not match["what"].startswith("*"):
        return {"totalCount": len(found)}
    start = max(int(match["start"] or 1), 1)
    shown = found[start - 1 :][: int(match["most"] or _USUAL_MOST)]
    if not shown:
        return {}
    return {name: shown, "startPosition": start, "maxResults": len(shown)}


AUTHORIZE, TOKEN, REVOKE = (
    "/connect/oauth2",
    "/oauth2/v1/tokens/bearer",
    "/v2/oauth2/tokens/revoke",
)
_NOTICE = "Unable to display more data. Please reduce the date range."
_REPORTS: Mapping[str, Callable[..., dict[str, Any]]] = {
    "ProfitAndLoss": statements.profit_and_loss,
    "BalanceSheet": statements.balance_sheet,
    "TrialBalance": statements.trial_balance,
}


async def discovery(request: Request) -> Response:
    """Return the URLs of the OAuth endpoints, under the host of the request."""
    root = f"{request.url.scheme}://{request.url.netloc}{request.scope.get('root_path', '')}"
    return JSONResponse(
        {
            "issuer": f"{root}/op/v1",
            "authorization_endpoint": root + AUTHORIZE,
            "token_endpoint": root + TOKEN,
            "userinfo_endpoint": f"{root}/v1/openid_connect/userinfo",
            "revocation_endpoint": root + REVOKE,
            "jwks_uri": f"{root}/op/v1/jwks",
            "response_types_supported": ["code"],
            "subject_types_supported": ["public"],
            "id_token_signing_alg_values_supported": ["RS256"],
            "scopes_supported": ["openid", "email", "profile", "address", "phone"],
            "token_endpoint_auth_methods_supported": ["client_secret_post", "client_secret_basic"],
            "claims_supported": ["aud", "exp", "iat", "iss", "realmid", "sub"],
        }
    )


class QuickBooksApi:
    """
    Answers for companies that a token covers, and refuses as QuickBooks does.

    Args:
        realms: By id.
    """

    def __init__(self, oauth: OAuthProvider, realms: Mapping[str, Realm]) -> None:
        self._oauth = oauth
        self._realms = realms

    async def company_info(self, request: Request) -> Response:
        """Return the company's name and address."""
        return self._answer(
            request, lambda realm: {"CompanyInfo": entities.company_info(realm.books)}
        )

    async def preferences(self, request: Request) -> Response:
        """Return the company's accounting preferences."""
        return self._answer(
            request, lambda realm: {"Preferences": entities.preferences(realm.books)}
        )

    async def query(self, request: Request) -> Response:
        """List objects; the query is in the body or in the URL."""
        body = (await request.body()).decode("utf-8", "replace")
        text = body or request.query_params.get("query", "")
        return self._answer(request, lambda realm: {"QueryResponse": answer_query(realm, text)})

    async def report(self, request: Request) -> Response:
        """Compute a report from the books."""
        realm = self._authorised(request)
        if isinstance(realm, Response):
            return realm
        make = _REPORTS.get(request.path_params["report"])
        if make is None:
            return answers.not_found()
        books = realm.books
        try:
            parameters = report_parameters(
                request.query_params, today=books.today, year_start=books.year_start
            )
        except BadParameterError as exc:
            return answers.invalid(str(exc))
        if not _is_too_long(realm, parameters):
            return answers.answered(request, make(realm.chart, parameters, now=self._now()))
        if realm.gateway_fails:
            return answers.timed_out()
        return answers.answered(request, _cut_off(make, realm.chart, parameters, self._now()))

    def _answer(self, request: Request, content: Callable[[Realm], Mapping[str, Any]]) -> Response:
        realm = self._authorised(request)
        if isinstance(realm, Response):
            return realm
        try:
            found = content(realm)
        except BadParameterError as exc:
            return answers.invalid(str(exc))
        time = self._now().isoformat(timespec="milliseconds")
        return answers.answered(request, {**found, "time": time})

    def _authorised(self, request: Request) -> Realm | Response:
        """Return the company that the request may read, or the refusal."""
        access = self._oauth.access(request)
        if access.grant is None:
            return answers.unauthorized(request, access)
        realm_id = request.path_params["realm"]
        named = request.path_params.get("id", realm_id)
        known = realm_id in self._realms and self._oauth.may_see(access.grant, realm_id)
        if not known or ACCOUNTING_SCOPE not in access.grant.scopes:
            return answers.forbidden()
        return self._realms[realm_id] if named == realm_id else answers.not_found()

    def _now(self) -> datetime:
        return self._oauth.context.clock.now()


def _is_too_long(realm: Realm, parameters: ReportParameters) -> bool:
    first, last = parameters.first, parameters.last
    months = (last.year - first.year) * 12 + last.month - first.month + 1
    return realm.most_months is not None and months > realm.most_months


def _cut_off(
    make: Callable[..., dict[str, Any]], chart: Chart, parameters: ReportParameters, now: datetime
) -> dict[str, Any]:
    """Return a report that ends after its first section, with the notice that says so."""
    report = make(chart, parameters, now=now)
    rows = report["Rows"].get("Row", [])[:1]
    notice = {"ColData": [{"value": _NOTICE}], "type": "Data"}
    return {**report, "Rows": {"Row": [*rows, notice]}}
