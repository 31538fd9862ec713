"""Turns errors into problem documents for programs and pages for people."""

import logging
from http import HTTPStatus

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import Response
from sqlalchemy.exc import DataError, InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from starlette.exceptions import HTTPException

from integrations.contracts import IntegrationError
from oauth_service.grants.errors import ConsentError
from oauth_service.ops.request_context import HEADER, current
from oauth_service.web import operations
from oauth_service.web.admin import errors as admin_errors
from oauth_service.web.admin import routes as admin
from oauth_service.web.api import problems
from oauth_service.web.api.problems import ProblemError
from oauth_service.web.connect import errors as person_errors
from oauth_service.web.connect import providers
from oauth_service.web.connect.errors import PersonError
from oauth_service.web.middleware import answer_headers
from oauth_service.web.services import services_of

_log = logging.getLogger(__name__)


def add_error_handlers(app: FastAPI) -> None:
    """Register all handlers on *app*."""
    app.add_exception_handler(ProblemError, _problem)
    app.add_exception_handler(PersonError, _person)
    app.add_exception_handler(ConsentError, _consent)
    app.add_exception_handler(RequestValidationError, _malformed)
    app.add_exception_handler(HTTPException, _bare_status)
    app.add_exception_handler(IntegrationError, _integration_error)
    app.add_exception_handler(DataError, _unstorable)
    for away in (InterfaceError, OperationalError, PoolTimeoutError):
        app.add_exception_handler(away, _store_away)
    app.add_exception_handler(Exception, _unexpected)


async def _problem(_request: Request, exc: Exception) -> Response:
    assert isinstance(exc, ProblemError)  # noqa: S101 -- Starlette's signature is wider
    return exc.response()


async def _person(request: Request, exc: Exception) -> Response:
    assert isinstance(exc, PersonError)  # noqa: S101 -- Starlette's signature is wider
    return _page(request, exc)


async def _consent(request: Request, exc: Exception) -> Response:
    assert isinstance(exc, ConsentError)  # noqa: S101 -- Starlette's signature is wider
    return _page(request, person_errors.of_consent(exc))


async def _malformed(_request: Request, exc: Exception) -> Response:
    assert isinstance(exc, RequestValidationError)  # noqa: S101 -- Starlette's signature is wider
    faults = (
        f"{'.'.join(str(part) for part in error['loc'])}: {error['msg']}" for error in exc.errors()
    )
    return problems.invalid("; ".join(faults)).response()


async def answer_of_status(request: Request, exc: HTTPException) -> Response:
    """Return a page or a problem document, whichever suits the request, for a bare status."""
    headers = exc.headers or {}
    if _for_people(request):
        error = person_errors.of_status(HTTPStatus(exc.status_code))
        if _for_operator(request) and error.status is HTTPStatus.NOT_FOUND:
            error = admin_errors.no_such_page()
        response: Response = _page(request, error)
        response.headers.update(headers)
        return response
    problem = problems.of_status(exc.status_code)
    problem.headers = headers
    return problem.response()


async def _bare_status(request: Request, exc: Exception) -> Response:
    assert isinstance(exc, HTTPException)  # noqa: S101 -- Starlette's signature is wider
    return await answer_of_status(request, exc)


async def _integration_error(request: Request, exc: Exception) -> Response:
    assert isinstance(exc, IntegrationError)  # noqa: S101 -- Starlette's signature is wider
    _log.error("%s: %s", type(exc).__name__, exc)
    if _for_people(request):
        return _page(request, person_errors.internal())
    return problems.of_error(exc, connect_url=services_of(request).settings.oauth_url).response()


async def _unstorable(request: Request, _exc: Exception) -> Response:
    """Answer a value that the database cannot hold: PostgreSQL takes no NUL in a text."""
    if _for_people(request):
        return _page(request, person_errors.of_status(HTTPStatus.UNPROCESSABLE_ENTITY))
    return problems.invalid("a value holds a character that cannot be stored").response()


async def _store_away(request: Request, exc: Exception) -> Response:
    _log.error("the token store does not answer", exc_info=exc)
    if _for_people(request):
        return _page(request, person_errors.internal())
    return problems.store_away().response()


async def _unexpected(request: Request, _exc: Exception) -> Response:
    response: Response
    if _for_people(request):
        response = _page(request, person_errors.internal())
    else:
        response = problems.of_status(HTTPStatus.INTERNAL_SERVER_ERROR).response()
    # Starlette answers this one outside all middleware.
    response.headers.update(answer_headers(https=services_of(request).https))
    context = current()
    if context is not None and context.request_id is not None:
        response.headers[HEADER] = context.request_id
    return response


def _page(request: Request, error: PersonError) -> Response:
    home = admin.PATH if _for_operator(request) else "/connect"
    return services_of(request).pages.error(error, home=home)


def _for_operator(request: Request) -> bool:
    path = request.url.path
    return path == admin.PATH or path.startswith(f"{admin.PATH}/")


def _for_people(request: Request) -> bool:
    path = request.url.path
    programs = ("/api/", f"{operations.HEALTH}/")
    if path.startswith(programs) or path in (providers.PATH, operations.HEALTH, operations.METRICS):
        return False
    pages = path in ("/", "/connect") or path.startswith("/integration/") or _for_operator(request)
    return pages or "text/html" in request.headers.get("accept", "")
