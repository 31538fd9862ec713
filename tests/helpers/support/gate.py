"""Requests that are held back until the test lets them go on."""

import asyncio
import threading

from starlette.types import ASGIApp, Receive, Scope, Send


class Gate:
    """Keeps requests to one path from the app behind it while it is closed."""

    def __init__(self, app: ASGIApp, path: str) -> None:
        self._app = app
        self._path = path
        self._open = threading.Event()
        self._open.set()
        self.waited_for = threading.Event()

    def close(self) -> None:
        self._open.clear()

    def open(self) -> None:
        self._open.set()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and scope["path"].endswith(self._path):
            if not self._open.is_set():
                self.waited_for.set()
            await asyncio.to_thread(self._open.wait, 60)
        await self._app(scope, receive, send)
