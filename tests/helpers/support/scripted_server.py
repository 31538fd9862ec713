"""A loopback HTTP server whose answers are scripted path by path, and which keeps what it got."""

import json
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, urlsplit


@dataclass(frozen=True)
class Reply:
    """
    One scripted answer.

    Attributes:
        body: Text and bytes are sent as they are, anything else as JSON.
        drop: Close the connection instead of answering.
        cut_to: Send only so many bytes of the announced body, then close.
        hold: Answer only once this is set.
    """

    status: int = 200
    body: Any = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    drop: bool = False
    cut_to: int | None = None
    hold: threading.Event | None = None

    @property
    def data(self) -> bytes:
        if isinstance(self.body, bytes):
            return self.body
        return (self.body if isinstance(self.body, str) else json.dumps(self.body)).encode()


@dataclass(frozen=True)
class Received:
    """One request as it arrived; header names in lower case."""

    method: str
    path: str
    query: list[tuple[str, str]]
    headers: Mapping[str, str]
    body: bytes

    @property
    def bearer(self) -> str:
        return self.headers.get("authorization", "").removeprefix("Bearer ")


class ScriptedServer:
    """Answers of a path are given in turn; the last one is repeated. Others are 404."""

    def __init__(self) -> None:
        self.received: list[Received] = []
        self.most_at_once = 0
        self.url = ""
        self._replies: dict[str, list[Reply]] = {}
        self._deciders: dict[str, Callable[[Received], Reply]] = {}
        self._at_once = 0
        self._changed = threading.Condition()

    def answer(self, path: str, *replies: Reply) -> None:
        """Script the answers of *path* (without query)."""
        self._replies[path] = list(replies)

    def decide(self, path: str, reply_to: Callable[[Received], Reply]) -> None:
        """Answer *path* by what the request says."""
        self._deciders[path] = reply_to

    def wait_for(self, count: int) -> None:
        """Block until so many requests have arrived."""
        with self._changed:
            assert self._changed.wait_for(lambda: len(self.received) >= count, timeout=10)

    def take(self, request: Received) -> Reply:
        with self._changed:
            self.received.append(request)
            self._at_once += 1
            self.most_at_once = max(self.most_at_once, self._at_once)
            self._changed.notify_all()
            if request.path in self._deciders:
                return self._deciders[request.path](request)
            replies = self._replies.get(request.path)
            if not replies:
                return Reply(404, {})
            return replies.pop(0) if len(replies) > 1 else replies[0]

    def done(self) -> None:
        with self._changed:
            self._at_once -= 1


@contextmanager
def scripted_server() -> Iterator[ScriptedServer]:
    """Serve until the block ends; `url` has no slash at its end."""
    script = ScriptedServer()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, *_args: Any) -> None:
            """Keep quiet."""

        def do_GET(self) -> None:
            length = int(self.headers.get("content-length") or 0)
            parts = urlsplit(self.path)
            request = Received(
                self.command,
                parts.path,
                parse_qsl(parts.query, keep_blank_values=True),
                {name.lower(): value for name, value in self.headers.items()},
                self.rfile.read(length),
            )
            reply = script.take(request)
            try:
                if reply.hold is not None:
                    reply.hold.wait(10)
            finally:
                script.done()  # before answering: the client may be quick to ask again
            self._send(reply)

        do_POST = do_GET  # noqa: N815 -- the standard library's name
        do_DELETE = do_GET  # noqa: N815 -- the standard library's name

        def _send(self, reply: Reply) -> None:
            if reply.drop:
                self.close_connection = True
                return
            data = reply.data
            try:
                self.send_response(reply.status)
                for name, value in reply.headers.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                self.wfile.write(data[: reply.cut_to])
            except OSError:
                self.close_connection = True
            if reply.cut_to is not None:
                self.close_connection = True

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    script.url = f"http://localhost:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield script
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
