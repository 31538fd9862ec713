"""`Faults`: failures that an emulator injects on demand."""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from threading import Lock
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, PlainTextResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from integrations.sandbox_kit.calls import TenantOf, is_control, local_path
from integrations.sandbox_kit.limits import EXHAUSTED, Refusal, Refuse, plain_refusal

_ABORT = "zebbra.sandbox.abort"


class ConnectionCut(Exception):  # noqa: N818 -- it is the wanted outcome
    """Raised where the server gives no way to cut the connection (in-process transports)."""


class SandboxApp(Starlette):
    """A Starlette app with handlers that can cut the connection, under uvicorn."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        # Starlette wraps `send`; only the outermost app sees the server's own.
        scope.setdefault(_ABORT, _abort_of(send))
        await super().__call__(scope, receive, send)


async def cut_connection(scope: Scope, receive: Receive) -> None:
    """
    Drop the connection at once.

    Raises:
        ConnectionCut: If the server offers no way; the caller's client then sees this error.
    """
    abort = scope.get(_ABORT)
    if abort is None:
        raise ConnectionCut
    abort()
    # The server reports the end of the connection; returning earlier it would answer 500.
    while (await receive())["type"] != "http.disconnect":
        pass


def _abort_of(send: Send) -> Callable[[], None] | None:
    """Return what aborts the transport behind *send*: uvicorn's is a method of its cycle."""
    transport: Any = getattr(getattr(send, "__self__", None), "transport", None)
    abort = getattr(transport, "abort", None)
    return abort if callable(abort) else None


FaultKind = Literal[
    "status", "minute_limit", "day_limit", "html", "truncated", "slow", "lost_answer"
]
_LIMITS = {"minute_limit": ("minute", 2), "day_limit": ("day", 6 * 3600)}
ErrorResponse = Callable[[int], Response]


class Fault(BaseModel):
    """
    A failure to inject, and when.

    Attributes:
        kind: `status` answers *status*; `minute_limit` and `day_limit` refuse as the provider
            would; `html` answers a page instead of data; `truncated` sends half of the body;
            `slow` waits *seconds* before doing the work, which it does earlier if the client
            hangs up; `lost_answer` does the work and cuts
            the connection.
        path: Prefix of the paths concerned; empty: any.
        method: Only requests of this method.
        tenant_id: Only requests for this organisation.
        times: How often; None: until the faults are cleared.
        after: How many matching requests succeed first.
        status: Status of `status`, and of `html`, which answers 200 if it is left out.
        error: OAuth error code that `status` answers (RFC 6749, section 5.2) instead of the
            provider's usual error.
        retry_after: Seconds for `Retry-After`; of `status` only if given.
        seconds: Delay of `slow`.
    """

    model_config = ConfigDict(extra="forbid")

    kind: FaultKind
    path: str = ""
    method: str | None = None
    tenant_id: str | None = None
    times: int | None = Field(default=1, ge=1)
    after: int = Field(default=0, ge=0)
    status: int | None = Field(default=None, ge=200, le=599)
    error: str | None = None
    retry_after: int | None = Field(default=None, ge=0)
    seconds: float = Field(default=5.0, ge=0)

    def concerns(self, *, method: str, path: str, tenant_id: str | None) -> bool:
        return (
            path.lstrip("/").startswith(self.path.lstrip("/"))
            and self.method in {None, method}
            and self.tenant_id in {None, tenant_id}
        )


class Faults:
    """The pending faults. Safe to use from several threads."""

    def __init__(self) -> None:
        self._faults: list[Fault] = []
        self._lock = Lock()

    @property
    def pending(self) -> list[Fault]:
        """Copies of the pending faults, with the remaining `times` and `after`."""
        with self._lock:
            return [fault.model_copy() for fault in self._faults]

    def add(self, fault: Fault) -> None:
        with self._lock:
            self._faults.append(fault.model_copy())

    def clear(self) -> None:
        with self._lock:
            self._faults.clear()

    def take(self, *, method: str, path: str, tenant_id: str | None) -> Fault | None:
        """Return the fault that hits this request, if any, and count it."""
        with self._lock:
            for fault in self._faults:
                if not fault.concerns(method=method, path=path, tenant_id=tenant_id):
                    continue
                if fault.after > 0:
                    fault.after -= 1
                    continue
                if fault.times is not None:
                    fault.times -= 1
                    if fault.times == 0:
                        self._faults.remove(fault)
                return fault
            return None


