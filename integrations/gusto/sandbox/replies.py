"""Gusto's error bodies, paging, and request parameters."""

import math
from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from integrations.contracts import add_months
from integrations.sandbox_kit import Refusal, Usage

VERSIONS = ("2025-06-15", "2025-11-15", "2026-02-01", "2026-06-15")
MOST_PER = 100
"""Rows that a page has at most."""
_DEFAULT_PER = 25
_MONTHS_AHEAD = 3
_DEFAULT_MONTHS = 6


class RefusedError(Exception):
    """The request is answered with an error; *response* is that answer."""

    def __init__(self, response: Response) -> None:
        super().__init__()
        self.response = response


def refuse(
    status: int,
    category: str,
    message: str,
    *,
    error_key: str = "request",
    metadata: Mapping[str, str] | None = None,
) -> RefusedError:
    """Return the error to raise for an answer in Gusto's shape."""
    error: dict[str, Any] = {"error_key": error_key, "category": category, "message": message}
    if metadata is not None:
        error["metadata"] = dict(metadata)
    return RefusedError(JSONResponse({"errors": [error]}, status_code=status))


def not_found() -> RefusedError:
    """Return Gusto's 404, which also means a missing permission."""
    return refuse(404, "not_found", "The requested resource was not found.")


def fault_answer(status: int) -> Response:
    """Return the answer of a given error status: 401 has an empty body."""
    if status == 401:  # noqa: PLR2004 -- Unauthorized
        return Response(status_code=status)
    return refuse(
        status, "internal_error", "Something went wrong on our side.", error_key="base"
    ).response


def too_many(refusal: Refusal) -> Response:
    """Return Gusto's 429."""
    answer = refuse(429, "rate_limit_exceeded", "Too many requests.", error_key="base").response
    if refusal.retry_after_s is not None:
        answer.headers["Retry-After"] = str(refusal.retry_after_s)
    return answer


def limit_headers(usage: Mapping[str, Usage]) -> dict[str, str]:
    """Return the headers that every counted answer has; the reset's form is Gusto's own."""
    minute = usage["minute"]
    return {
        "X-RateLimit-Limit": str(minute.limit),
        "X-RateLimit-Remaining": str(minute.remaining),
        "X-RateLimit-Reset": minute.resets_at.strftime("%Y-%m-%d %H:%M:%S %z"),
    }


def check_version(request: Request) -> None:
    """
    Refuse a request without a version that is still served.

    The sandbox's app has no minimum version to fall back on, so the header is needed.
    """
    if request.headers.get("x-gusto-api-version") not in VERSIONS:
        raise refuse(
            406,
            "invalid_api_version",
            "The API version is missing, unknown or no longer supported.",
            error_key="X-Gusto-API-Version",
        )


def paged(request: Request, rows: Sequence[Any], *, most: int = MOST_PER) -> Response:
    """Return the page asked for, with paging headers; all rows without any if none was."""
    query = request.query_params
    if "page" not in query and "per" not in query:
        return JSONResponse(list(rows))
    page = _positive(request, "page", 1)
    per = min(_positive(request, "per", _DEFAULT_PER), most)
    headers = {
        "X-Page": str(page),
        "X-Per-Page": str(per),
        "X-Total-Count": str(len(rows)),
        "X-Total-Pages": str(math.ceil(len(rows) / per)),
    }
    return JSONResponse(list(rows[(page - 1) * per : page * per]), headers=headers)


def words(request: Request, name: str, default: str, known: frozenset[str]) -> frozenset[str]:
    """Return the comma-separated words of a parameter; refuse unknown ones."""
    given = frozenset(filter(None, request.query_params.get(name, default).split(",")))
    if not given <= known:
        raise _invalid(name)
    return given


def date_range(request: Request, today: date) -> tuple[date, date]:
    """Return `start_date` and `end_date`, refused as Gusto documents it."""
    end = _day(request, "end_date") or today
    start = _day(request, "start_date") or _months_later(end, -_DEFAULT_MONTHS)
    if end < start or end > _months_later(start, 12):
        raise _invalid("start_date", "must be at most one year before end_date")
    if end > _months_later(today, _MONTHS_AHEAD):
        raise _invalid("end_date", "must be at most three months ahead")
    return start, end


def _day(request: Request, name: str) -> date | None:
    text = request.query_params.get(name)
    if not text:
        return None
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise _invalid(name) from None


def _months_later(day: date, months: int) -> date:
    last = add_months(day, months)
    return last.replace(day=min(day.day, last.day))


def _positive(request: Request, name: str, default: int) -> int:
    text = request.query_params.get(name, str(default))
    if not text.isascii() or not text.isdigit() or int(text) < 1:
        raise _invalid(name)
    return int(text)


def _invalid(name: str, problem: str = "is invalid") -> RefusedError:
    return refuse(422, "invalid_parameter", f"{name} {problem}", error_key=name)
