"""What one request may bring, and how often one address may ask without the service key."""

import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from http import HTTPStatus
from ipaddress import IPv6Network, ip_address

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

Answer = Callable[[Request, HTTPException], Awaitable[Response]]
"""Turns a bare status into a problem document or a page, whichever suits the request."""


@dataclass(frozen=True, slots=True)
class RequestLimits:
    """
    How much is accepted; far above what people and the pipeline need.

    Attributes:
        body_bytes: Longest body.
        query_bytes: Longest query. A provider's callback brings about 2,000.
        burst: Requests without the service key that one address may send at once.
        per_second: How many more it may send each second after that.
        addresses: How many addresses are remembered; the longest silent is forgotten first.
    """

    body_bytes: int = 64 * 1024
    query_bytes: int = 16 * 1024
    burst: int = 1_000
    per_second: float = 20.0
    addresses: int = 10_000


class RequestSize:
    """Answers 413 and 414 to what is too long, before it is all read."""

    def __init__(self, app: ASGIApp, *, limits: RequestLimits, answer: Answer) -> None:
        self._app = app
        self._limits = limits
        self._answer = answer

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        request = Request(scope)
        status = self._too_long(request)
        if status is not None:
            response = await self._answer(request, HTTPException(status))
            await response(scope, receive, send)
            return
        read = 0

        async def receive_and_count() -> Message:
            nonlocal read
            message = await receive()
            read += len(message.get("body", b""))
            if read > self._limits.body_bytes:
                raise HTTPException(HTTPStatus.REQUEST_ENTITY_TOO_LARGE)
            return message

        await self._app(scope, receive_and_count, send)

    def _too_long(self, request: Request) -> HTTPStatus | None:
        if len(request.scope["query_string"]) > self._limits.query_bytes:
            return HTTPStatus.REQUEST_URI_TOO_LONG
        announced = request.headers.get("content-length", "0")
        if announced.isdigit() and int(announced) > self._limits.body_bytes:
            return HTTPStatus.REQUEST_ENTITY_TOO_LARGE
        return None


class PublicRate:
    """
    Answers 429 to an address that asks too often without the service key.

    Each process counts by itself. The address is the client's own behind a proxy on this
    machine that sends `X-Forwarded-For`; an IPv6 client is counted by its /64 network.

    Args:
        app: What it wraps.
        limits: How often.
        answer: Makes the 429.
        exempt: Whether a request is not counted.
        now_s: Seconds of a clock that never goes back.
    """

    def __init__(
        self,
        app: ASGIApp,
        *,
        limits: RequestLimits,
        answer: Answer,
        exempt: Callable[[Request], bool],
        now_s: Callable[[], float] = time.monotonic,
    ) -> None:
        self._app = app
        self._limits = limits
        self._answer = answer
        self._exempt = exempt
        self._now_s = now_s
        self._left: OrderedDict[str, tuple[float, float]] = OrderedDict()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        request = Request(scope)
        if self._exempt(request) or self._take(
            network_of(request.client.host if request.client else "")
        ):
            await self._app(scope, receive, send)
            return
        wait_s = str(max(1, round(1 / self._limits.per_second)))
        refusal = HTTPException(HTTPStatus.TOO_MANY_REQUESTS, headers={"Retry-After": wait_s})
        response = await self._answer(request, refusal)
        await response(scope, receive, send)

    def _take(self, network: str) -> bool:
        now = self._now_s()
        left, since = self._left.pop(network, (float(self._limits.burst), now))
        left = min(self._limits.burst, left + (now - since) * self._limits.per_second)
        allowed = left >= 1
        self._left[network] = (left - 1 if allowed else left, now)
        if len(self._left) > self._limits.addresses:
            self._left.popitem(last=False)
        return allowed


def network_of(host: str) -> str:
    """Return what counts as one client: an IPv4 address, or the /64 network of an IPv6 one."""
    try:
        address = ip_address(host)
    except ValueError:
        return host
    return str(address if address.version == 4 else IPv6Network((address, 64), strict=False))  # noqa: PLR2004 -- IP versions
