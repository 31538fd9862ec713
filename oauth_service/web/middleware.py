"""What every answer carries, and how every request is logged and counted."""

import logging
import time
from collections.abc import Mapping

from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from oauth_service.ops.metrics import Metrics, RouteTemplates
from oauth_service.ops.request_context import HEADER, begin

_log = logging.getLogger("oauth_service.requests")
_POLICY = "Content-Security-Policy"


def content_policy(*form_targets: str) -> str:
    """
    Return the content security policy of a page.

    Args:
        form_targets: Where its forms may lead besides to the service itself, as CSP sources.
    """
    targets = " ".join(("'self'", *form_targets))
    return (
        f"default-src 'none'; style-src 'self'; img-src 'self'; form-action {targets}; "
        "base-uri 'none'; frame-ancestors 'none'"
    )


_HEADERS: Mapping[str, str] = {
    _POLICY: content_policy(),
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}
_YEAR_S = 31_536_000
_REQUEST_ID = HEADER.lower().encode()


def answer_headers(*, https: bool) -> dict[str, str]:
    """Return what every answer carries that no cache may keep."""
    headers = {**_HEADERS, "Cache-Control": "no-store"}
    if https:
        headers["Strict-Transport-Security"] = f"max-age={_YEAR_S}"
    return headers


class AnswerHeaders:
    """
    Adds the security headers, and keeps answers out of caches.

    Args:
        app: What it wraps.
        https: The service is reached over https only.
        static_path: Answers below it may be cached.
        other_policy: The one content security policy that an answer may bring instead.
    """

    def __init__(self, app: ASGIApp, *, https: bool, static_path: str, other_policy: str) -> None:
        self._app = app
        self._static_path = static_path
        self._other_policy = (_POLICY.lower().encode(), other_policy.encode())
        self._headers = [
            (name.lower().encode(), value.encode())
            for name, value in answer_headers(https=https).items()
        ]
        self._names = frozenset(name for name, _ in self._headers)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        static = scope["path"].startswith(self._static_path)

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                brought = message["headers"]
                own = [item for item in brought if item[0] not in self._names]
                added = self._headers
                if self._other_policy in brought:
                    name = self._other_policy[0]
                    added = [self._other_policy if item[0] == name else item for item in added]
                message["headers"] = [*own, *added]
                if static:
                    MutableHeaders(scope=message)["Cache-Control"] = "max-age=3600"
            await send(message)

        await self._app(scope, receive, send_with_headers)


class RequestLog:
    """
    Gives a request its id, logs and counts method, path, status and duration.

    Never a query: links, codes and states are there.

    Args:
        app: What it wraps.
        templates: Finds what a path is counted as.
        metrics: Counts.
    """

    def __init__(self, app: ASGIApp, *, templates: RouteTemplates, metrics: Metrics) -> None:
        self._app = app
        self._templates = templates
        self._metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        started = time.perf_counter()
        request_id = begin(scope["headers"]).request_id or ""
        status = 500

        async def send_and_note(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"] = [*message["headers"], (_REQUEST_ID, request_id.encode())]
            await send(message)

        try:
            await self._app(scope, receive, send_and_note)
        finally:
            took_s = time.perf_counter() - started
            method, path = scope["method"], scope["path"]
            route = self._templates.of(path)
            self._metrics.request(route, method, status, took_s)
            line = {
                "method": method,
                "path": path,
                "route": route,
                "status": status,
                "ms": round(took_s * 1000, 1),
            }
            _log.info(
                "%s %r %d %.0f ms", method, path, status, took_s * 1000, extra={"request": line}
            )
