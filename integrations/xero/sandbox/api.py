"""The emulator's data endpoints."""

from collections.abc import Callable, Mapping
from datetime import date, datetime
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from integrations.sandbox_kit import Connection, OAuthProvider
from integrations.sandbox_kit.books import Books
from integrations.xero.sandbox import answers, entities, statements
from integrations.xero.sandbox.parameters import (
    BadParameterError,
    ReportParameters,
    balance_sheet_parameters,
    profit_and_loss_parameters,
    trial_balance_parameters,
)
from integrations.xero.sandbox.rules import REPORT_SCOPES, SETTINGS_SCOPES

_Read = Callable[[Mapping[str, str], date], ReportParameters]
_Build = Callable[[Books, ReportParameters], dict[str, Any]]
_REPORTS: Mapping[str, tuple[_Read, _Build]] = {
    "ProfitAndLoss": (profit_and_loss_parameters, statements.profit_and_loss),
    "BalanceSheet": (balance_sheet_parameters, statements.balance_sheet),
    "TrialBalance": (trial_balance_parameters, statements.trial_balance),
}


class XeroApi:
    """
    Answers for organisations that a token covers, and refuses as Xero does.

    Args:
        books: By tenant id.
    """

    def __init__(self, oauth: OAuthProvider, books: Mapping[str, Books]) -> None:
        self._oauth = oauth
        self._books = books

    async def connections(self, request: Request) -> Response:
        """List the connections of the user and the app, or those of one consent."""
        access = self._oauth.access(request)
        if access.grant is None:
            return answers.unauthorized(access)
        event = request.query_params.get("authEventId")
        return JSONResponse(
            [
                self._connection(item)
                for item in self._oauth.connections(access.grant)
                if event in {None, item.event_id}
            ]
        )

    async def disconnect(self, request: Request) -> Response:
        """End one connection."""
        access = self._oauth.access(request)
        if access.grant is None:
            return answers.unauthorized(access)
        if not self._oauth.remove_connection(access.grant, request.path_params["id"]):
            return answers.not_found()
        return Response(status_code=204)

    async def organisation(self, request: Request) -> Response:
        """Return the organisation."""
        found = self._authorised(request, SETTINGS_SCOPES)
        if isinstance(found, Response):
            return found
        return self._answered(request, {"Organisations": [entities.organisation(found)]})

    async def accounts(self, request: Request) -> Response:
        """List the chart of accounts."""
        found = self._authorised(request, SETTINGS_SCOPES)
        if isinstance(found, Response):
            return found
        return self._answered(request, {"Accounts": entities.accounts(found)})

    async def report(self, request: Request) -> Response:
        """Compute a report from the books."""
        name = request.path_params["report"]
        if name not in _REPORTS:
            return answers.not_found()
        found = self._authorised(request, REPORT_SCOPES[name])
        if isinstance(found, Response):
            return found
        read, build = _REPORTS[name]
        try:
            parameters = read(request.query_params, found.today)
        except BadParameterError as exc:
            return answers.invalid(str(exc))
        report = build(found, parameters)
        report["UpdatedDateUTC"] = entities.microsoft(self._now())
        return self._answered(request, {"Reports": [report]})

    def _authorised(self, request: Request, scopes: frozenset[str]) -> Books | Response:
        """Return the books that the request may read, or the refusal."""
        access = self._oauth.access(request)
        if access.grant is None:
            return answers.unauthorized(access)
        tenant_id = request.headers.get("xero-tenant-id", "")
        if tenant_id not in self._books or not self._oauth.may_see(access.grant, tenant_id):
            return answers.forbidden()
        if scopes.isdisjoint(access.grant.scopes):
            return answers.lacks_scope()
        return self._books[tenant_id]

    def _connection(self, item: Connection) -> dict[str, str]:
        return {
            "id": item.id,
            "authEventId": item.event_id,
            "tenantId": item.tenant_id,
            "tenantType": "ORGANISATION",
            "tenantName": self._books[item.tenant_id].company.name,
            "createdDateUtc": _moment(item.created_at),
            "updatedDateUtc": _moment(item.updated_at),
        }

    def _answered(self, request: Request, content: Mapping[str, Any]) -> Response:
        return answers.answered(request, content, now=self._now())

    def _now(self) -> datetime:
        return self._oauth.context.clock.now()


def _moment(moment: datetime) -> str:
    """Return a moment as the connections endpoint writes it: seven decimals, no zone."""
    return f"{moment:%Y-%m-%dT%H:%M:%S.%f}0"
