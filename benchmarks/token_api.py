"""
Warm token requests a second, against bare Starlette routes that read one SQLite row.

All run as processes of their own on loopback, each with one worker, and are asked in turns by
the same client over kept connections, in rounds so short that a busy machine slows all; shares
are medians of rounds, and the first answer on each connection is not counted. Nothing is
refreshed: the access token is fresh. The bare routes read the same row and answer a part of it:
one as a plain function, which Starlette runs in a thread, one as a coroutine that reads in the
event loop.
Run it from the repository: `.venv/bin/python benchmarks/token_api.py`.
"""

import argparse
import asyncio
import os
import secrets
import socket
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import cast
from urllib.error import URLError
from urllib.request import urlopen

import uvicorn
import uvloop
from pydantic import SecretStr
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from integrations.contracts import Tenant, TokenSet
from integrations.runtime.settings import load_settings
from oauth_service.store import PendingGrant, Store

ROUNDS, SECONDS, CONNECTIONS = 15, 0.7, 50
TICKS_A_SECOND = os.sysconf("SC_CLK_TCK")


def serve_bare(database: str, port: int) -> None:
    """Answer `/thread` and `/loop` with what one SELECT finds."""
    local = threading.local()

    def found() -> JSONResponse:
        if not hasattr(local, "connection"):
            local.connection = sqlite3.connect(database)
        query = "SELECT tenant_id, tenant_name FROM connections WHERE workspace_id = ?"
        tenant_id, tenant_name = local.connection.execute(query, ("acme",)).fetchone()
        return JSONResponse({"tenant_id": tenant_id, "tenant_name": tenant_name})

    def in_thread(_request: Request) -> JSONResponse:
        return found()

    async def in_loop(_request: Request) -> JSONResponse:
        return found()

    paths = {"/thread": in_thread, "/loop": in_loop, "/healthz": in_loop}
    app = Starlette(routes=[Route(path, route) for path, route in paths.items()])
    uvicorn.run(app, host="127.0.0.1", port=port, log_level="warning", access_log=False)


def fill(environ: dict[str, str]) -> str:
    """Connect one workspace with a token that stays fresh; return the database's path."""
    settings, now = load_settings(environ), datetime.now(UTC)
    tokens = TokenSet(
        access_token=SecretStr(secrets.token_urlsafe(700)),  # as long as a JWT of Xero's
        refresh_token=SecretStr(secrets.token_urlsafe(32)),
        expires_at=now + timedelta(days=1),
        lifetime_s=86_400,
    )
    with closing(Store(settings.oauth_database, settings.encryption_keys())) as store:
        store.workspaces.remember("acme", "Acme Ltd", now=now)
        grant = PendingGrant("grant", "session", "acme", "xero", tokens, ())
        store.consents.add_grant(grant, now=now, expires_at=now + timedelta(hours=1))
        store.connections.connect(grant, Tenant("tenant", "Acme Ltd"), now=now)
    return settings.oauth_database.removeprefix("sqlite:///")


@contextmanager
def process(command: list[str], port: int, environ: Mapping[str, str]) -> Iterator[int]:
    """Run a server until the block ends; give its process id."""
    running = subprocess.Popen(  # noqa: S603 -- our own commands
        [sys.executable, *command], env=os.environ | environ, stderr=subprocess.DEVNULL
    )
    try:
        for _ in range(600):
            try:
                urlopen(f"http://127.0.0.1:{port}/healthz").close()
                break
            except (URLError, ConnectionError):
                time.sleep(0.05)
        yield running.pid
    finally:
        running.terminate()
        running.wait()


@dataclass
class Target:
    """
    A route, and what was measured of it.

    Attributes:
        rates: Requests a second, one for each round.
        durations_ms: One for each request.
        cpu_us: Microseconds of processor time of the server a request, one for each round.
    """

    name: str
    pid: int
    port: int
    request: bytes
    rates: list[float] = field(default_factory=list)
    durations_ms: list[float] = field(default_factory=list)
    cpu_us: list[float] = field(default_factory=list)

    def processor_s(self) -> float:
        """Return how long the server has computed so far."""
        spent = Path(f"/proc/{self.pid}/stat").read_text().rpartition(")")[2].split()[11:13]
        return sum(map(int, spent)) / TICKS_A_SECOND

    async def measure(self, *, keep: bool) -> None:
        """Ask for one round over all connections."""
        loop = asyncio.get_running_loop()
        durations: list[float] = []
        before, started = self.processor_s(), time.perf_counter()
        until = started + SECONDS
        callers = [
            (
                await loop.create_connection(
                    lambda: Caller(self.request, until, durations), "127.0.0.1", self.port
                )
            )[1]
            for _ in range(CONNECTIONS)
        ]
        await asyncio.gather(*(caller.done for caller in callers))
        took, count = time.perf_counter() - started, len(durations)
        if keep:
            self.rates.append(count / took)
            self.durations_ms += durations
            self.cpu_us.append((self.processor_s() - before) / count * 1e6)