def plain_error(status: int) -> Response:
    """Return an error answer in no provider's format."""
    return PlainTextResponse("The service is temporarily unavailable", status_code=status)


class FaultMiddleware:
    """
    Injects faults into every call except those under `/_control/`.

    Args:
        refuse: The provider's 429; its rules' names are `minute` and `day`.
        error: The provider's answer of a given error status.
    """

    def __init__(
        self,
        app: ASGIApp,
        *,
        faults: Faults,
        tenant_of: TenantOf,
        refuse: Refuse = plain_refusal,
        error: ErrorResponse = plain_error,
    ) -> None:
        self.app = app
        self.faults = faults
        self.tenant_of = tenant_of
        self.refuse = refuse
        self.error = error

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or is_control(scope):
            await self.app(scope, receive, send)
            return
        fault = self.faults.take(
            method=scope["method"], path=local_path(scope), tenant_id=self.tenant_of(Request(scope))
        )
        if fault is None:
            await self.app(scope, receive, send)
            return
        match fault.kind:
            case "slow":
                await self.app(scope, await _delayed(receive, fault.seconds), send)
            case "truncated":
                await self._truncated(scope, receive, send)
            case "lost_answer":
                await self._collected(scope, receive)
                await cut_connection(scope, receive)
            case _:
                await self._substitute(fault, scope)(scope, receive, send)

    def _substitute(self, fault: Fault, scope: Scope) -> Response:
        """Return the answer that replaces the emulator's own."""
        if fault.kind in _LIMITS:
            name, usual_wait_s = _LIMITS[fault.kind]
            wait_s = usual_wait_s if fault.retry_after is None else fault.retry_after
            scope[EXHAUSTED] = name
            return self.refuse(Refusal(name, wait_s))
        if fault.kind == "html":
            html = "<!doctype html><html><body><h1>We will be right back</h1></body></html>"
            return HTMLResponse(html, status_code=fault.status or 200)
        if fault.error is not None:
            return JSONResponse({"error": fault.error}, status_code=fault.status or 400)
        response = self.error(fault.status or 502)
        if fault.retry_after is not None:
            response.headers["Retry-After"] = str(fault.retry_after)
        return response

    async def _truncated(self, scope: Scope, receive: Receive, send: Send) -> None:
        start, body = await self._collected(scope, receive)
        half = body[: len(body) // 2]
        headers: list[tuple[bytes, bytes]] = [
            (name, value)
            for name, value in start.get("headers", [])
            if name.lower() != b"content-length"
        ]
        headers.append((b"content-length", str(len(half)).encode()))
        await send({**start, "headers": headers})
        await send({"type": "http.response.body", "body": half})

    async def _collected(self, scope: Scope, receive: Receive) -> tuple[dict[str, Any], bytes]:
        """Run the request, and return its answer without sending it."""
        start: dict[str, Any] = {}
        body = bytearray()

        async def keeping_send(message: Message) -> None:
            if message["type"] == "http.response.start":
                start.update(message)
            else:
                body.extend(message.get("body", b""))

        await self.app(scope, receive, keeping_send)
        return start, bytes(body)


async def _delayed(receive: Receive, seconds: float) -> Receive:
    """Return *receive* as it was, after a delay that ends early when the client hangs up."""
    held: list[Message] = []
    with suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            while not held or held[-1]["type"] != "http.disconnect":
                held.append(await receive())

    async def replaying_receive() -> Message:
        return held.pop(0) if held else await receive()

    return replaying_receive
