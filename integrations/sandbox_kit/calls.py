"""`CallLog`: the requests that an emulator has received."""

from collections import deque
from collections.abc import Callable
from threading import Lock
from typing import Any, TypedDict
from uuid import uuid4

from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

TenantOf = Callable[[Request], str | None]

_SECRET = {"client_secret", "code", "token", "access_token", "refresh_token"}


class Call(TypedDict):
    """
    One request.

    Attributes:
        path: Without the emulator's own prefix.
        query: Last value of each parameter; secrets are blanked out.
        status: HTTP status; 0 if the connection was cut without an answer.
    """

    method: str
    path: str
    query: dict[str, str]
    tenant_id: str | None
    status: int


class CallLog:
    """The latest calls, oldest first. Safe to use from several threads."""

    def __init__(self, *, most: int = 200_000) -> None:
        self._calls: deque[Call] = deque(maxlen=most)
        self._lock = Lock()

    @property
    def calls(self) -> list[Call]:
        """A copy of the kept calls."""
        with self._lock:
            return list(self._calls)

    def add(self, call: Call) -> None:
        with self._lock:
            self._calls.append(call)

    def clear(self) -> None:
        with self._lock:
            self._calls.clear()


class CallLogMiddleware:
    """Logs every call except those under `/_control/`, when it ends."""

    def __init__(
        self, app: ASGIApp, *, log: CallLog, tenant_of: TenantOf, trace_header: str | None = None
    ) -> None:
        self.app = app
        self.log = log
        self.tenant_of = tenant_of
        self.trace_header = trace_header

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or is_control(scope):
            await self.app(scope, receive, send)
            return
        request = Request(scope)
        call: Call = {
            "method": request.method,
            "path": local_path(scope),
            "query": {
                name: "***" if name in _SECRET else value
                for name, value in request.query_params.items()
            },
            "tenant_id": self.tenant_of(request),
            "status": 0,
        }

        async def noting_send(message: Message) -> None:
            if message["type"] == "http.response.start":
                call["status"] = message["status"]
                if self.trace_header is not None:
                    message.setdefault("headers", [])
                    message["headers"] = [*message["headers"], self._trace()]
            await send(message)

        try:
            await self.app(scope, receive, noting_send)
        finally:
            self.log.add(call)

    def _trace(self) -> tuple[bytes, bytes]:
        name = self.trace_header or ""
        return name.lower().encode(), str(uuid4()).encode()


def local_path(scope: Any) -> str:
    """Return the path as the provider would see it, without the emulator's prefix."""
    path: str = scope["path"]
    return path.removeprefix(scope.get("root_path", "")) or "/"


def is_control(scope: Any) -> bool:
    """Whether a request is for the control API instead of the provider's."""
    return local_path(scope).startswith("/_control/")
