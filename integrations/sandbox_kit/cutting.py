"""Cuts a connection without an answer, which ASGI itself has no message for."""

from collections.abc import Callable
from typing import Any

from starlette.applications import Starlette
from starlette.types import Receive, Scope, Send

_ABORT = "zebbra.sandbox.abort"


class ConnectionCut(Exception):  # noqa: N818 -- it is the wanted outcome
    """Raised where the server gives no way to cut the connection (in-process transports)."""


class SandboxApp(Starlette):
    """A Starlette app whose handlers can cut the connection, under uvicorn."""

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
