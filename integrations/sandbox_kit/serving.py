"""Serves emulators: all of them in one app, or any app in a thread."""

import socket
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from threading import Event, Thread
from typing import Any
from urllib.parse import urlsplit

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Mount, Route

from integrations.contracts import IntegrationPlugin
from integrations.sandbox_kit.context import Clock, SandboxContext
from integrations.sandbox_kit.faults import SandboxApp
from integrations.sandbox_kit.pages import page


@dataclass(frozen=True, slots=True)
class Addresses:
    """
    The URLs of one plugin's emulator.

    Attributes:
        prefix: Of the plugin's settings, e.g. `XERO`.
        root: Of the emulator, without a slash at its end.
    """

    prefix: str
    root: str
    authorize_url: str
    token_url: str
    revoke_url: str | None
    api_base_url: str

    @classmethod
    def of(cls, plugin: IntegrationPlugin, sandbox_url: str) -> "Addresses":
        """Return those of *plugin* where `sandbox_app` is served at *sandbox_url*."""
        root = f"{sandbox_url.rstrip('/')}/{plugin.slug}"
        oauth = plugin.oauth
        return cls(
            prefix=plugin.slug.upper(),
            root=root,
            authorize_url=root + urlsplit(oauth.authorize_url).path,
            token_url=root + urlsplit(oauth.token_url).path,
            revoke_url=root + urlsplit(oauth.revoke_url).path if oauth.revoke_url else None,
            api_base_url=f"{root}/",
        )

    @property
    def token_path(self) -> str:
        """The token endpoint's path as the emulator's log of calls has it."""
        return self.token_url.removeprefix(self.root)

    def settings(self, client_id: str, client_secret: str) -> dict[str, str]:
        """Return the environment variables that point the plugin here, as that client."""
        named = {
            "CLIENT_ID": client_id,
            "CLIENT_SECRET": client_secret,
            "AUTHORIZE_URL": self.authorize_url,
            "TOKEN_URL": self.token_url,
            "REVOKE_URL": self.revoke_url,
            "API_BASE_URL": self.api_base_url,
        }
        return {f"{self.prefix}_{name}": value for name, value in named.items() if value}


BuildSandbox = Callable[[SandboxContext], Starlette]

_START_TIMEOUT_S = 30.0


def sandbox_app(
    builders: Mapping[str, BuildSandbox],
    *,
    today: date | None = None,
    state_dir: Path | None = None,
) -> Starlette:
    """
    Return an app with each emulator at `/<slug>`, a list at `/` and `/healthz`.

    Args:
        builders: `build_sandbox` of each plugin, by slug.
        today: Day on which the emulated books end; by default the current one.
        state_dir: Folder that keeps grants over a restart, a file for each slug.
    """
    mounts = []
    for slug, build in builders.items():
        clock = Clock()
        context = SandboxContext(
            today=today or clock.now().date(),
            clock=clock,
            state_path=state_dir / f"{slug}.jsonl" if state_dir else None,
        )
        mounts.append(Mount(f"/{slug}", app=build(context)))

    async def index(request: Request) -> Response:
        return page("index.html", slugs=list(builders), root=str(request.base_url).rstrip("/"))

    async def healthz(_request: Request) -> Response:
        return JSONResponse({"status": "ok", "sandboxes": list(builders)})

    return SandboxApp(routes=[Route("/", index), Route("/healthz", healthz), *mounts])


@contextmanager
def serve_in_thread(app: Any, *, host: str = "127.0.0.1", port: int = 0) -> Iterator[str]:
    """
    Serve an ASGI app in a thread while the block runs; yields `http://localhost:<port>`.

    With the default *host* it also listens on `::1` where that is possible, so that either
    reading of `localhost` finds it.

    Args:
        app: Any ASGI app; its lifespan runs.
        host: Address to listen on.
        port: 0 takes a free one.

    Raises:
        OSError: If the port is taken.
        RuntimeError: If the app fails to start.
    """
    sockets = _listen(host, port)
    number = sockets[0].getsockname()[1]
    config = uvicorn.Config(
        app,
        log_config=None,
        log_level="error",
        access_log=False,
        loop="asyncio",
        http="h11",
        ws="none",
        timeout_graceful_shutdown=2,
    )
    server = _Server(config)
    thread = Thread(
        target=server.run_until_stopped, args=(sockets,), name=f"serve-{number}", daemon=True
    )
    thread.start()
    try:
        server.ready.wait(_START_TIMEOUT_S)
        if not server.started:
            raise RuntimeError("the app did not start") from server.failure
        yield f"http://localhost:{number}"
    finally:
        server.should_exit = True
        thread.join(_START_TIMEOUT_S)
        for listener in sockets:
            listener.close()


class _Server(uvicorn.Server):
    """A uvicorn server that reports when it is ready, or why it failed to start."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.ready = Event()
        self.failure: BaseException | None = None

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self.ready.set()

    def run_until_stopped(self, sockets: list[socket.socket]) -> None:
        try:
            self.run(sockets)
        except (Exception, SystemExit) as exc:  # noqa: BLE001 -- raised in the starting thread
            self.failure = exc
        finally:
            self.ready.set()


def _listen(host: str, port: int) -> list[socket.socket]:
    sockets = [_listener(host, port)]
    if host == "127.0.0.1" and socket.has_ipv6:
        with suppress(OSError):  # no IPv6 here: clients fall back to 127.0.0.1
            sockets.append(_listener("::1", sockets[0].getsockname()[1]))
    return sockets


def _listener(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.create_server((host, port), family=family, backlog=2048)
    # Accepted connections inherit this. asyncio sets it only on sockets with a named protocol;
    # without it each answer waits 40 ms for the client's delayed acknowledgement.
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return listener