class Caller(asyncio.Protocol):
    """Sends a request, waits for the whole answer, and again, until the time is over."""

    def __init__(self, request: bytes, until: float, durations_ms: list[float]) -> None:
        self._request, self._until, self._durations_ms = request, until, durations_ms
        self._received, self._connected = b"", False
        self.done: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.WriteTransport", transport)
        self._send()

    def data_received(self, data: bytes) -> None:
        self._received += data
        head, end, body = self._received.partition(b"\r\n\r\n")
        if not end:
            return
        if not head.startswith(b"HTTP/1.1 200"):
            self.done.set_exception(RuntimeError(head.decode()))
            return
        at = head.index(b"content-length: ") + len(b"content-length: ")
        if len(body) < int(head[at:].split(b"\r", 1)[0]):
            return
        now = time.perf_counter()
        if self._connected:  # the first answer on a connection waited for fifty connects at once
            self._durations_ms.append((now - self._sent) * 1000)
        self._connected = True
        if now < self._until:
            self._send()
        else:
            self.done.set_result(None)
            self._transport.close()

    def _send(self) -> None:
        self._received, self._sent = b"", time.perf_counter()
        self._transport.write(self._request)


def compare() -> None:
    """Run all and print what was measured."""
    with tempfile.TemporaryDirectory() as home, ExitStack() as exits:
        key, ports = secrets.token_urlsafe(32), [_free_port(), _free_port()]
        environ = {
            "ZEBBRA_HOME": home,
            "ZEBBRA_OAUTH_URL": f"http://localhost:{ports[0]}",
            "ZEBBRA_OAUTH_DATABASE": f"sqlite:///{Path(home) / 'oauth.sqlite'}",
            "ZEBBRA_SERVICE_KEY": key,
            "XERO_CLIENT_ID": "benchmark",
            "XERO_CLIENT_SECRET": "benchmark",
        }
        bare = [str(Path(__file__)), "--bare", fill(environ), "--port", str(ports[1])]
        service = ["-m", "oauth_service", "--host", "127.0.0.1"]
        pids = [
            exits.enter_context(process(command, port, environ))
            for command, port in zip((service, bare), ports, strict=True)
        ]

        def target(name: str, at: int, path: str) -> Target:
            head = f"GET {path} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {key}\r\n\r\n"
            return Target(name, pids[at], ports[at], head.encode())

        ours = target("token API", 0, "/api/workspaces/acme/integrations/xero/token")
        others = [
            target("bare, in a thread", 1, "/thread"),
            target("bare, in the loop", 1, "/loop"),
        ]
        for round_number in range(ROUNDS + 1):
            for each in (ours, *others):
                uvloop.run(each.measure(keep=round_number > 0))  # the first one warms up
    print(f"{CONNECTIONS} connections, {ROUNDS} rounds of {SECONDS:g} s in turns, one worker each")
    for each in (ours, *others):
        median, tail = (statistics.quantiles(each.durations_ms, n=100)[at] for at in (49, 98))
        print(
            f"{each.name:17}  {statistics.median(each.rates):6.0f} requests/s "
            f"(rounds {min(each.rates):.0f} to {max(each.rates):.0f}), {median:.1f} ms median, "
            f"{tail:.1f} ms p99, {statistics.median(each.cpu_us):.0f} us of processor a request"
        )
    for each in others:
        share = statistics.median(a / b for a, b in zip(ours.rates, each.rates, strict=True))
        print(f"the token API answers {share:.2f} of what {each.name!r} does")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.strip().splitlines()[0])
    parser.add_argument("--bare", help=argparse.SUPPRESS)
    parser.add_argument("--port", type=int, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.bare:
        serve_bare(options.bare, options.port)
    else:
        compare()
