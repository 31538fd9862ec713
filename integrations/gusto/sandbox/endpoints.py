"""The emulated endpoints of Gusto's API: authorization and answers."""

from collections.abc import Awaitable, Callable, Sequence
from datetime import date

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from integrations.gusto.sandbox.answers import (
    company_json,
    departments_json,
    employee_json,
    employment_history_json,
    pay_schedules_json,
    payroll_json,
)
from integrations.gusto.sandbox.companies import Company
from integrations.gusto.sandbox.payruns import PayRun
from integrations.gusto.sandbox.people import Person, made_up_uuid
from integrations.gusto.sandbox.replies import (
    MOST_PER,
    RefusedError,
    check_version,
    date_range,
    not_found,
    paged,
    refuse,
    words,
)
from integrations.sandbox_kit import Grant, OAuthProvider

_Endpoint = Callable[[Request], Awaitable[Response]]

PAY_SCOPE = "compensations:read"
_STATUSES = frozenset({"processed", "unprocessed"})
_TYPES = frozenset({"regular", "off_cycle", "external"})
_PAYROLL_PARTS = frozenset({"taxes", "payroll_status_meta", "totals", "risk_blockers", "reversals"})
_EMPLOYEE_PARTS = frozenset(
    {
        "all_compensations",
        "all_home_addresses",
        "company_name",
        "current_home_address",
        "custom_fields",
        "portal_invitations",
    }
)


class Endpoints:
    """
    Gusto's API over the invented companies.

    Args:
        companies: By uuid.
        oauth: Finds the grant of a request's token.
        today: Day on which the books end.

    Attributes:
        most_per: Maximum number of rows in a page; tests make it small.
    """

    def __init__(self, companies: Sequence[Company], oauth: OAuthProvider, today: date) -> None:
        self.companies = {company.uuid: company for company in companies}
        self.oauth = oauth
        self.today = today
        self.most_per = MOST_PER

    def routes(self) -> list[Route]:
        """Return the routes at Gusto's own paths, and a 404 for all others."""
        company = "/v1/companies/{company}"
        return [
            Route("/v1/token_info", self._guarded(self._token_info, None)),
            Route(company, self._guarded(self._company, "companies:read")),
            Route(f"{company}/employees", self._guarded(self._employees, "employees:read")),
            Route(f"{company}/payrolls", self._guarded(self._payrolls, "payrolls:read")),
            Route(f"{company}/departments", self._guarded(self._departments, "departments:read")),
            Route(
                f"{company}/pay_schedules", self._guarded(self._pay_schedules, "pay_schedules:read")
            ),
            Route(
                "/v1/employees/{employee}/employment_history",
                self._guarded(self._employment_history, "employments:read"),
            ),
            Route("/{path:path}", _nothing_here),
        ]

    def _guarded(
        self, answer: Callable[[Request, Grant], Response], scope: str | None
    ) -> _Endpoint:
        async def endpoint(request: Request) -> Response:
            grant = self.oauth.grant_for(request)
            if grant is None:
                return Response(status_code=401)
            try:
                check_version(request)
                if scope is not None and scope not in grant.scopes:
                    raise refuse(
                        403,
                        "missing_oauth_scopes",
                        "Request is missing required OAuth scopes.",
                        metadata={"missing_scope_name": scope},
                    )
                return answer(request, grant)
            except RefusedError as refused:
                return refused.response

        return endpoint

    def _company_of(self, request: Request, grant: Grant) -> Company:
        uuid = request.path_params["company"]
        if uuid not in self.companies or not self.oauth.may_see(grant, uuid):
            raise not_found()
        return self.companies[uuid]

    def _token_info(self, _request: Request, grant: Grant) -> Response:
        return JSONResponse(
            {
                "scope": " ".join((*grant.scopes, "public")),
                "resource": {"type": "Company", "uuid": grant.tenant_ids[0]},
                "resource_owner": {
                    "type": "CompanyAdmin",
                    "uuid": made_up_uuid("admin", grant.user_id),
                },
            }
        )

    def _company(self, request: Request, grant: Grant) -> Response:
        return JSONResponse(company_json(self._company_of(request, grant)))

    def _employees(self, request: Request, grant: Grant) -> Response:
        company = self._company_of(request, grant)
        parts = words(request, "include", "", _EMPLOYEE_PARTS)
        people: Sequence[Person] = company.people
        terminated = request.query_params.get("terminated")
        if terminated is not None:
            leaving = terminated == "true"  # or scheduled to be
            people = [who for who in people if (who.stints[-1].end is not None) is leaving]
        rows = [
            employee_json(
                company,
                person,
                all_compensations="all_compensations" in parts,
                with_pay=PAY_SCOPE in grant.scopes,
            )
            for person in people
        ]
        return paged(request, rows, most=self.most_per)

    def _employment_history(self, request: Request, grant: Grant) -> Response:
        uuid = request.path_params["employee"]
        for company in self.companies.values():
            for person in company.people:
                if person.uuid == uuid and self.oauth.may_see(grant, company.uuid):
                    return JSONResponse(employment_history_json(person))
        raise not_found()

    def _payrolls(self, request: Request, grant: Grant) -> Response:
        company = self._company_of(request, grant)
        statuses = words(request, "processing_statuses", "processed", _STATUSES)
        types = words(request, "payroll_types", "regular", _TYPES)
        parts = words(request, "include", "", _PAYROLL_PARTS)
        by_check_date = bool(words(request, "date_filter_by", "", frozenset({"check_date"})))
        start, end = date_range(request, self.today)
        rows = [
            payroll_json(
                company, run, with_totals="totals" in parts, with_reversals="reversals" in parts
            )
            for run in company.runs
            if run.kind in types
            and ("processed" if run.processed_by(self.today) else "unprocessed") in statuses
            and _within(run, start, end, by_check_date=by_check_date)
        ]
        if request.query_params.get("sort_order") == "desc":
            rows.reverse()
        return paged(request, rows, most=self.most_per)

    def _departments(self, request: Request, grant: Grant) -> Response:
        rows = departments_json(self._company_of(request, grant))
        return paged(request, rows, most=self.most_per)

    def _pay_schedules(self, request: Request, grant: Grant) -> Response:
        rows = pay_schedules_json(self._company_of(request, grant))
        return paged(request, rows, most=self.most_per)


def _within(run: PayRun, start: date, end: date, *, by_check_date: bool) -> bool:
    """Return whether *run* is in a range; the check date counts for regular payrolls only."""
    if by_check_date and run.kind == "regular":
        return start <= run.check_date <= end
    return start <= run.start and run.end <= end


async def _nothing_here(_request: Request) -> Response:
    return not_found().response
