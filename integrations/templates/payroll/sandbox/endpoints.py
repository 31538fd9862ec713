"""The emulated endpoints: who may ask, and what is answered."""

from collections.abc import Mapping
from datetime import date

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from integrations.contracts import month_end, month_ends
from integrations.sandbox_kit import OAuthProvider
from integrations.templates.payroll.sandbox.answers import payroll_json, person_json
from integrations.templates.payroll.sandbox.people import Company

MOST_ON_A_PAGE = 50
MOST_MONTHS = 12


class Endpoints:
    """
    The API over the invented companies.

    Args:
        by_id: The companies.

    Attributes:
        page_size: People on a page; tests may change it.
    """

    def __init__(self, oauth: OAuthProvider, by_id: Mapping[str, Company]) -> None:
        self._oauth = oauth
        self.by_id = by_id
        self.page_size = MOST_ON_A_PAGE

    def reset(self) -> None:
        """Forget a changed page size."""
        self.page_size = MOST_ON_A_PAGE

    async def companies(self, request: Request) -> Response:
        grant = self._oauth.grant_for(request)
        if grant is None:
            return _refusal(401, "invalid_token")
        covered = [tenant for tenant in self._oauth.tenants if tenant.id in grant.tenant_ids]
        return JSONResponse(
            {"companies": [{"id": tenant.id, "name": tenant.name} for tenant in covered]}
        )

    async def employees(self, request: Request) -> Response:
        company = self._company_for(request, "employees.read")
        if isinstance(company, Response):
            return company
        page = request.query_params.get("page", "1")
        pages = -(-len(company.people) // self.page_size)
        if not page.isdecimal() or not 1 <= int(page) <= pages:
            return _refusal(400, "bad_request", f"page: expected 1 to {pages}")
        first = (int(page) - 1) * self.page_size
        people = company.people[first : first + self.page_size]
        return JSONResponse({"employees": [person_json(who) for who in people], "pages": pages})

    async def payrolls(self, request: Request) -> Response:
        company = self._company_for(request, "payrolls.read")
        if isinstance(company, Response):
            return company
        try:
            first, last = (
                month_end(date.fromisoformat(f"{request.query_params.get(name, '')}-01"))
                for name in ("from", "to")
            )
        except ValueError:
            return _refusal(400, "bad_request", "from, to: expected months such as 2024-01")
        months = month_ends(first, last)
        if not 1 <= len(months) <= MOST_MONTHS:
            return _refusal(400, "bad_request", f"expected 1 to {MOST_MONTHS} months")
        return JSONResponse(
            {
                "currency": company.currency,
                "payrolls": [
                    payroll_json(month, company.cost_of(month))
                    for month in months
                    if month <= company.today
                ],
            }
        )

    def _company_for(self, request: Request, scope: str) -> Company | Response:
        grant = self._oauth.grant_for(request)
        if grant is None:
            return _refusal(401, "invalid_token")
        company = request.path_params["id"]
        if company not in self.by_id or not self._oauth.may_see(grant, company):
            return _refusal(403, "not_your_company")
        if scope not in grant.scopes:
            response = _refusal(403, "insufficient_scope", f"the scope {scope} is missing")
            challenge = f'Bearer error="insufficient_scope", scope="{scope}"'
            response.headers["WWW-Authenticate"] = challenge
            return response
        return self.by_id[company]


def _refusal(status: int, error: str, message: str = "") -> Response:
    # FILL IN: the provider's error answers. See "Errors" or "Status codes".
    return JSONResponse({"error": error, "message": message or error}, status_code=status)
