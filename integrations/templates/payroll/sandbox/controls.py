"""
What tests may ask and set, under `/_control/`.

- `GET payroll?tenant_id=&from=&to=`: the people with their job spells and what each month cost,
  amounts as text.
- `GET personal`: texts in the answers that a plugin does not need.
- `POST page_size {"rows"}`: people that a page has at most.
"""

from collections.abc import Mapping, Sequence
from datetime import date
from decimal import Decimal
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from integrations.contracts import month_ends
from integrations.sandbox_kit import control_route
from integrations.templates.payroll.sandbox.endpoints import Endpoints
from integrations.templates.payroll.sandbox.people import Company, Person

_COST = ("gross_pay", "employer_taxes", "benefits")


def control_routes(endpoints: Endpoints) -> Sequence[BaseRoute]:
    """Return the routes that steer and explain *endpoints*."""

    async def payroll(request: Request) -> Response:
        query = request.query_params
        try:
            company = endpoints.by_id[query.get("tenant_id", "")]
            first = date.fromisoformat(query.get("from", ""))
            last = date.fromisoformat(query.get("to", company.today.isoformat()))
        except KeyError:
            known = ", ".join(endpoints.by_id)
            return JSONResponse({"error": f"tenant_id: expected one of {known}"}, status_code=422)
        except ValueError as exc:
            return JSONResponse({"error": f"from, to: {exc}"}, status_code=422)
        return JSONResponse(_truth(company, first, last))

    async def personal(_request: Request) -> Response:
        people = [person for item in endpoints.by_id.values() for person in item.people]
        return JSONResponse({"texts": [text for who in people for text in (who.born, who.phone)]})

    def page_size(body: Mapping[str, Any]) -> None:
        rows = int(body["rows"])
        if rows < 1:
            raise ValueError("rows: expected 1 or more")
        endpoints.page_size = rows

    return (
        Route("/payroll", payroll, methods=["GET"]),
        Route("/personal", personal, methods=["GET"]),
        control_route("/page_size", page_size),
    )


def _truth(company: Company, first: date, last: date) -> dict[str, Any]:
    return {
        "tenant_id": company.id,
        "name": company.name,
        "currency": company.currency,
        "people": [_person(person) for person in company.people],
        "months": {
            month.isoformat(): _cost(company.cost_of(month)) for month in month_ends(first, last)
        },
    }


def _person(person: Person) -> dict[str, Any]:
    return {
        "id": person.id,
        "name": person.name,
        "spells": [
            {
                "title": job.title,
                "start": job.start.isoformat(),
                "end": job.end.isoformat() if job.end else None,
                "monthly_salary": str(job.monthly_pay),
            }
            for job in person.jobs
        ],
    }


def _cost(parts: Mapping[str, Decimal]) -> dict[str, str]:
    total = sum((parts[name] for name in _COST), Decimal("0.00"))
    return {name: str(amount) for name, amount in (*parts.items(), ("total_cost", total))}
