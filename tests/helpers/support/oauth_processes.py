"""
The OAuth service, and those who ask it, as processes of their own.

They are forked off a server that has imported everything already, so that one more answers within
a fifth of a second. All are killed when the block that started them ends.
"""

import asyncio
import json
import multiprocessing
import os
import signal
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from multiprocessing.synchronize import Barrier
from pathlib import Path
from typing import Any, Literal
from urllib.parse import urlsplit

import pytest
import uvicorn
from fastapi import FastAPI
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from support.oauth_rig import PATIENCE, REGISTRY, SERVICE_KEY, Pipeline, free_port, wait_for

from integrations.runtime.registry import Registry, load_registry
from integrations.runtime.settings import load_settings
from integrations.sandbox_kit import Clock
from oauth_service import create_app
from oauth_service.grants.lease import RefreshPolicy

Step = Literal["before_the_call", "after_the_answer", "after_commit", "before_the_answer"]
"""
Where a refresh can be cut short: its request not sent yet; the provider's answer there, but not
stored; stored, but nobody told; the caller's answer ready, but not sent.
"""

_PROCESSES = multiprocessing.get_context("forkserver")
_PROCESSES.set_forkserver_preload(["support.oauth_processes"])
_HELPERS = Path(__file__).parents[1]


@dataclass(frozen=True)
class Serving:
    """
    How a process serves.

    Attributes:
        environment: Settings.
        offset_s: How far its clock is ahead.
        policy: Fields of `RefreshPolicy` that differ from the tests' own.
        dies_at: Where its first refresh kills it, as `kill -9` does.
        toys: Whether it offers Toybooks, or the installed integrations.
    """

    environment: Mapping[str, str]
    offset_s: float = 0.0
    policy: Mapping[str, float] = field(default_factory=dict)
    dies_at: Step | None = None
    toys: bool = True


@dataclass
class Replica:
    """The service in a process of its own."""

    url: str
    process: BaseProcess
    pipeline: Pipeline

    def exit_status(self) -> int | None:
        """Return what it has ended with; None while it runs."""
        return self.process.exitcode


class Replicas:
    """Starts processes of the service, all with the same settings unless told otherwise."""

    def __init__(self) -> None:
        self._running: list[Replica] = []

    def start(self, *servings: Serving) -> list[Replica]:
        """Start them together; return them once all answer."""
        new = [self._start(serving) for serving in servings]
        for replica in new:
            wait_for(replica.url, replica.exit_status)
        return new

    def end(self) -> None:
        for replica in self._running:
            replica.pipeline.http.close()
            replica.process.kill()
            replica.process.join()
            replica.process.close()

    def _start(self, serving: Serving) -> Replica:
        port = free_port()
        process = _started(_serve, serving, port)
        url = f"http://127.0.0.1:{port}"
        self._running.append(Replica(url, process, Pipeline(url)))
        return self._running[-1]


@contextmanager
def replicas() -> Iterator[Replicas]:
    """Give a starter of processes, which end with the block."""
    found = Replicas()
    try:
        yield found
    finally:
        found.end()


@dataclass(frozen=True)
class Answer:
    """What the token API answered to one caller."""

    status: int
    content: Mapping[str, Any]


def ask_from_processes(urls: list[str], *, processes: int, callers: int) -> list[Answer]:
    """
    Ask each of *urls* in turn for `acme`'s token, from *processes* with *callers* each.

    All connections are open before the first request is sent.
    """
    ready = _PROCESSES.Barrier(processes)
    readers, running = [], []
    for number in range(processes):
        reader, writer = _PROCESSES.Pipe(duplex=False)
        assigned = [urls[(number + each) % len(urls)] for each in range(callers)]
        process = _started(_ask_together, assigned, ready, writer)
        writer.close()
        readers.append(reader)
        running.append(process)
    answers = [Answer(*pair) for reader in readers for pair in reader.recv()]
    for reader, process in zip(readers, running, strict=True):
        reader.close()
        process.join()
        process.close()
    return answers


def _started(target: Callable[..., None], *arguments: Any) -> BaseProcess:
    with pytest.MonkeyPatch.context() as patch:
        # The server that forks finds what it imports beforehand on this path only.
        patch.setenv("PYTHONPATH", str(_HELPERS))
        process = _PROCESSES.Process(target=target, args=arguments, daemon=True)
        process.start()
    return process


def _ask_together(urls: list[str], ready: Barrier, results: Connection) -> None:
    async def ask_all() -> list[tuple[int, Any]]:
        streams = [await asyncio.open_connection(*_address(url)) for url in urls]
        ready.wait(60)
        return await asyncio.gather(*(_ask(*each) for each in streams))

    results.send(asyncio.run(ask_all()))
    results.close()


async def _ask(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> tuple[int, Any]:
    writer.write(
        b"GET /api/workspaces/acme/integrations/toybooks/token HTTP/1.1\r\nHost: localhost\r\n"
        b"Connection: close\r\nAuthorization: Bearer " + SERVICE_KEY.encode() + b"\r\n\r\n"
    )
    head, _, body = (await reader.read()).partition(b"\r\n\r\n")
    writer.close()
    return int(head.split()[1]), json.loads(body)


def _address(url: str) -> tuple[str | None, int | None]:
    parts = urlsplit(url)
    return parts.hostname, parts.port


def _serve(serving: Serving, port: int) -> None:
    registry: Registry = REGISTRY if serving.toys else load_registry()
    app = create_app(
        load_settings(serving.environment),
        registry,
        clock=Clock(serving.offset_s).now,
        policy=RefreshPolicy(**{**asdict(PATIENCE), **serving.policy}),
    )
    served: ASGIApp = app if serving.dies_at is None else _dying(app, serving.dies_at)
    uvicorn.run(served, host="127.0.0.1", port=port, log_config=None, access_log=False)


def _dying(app: FastAPI, step: Step) -> ASGIApp:
    """Return *app*, whose process kills itself when a refresh comes to *step*."""
    services = app.state.services
    match step:
        case "before_the_call":
            services.http.send = _killed
        case "after_the_answer":
            services.http.send = _then_killed_async(services.http.send)
        case "after_commit":
            refreshes = services.store.refreshes
            refreshes.store = _then_killed(refreshes.store)
        case "before_the_answer":
            return _killed_before_answering(app)
    return app


def _killed(*_: Any, **__: Any) -> Any:
    os.kill(os.getpid(), signal.SIGKILL)


def _then_killed(done: Callable[..., Any]) -> Callable[..., Any]:
    def do(*args: Any, **named: Any) -> Any:
        done(*args, **named)
        _killed()

    return do


def _then_killed_async(done: Callable[..., Any]) -> Callable[..., Any]:
    async def do(*args: Any, **named: Any) -> Any:
        await done(*args, **named)
        _killed()

    return do


def _killed_before_answering(app: ASGIApp) -> ASGIApp:
    async def serve(scope: Scope, receive: Receive, send: Send) -> None:
        async def sending(message: Message) -> None:
            if scope["path"].endswith("/token"):
                _killed()
            await send(message)

        await app(scope, receive, sending if scope["type"] == "http" else send)

    return serve
