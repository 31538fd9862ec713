"""
What tests may ask of the companies, and set, under `/_control/`.

- `GET payroll?tenant_id=&from=&to=`: the people with their job spells and what each month cost,
  amounts as text.
- `GET personal`: texts that the answers hold and nobody needs.
- `POST page_size {"rows"}`: rows that a page has at most.
"""

from collections.abc import Mapping, Sequence
from datetime import date
from decimal import Decimal
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from integrations.contracts import month_ends
from integrations.gusto.sandbox.answers import employee_json
from integrations.gusto.sandbox.companies import Company
from integrations.gusto.sandbox.endpoints import Endpoints
from integrations.gusto.sandbox.people import Person
from integrations.sandbox_kit import control_route

_COST = ("gross_pay", "employer_taxes", "benefits")
_NOBODY_NEEDS = ("ssn", "date_of_birth", "email", "phone")


def control_routes(endpoints: Endpoints) -> Sequence[BaseRoute]:
    """Return the routes that steer and explain *endpoints*."""

    async def payroll(request: Request) -> Response:
        query = request.query_params
        try:
            company = endpoints.companies[query.get("tenant_id", "")]
            first = date.fromisoformat(query.get("from", ""))
            last = date.fromisoformat(query.get("to", company.today.isoformat()))
        except KeyError:
            known = ", ".join(endpoints.companies)
            return JSONResponse({"error": f"tenant_id: expected one of {known}"}, status_code=422)
        except ValueError as exc:
            return JSONResponse({"error": f"from, to: {exc}"}, status_code=422)
        return JSONResponse(_truth(company, first, last))

    async def personal(_request: Request) -> Response:
        companies = endpoints.companies.values()
        return JSONResponse({"texts": [text for item in companies for text in _personal(item)]})

    return (
        Route("/payroll", payroll, methods=["GET"]),
        Route("/personal", personal, methods=["GET"]),
        control_route("/page_size", lambda body: set_page_size(endpoints, int(body["rows"]))),
    )


def set_page_size(endpoints: Endpoints, rows: int) -> None:
    """
    Let pages have at most so many rows.

    Raises:
        ValueError: If that is less than one.
    """
    if rows < 1:
        raise ValueError("rows: expected 1 or more")
    endpoints.most_per = rows


def _truth(company: Company, first: date, last: date) -> dict[str, Any]:
    return {
        "tenant_id": company.uuid,
        "name": company.name,
        "currency": "USD",
        "people": [_person(person) for person in company.people],
        "months": {
            month.isoformat(): _cost(company.true_cost(month)) for month in month_ends(first, last)
        },
    }


def _person(person: Person) -> dict[str, Any]:
    return {
        "id": person.uuid,
        "name": f"{person.first_name} {person.last_name}",
        "spells": [
            {
                "title": spell.title,
                "start": spell.start.isoformat(),
                "end": spell.end.isoformat() if spell.end else None,
                "monthly_salary": str(spell.monthly),
            }
            for spell in person.spells
        ],
    }


def _cost(parts: Mapping[str, Decimal]) -> dict[str, str]:
    total = sum((parts[name] for name in _COST), Decimal("0.00"))
    return {name: str(amount) for name, amount in (*parts.items(), ("total_cost", total))}


def _personal(company: Company) -> list[str]:
    texts = []
    for person in company.people:
        told = employee_json(company, person, all_compensations=False, with_pay=False)
        texts += [told[name] for name in _NOBODY_NEEDS]
        texts.append(told["current_home_address"]["street_1"])
    return texts
