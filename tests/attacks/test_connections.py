"""Strangers who send too much, too slowly or on too many connections cost little and stop nobody."""

import socket
from collections.abc import Iterator
from contextlib import ExitStack, closing
from pathlib import Path
from resource import RLIM_INFINITY
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest
from support.gate import Gate
from support.limited_server import limited_server
from support.oauth_rig import SERVICE_KEY, Pipeline, Rig, free_port, running_rig, wait_until
from support.service_process import ServiceProcess, service_process

from benchmarks.token_api import fill
from integrations.contracts import ConfigurationError
from oauth_service.serving.limits import ServerLimits, connections_within
from oauth_service.serving.server import Server

MB = 1_000_000
CHUNKED = b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
KEY = f"Authorization: Bearer {SERVICE_KEY}\r\n".encode()
TOKEN = (
    b"GET /api/workspaces/acme/integrations/xero/token HTTP/1.1\r\nHost: x\r\n"
    b"Connection: close\r\n" + KEY + b"\r\n"
)
PARTS = {
    "silent": b"",
    "headers that do not end": b"GET / HTTP/1.1\r\nHost: x\r\n",
    "a body that does not come": (
        b"POST /api/connect-links HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\n"
    ),
    "idle after an answer": b"GET /healthz/live HTTP/1.1\r\nHost: x\r\n\r\n",
}


def xero_environment(home: Path) -> dict[str, str]:
    """Settings of a service with Xero, which is never asked."""
    return {
        "ZEBBRA_HOME": str(home),
        "ZEBBRA_OAUTH_URL": f"http://127.0.0.1:{free_port()}",
        "ZEBBRA_SERVICE_KEY": SERVICE_KEY,
        "XERO_CLIENT_ID": "client",
        "XERO_CLIENT_SECRET": "secret",
    }


def connect(url: str, data: bytes = b"", *, source: str = "127.0.0.1") -> socket.socket:
    """Open a connection and send *data*; what comes back is waited for 20 s."""
    parts = urlsplit(url)
    address = (parts.hostname, parts.port)
    opened = socket.create_connection(address, 20, source_address=(source, 0))
    opened.sendall(data)
    return opened


def until_closed(opened: socket.socket) -> bytes:
    """Return everything that comes until the other side closes."""
    found = bytearray()
    with opened:
        try:
            while part := opened.recv(65536):
                found += part
        except ConnectionError:
            pass
    return bytes(found)


def status_of(answer: bytes) -> int:
    return int(answer.split(b" ", 2)[1])


def token_status(url: str) -> int:
    """Ask for a token on a connection of its own."""
    return status_of(until_closed(connect(url, TOKEN)))


# What one connection can cost


@pytest.fixture(scope="module")
def unlimited(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServiceProcess]:
    home = tmp_path_factory.mktemp("connections")
    with service_process(xero_environment(home), home) as service:
        yield service


@pytest.mark.parametrize(
    ("begin", "repeat", "status"),
    [
        pytest.param(b"GET / HTTP/1.1\r\n", b"a: b\r\n", 431, id="small headers"),
        pytest.param(b"GET / HTTP/1.1\r\nA: ", b"b" * 1000, 431, id="one header"),
        pytest.param(b"GET /", b"a" * 1000, 431, id="path"),
        pytest.param(b"", b"\r\n" * 500, 431, id="blank lines"),
        pytest.param(b"", b"\x00\xff" * 500, 400, id="not HTTP"),
        pytest.param(CHUNKED + b"0\r\n", b"a: b\r\n", 405, id="trailers"),
        pytest.param(CHUNKED + b"0\r\nA: ", b"b" * 1000, 405, id="one trailer"),
        pytest.param(CHUNKED + b"1;", b"a" * 1000, 405, id="chunk extension"),
        pytest.param(CHUNKED, b"1\r\na\r\n", 405, id="small chunks"),
    ],
)
def test_two_hundred_megabytes_on_one_connection_are_refused_and_not_kept(
    unlimited: ServiceProcess, begin: bytes, repeat: bytes, status: int
) -> None:
    before = unlimited.peak_memory_bytes()
    block = repeat * (250_000 // len(repeat))
    with connect(unlimited.url, begin) as opened:
        if status == 405:  # asked first: later parts of a request are no reason for another answer
            answer = opened.recv(65536)
        for _ in range(200 * MB // len(block)):
            opened.sendall(block)
        if status != 405:
            answer = opened.recv(65536)

    assert status_of(answer) == status
    assert unlimited.peak_memory_bytes() - before < 50 * MB
    assert httpx.get(f"{unlimited.url}/healthz").status_code == 200


def test_requests_that_wait_for_no_answer_are_cut_off_and_not_kept(
    unlimited: ServiceProcess,
) -> None:
    before = unlimited.peak_memory_bytes()
    block = b"GET /healthz/live HTTP/1.1\r\nHost: x\r\n\r\n" * 5_000
    with connect(unlimited.url) as opened, pytest.raises(ConnectionError):
        opened.sendall(block * 1_000)

    assert unlimited.peak_memory_bytes() - before < 50 * MB
    assert httpx.get(f"{unlimited.url}/healthz").status_code == 200


def test_some_requests_may_be_sent_before_the_first_answer(unlimited: ServiceProcess) -> None:
    request = b"GET /healthz/live HTTP/1.1\r\nHost: x\r\n"
    ten = (request + b"\r\n") * 9 + request + b"Connection: close\r\n\r\n"

    assert until_closed(connect(unlimited.url, ten)).count(b"HTTP/1.1 200 OK") == 10


def test_upgrade_to_another_protocol_is_answered_as_http_and_ended(
    unlimited: ServiceProcess,
) -> None:
    upgrade = (
        b"GET /healthz/live HTTP/1.1\r\nHost: x\r\nConnection: upgrade\r\nUpgrade: websocket\r\n"
        b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
    )
    answer = until_closed(connect(unlimited.url, upgrade + PARTS["idle after an answer"]))

    assert answer.count(b"HTTP/1.1 ") == 1
    assert status_of(answer) == 200
    assert b"connection: close" in answer.lower()


@pytest.mark.parametrize(("fields", "status"), [(100, 200), (101, 431)])
@pytest.mark.parametrize("pieces", [1, 3])
def test_most_headers_are_a_hundred(
    unlimited: ServiceProcess, fields: int, status: int, pieces: int
) -> None:
    headers = b"".join(b"h%d: %s\r\n" % (n, b"v" * 50) for n in range(fields - 2))
    answer = _sent_in(pieces, unlimited.url, headers)

    assert status_of(answer) == status


@pytest.mark.parametrize(("more", "status"), [(0, 200), (1, 431)])
def test_longest_headers_are_thirty_two_kibibytes(
    unlimited: ServiceProcess, more: int, status: int
) -> None:
    known = len("/healthz/live") + sum(map(len, ("hostx", "connectionclose", "a"))) + 3 * 4
    header = b"a: " + b"v" * (32 * 1024 - known + more) + b"\r\n"

    assert status_of(_sent_in(5, unlimited.url, header)) == status


def _sent_in(pieces: int, url: str, headers: bytes) -> bytes:
    request = b"GET /healthz/live HTTP/1.1\r\nHost: x\r\nConnection: close\r\n%s\r\n" % headers
    opened = connect(url)
    opened.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    size = -(-len(request) // pieces)
    for start in range(0, len(request), size):
        opened.sendall(request[start : start + size])
    return until_closed(opened)


# How long one connection may take


@pytest.fixture(scope="module")
def rig(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rig]:
    with running_rig(tmp_path_factory.mktemp("oauth") / "home") as running:
        yield running


@pytest.mark.parametrize(
    ("data", "status"),
    [
        pytest.param(b"", None, id="nothing"),
        pytest.param(b"GET / HTTP/1.1\r\nHost:", 408, id="half of the headers"),
        pytest.param(b"\r\n", 408, id="a blank line"),
        pytest.param(
            b"POST /api/connect-links HTTP/1.1\r\nHost: x\r\n"
            + KEY
            + b"Content-Length: 9\r\n\r\n{",
            408,
            id="half of a body that is waited for",
        ),
        pytest.param(
            b"POST /api/connect-links HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\n{",
            401,
            id="half of a body that is not waited for",
        ),
        pytest.param(PARTS["idle after an answer"] + b"GET", 200, id="half of a second request"),
        pytest.param(
            b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\n{}", 405, id="a whole request"
        ),
    ],
)
def test_client_that_stops_sending_is_closed_in_time(
    rig: Rig, caplog: pytest.LogCaptureFixture, data: bytes, status: int | None
) -> None:
    limits = ServerLimits(headers_s=0.2, body_idle_s=0.2, linger_s=0.2)
    with limited_server(rig, limits, timeout_keep_alive=1) as (url, server):
        answer = until_closed(connect(url, data))
        wait_until(lambda: not server.server_state.connections)

    assert (status_of(answer) if answer else None) == status
    assert "Traceback" not in caplog.text


@pytest.mark.parametrize(
    "begin",
    [
        pytest.param(b"GET / HTTP/1.1\r\nA: ", id="headers"),
        pytest.param(
            b"POST /api/connect-links HTTP/1.1\r\nHost: x\r\n"
            + KEY
            + b"Content-Length: 60000\r\n\r\n",
            id="body",
        ),
    ],
)
def test_client_that_sends_a_little_for_ever_is_closed_in_time(rig: Rig, begin: bytes) -> None:
    limits = ServerLimits(headers_s=0.4, receive_s=0.4)
    with limited_server(rig, limits) as (url, _), connect(url, begin) as opened:
        opened.settimeout(0.02)
        answer, sent = b"", 0
        while not answer and sent < 1_000:
            opened.sendall(b"a")
            sent += 1
            try:
                answer = opened.recv(65536)
            except TimeoutError:
                continue

    assert status_of(answer) == 408
    assert sent > 5


async def large_answer(_scope: Any, _receive: Any, send: Any) -> None:
    """An app that answers 64 MB at once, as a list of all connections might be."""
    length = [(b"content-length", b"64000000")]
    await send({"type": "http.response.start", "status": 200, "headers": length})
    await send({"type": "http.response.body", "body": b"x" * 64 * MB})


@pytest.mark.parametrize("limits", [{"answer_idle_s": 0.3}, {"total_s": 0.3}])
def test_client_that_does_not_take_its_answer_is_closed_in_time(
    rig: Rig, limits: dict[str, float]
) -> None:
    with limited_server(
        rig, ServerLimits(**limits), app=large_answer, lifespan="off", timeout_keep_alive=60
    ) as (url, server):
        with closing(connect(url, b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")) as opened:
            first = opened.recv(1000)
            wait_until(lambda: not server.server_state.connections)
            taken = len(first) + len(until_closed(opened))
        counted = server._services.metrics.text(None).decode()

    assert status_of(first) == 200
    assert taken < 64 * MB
    assert 'zebbra_oauth_http_connections_closed_total{reason="answer_time"} 1.0' in counted


def test_slow_client_that_takes_its_answer_gets_all_of_it(rig: Rig) -> None:
    with limited_server(rig, app=large_answer, lifespan="off", timeout_keep_alive=1) as (url, _):
        answer = until_closed(connect(url, b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"))

    assert len(answer.partition(b"\r\n\r\n")[2]) == 64 * MB


# How many connections there may be


@pytest.mark.parametrize("kind", PARTS)
def test_token_api_answers_at_128_descriptors_however_many_strangers_connect(
    tmp_path: Path, kind: str
) -> None:
    environment = xero_environment(tmp_path)
    fill(environment)
    with service_process(environment, tmp_path, descriptors=128) as service, ExitStack() as exits:
        url = service.url
        kept = exits.enter_context(closing(Pipeline(url).http))
        answers = [kept.get("/api/workspaces/acme/integrations/xero/token").status_code]
        for number in range(1_000):
            exits.enter_context(connect(url, PARTS[kind]))
            if number % 50 == 0:
                answers.append(token_status(url))
        answers += [token_status(url) for _ in range(10)]
        wait_until(lambda: b"at the limit of open connections" in service.printed())

    assert answers == [200] * len(answers)
    assert service.printed().count(b"connections closed or refused: ") == 1
    assert b"(open now: 6" in service.printed()
    assert b", at most 64; from 1 addresses, " in service.printed()
    assert b"Traceback" not in service.printed()


def test_connections_that_all_do_something_leave_room_for_the_service_key(rig: Rig) -> None:
    rig.connect()
    gate = Gate(rig.app, "/")
    limits = ServerLimits(connections=4, spare=3)
    with (
        limited_server(rig, limits, app=gate, lifespan="off") as (url, server),
        ExitStack() as exits,
    ):
        gate.close()
        exits.callback(gate.open)
        held = [exits.enter_context(connect(url, b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"))]
        for _ in range(3):
            assert gate.waited_for.wait(20)
            held.append(exits.enter_context(connect(url, b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")))
        wait_until(lambda: len(server.server_state.connections) == 4)
        wait_until(lambda: not server.server_state.half_open)
        stranger = httpx.get(f"{url}/connect")
        probe = httpx.get(f"{url}/healthz/live")
        pipeline = Pipeline(url)
        with closing(pipeline.http):
            known = pipeline.token()
        gate.open()
        answers = [status_of(each.recv(65536)) for each in held]
        counted = server._services.metrics.text(None).decode()

    assert [each.status_code for each in (stranger, probe, known)] == [503, 200, 200]
    assert answers == [200] * 4
    assert 'zebbra_oauth_http_connections_closed_total{reason="refused"} 1.0' in counted


def test_one_address_has_so_many_connections_without_the_service_key(rig: Rig) -> None:
    rig.connect()
    limits = ServerLimits(per_address=5)
    with limited_server(rig, limits) as (url, server), ExitStack() as exits:
        state = server.server_state
        crowd = [
            exits.enter_context(connect(url, PARTS["headers that do not end"], source="127.0.0.2"))
            for _ in range(20)
        ]
        closed = [until_closed(each) for each in crowd[:15]]
        one = connect(url, PARTS["headers that do not end"], source="127.0.0.3")
        exits.enter_context(one)
        proxy = [exits.enter_context(connect(url, PARTS["silent"])) for _ in range(20)]
        wait_until(lambda: len(state.connections) == 5 + 1 + len(proxy))
        keyed = b"GET /api/workspaces HTTP/1.1\r\nHost: x\r\n" + KEY + b"\r\n"
        for _ in range(10):
            pipeline = exits.enter_context(connect(url, keyed, source="127.0.0.2"))
            assert status_of(pipeline.recv(65536)) == 200
        wait_until(lambda: len(state.idle) == 10)
        counted = server._services.metrics.text(None).decode()
        one.sendall(b"Connection: close\r\n\r\n")
        answer = until_closed(one)

    assert closed == [b""] * 15
    assert status_of(answer) == 200
    assert 'zebbra_oauth_http_connections_closed_total{reason="address_limit"} 16.0' in counted


@pytest.mark.parametrize(
    ("descriptors", "connections"),
    [(96, 32), (128, 64), (256, 192), (1024, 768), (1 << 20, 1000), (RLIM_INFINITY, 1000)],
)
def test_connections_leave_descriptors_for_the_store_and_the_providers(
    descriptors: int, connections: int
) -> None:
    assert connections_within(descriptors, 1000) == connections
    assert connections_within(descriptors, 20) == 20


def test_process_that_may_open_too_few_files_is_refused_with_what_to_do() -> None:
    with pytest.raises(
        ConfigurationError, match=r"may open 64 files; .* at least 96: raise 'ulimit"
    ):
        connections_within(64, 1000)


# How it ends


def test_process_that_is_ended_waits_for_no_request_that_is_not_complete(tmp_path: Path) -> None:
    waited_for = (
        b"POST /api/connect-links HTTP/1.1\r\nHost: x\r\n" + KEY + b"Content-Length: 9\r\n\r\n{"
    )
    second = PARTS["idle after an answer"] + b"GET"
    with service_process(xero_environment(tmp_path), tmp_path) as service, ExitStack() as exits:
        for data in (*PARTS.values(), waited_for, second):
            for _ in range(20):
                exits.enter_context(connect(service.url, data))
        assert httpx.get(f"{service.url}/healthz").status_code == 200
        service.process.terminate()
        status = service.ended(timeout_s=5)

    assert status == 0
    assert b"Traceback" not in service.printed()


def test_server_that_ends_waits_for_no_client_that_does_not_take_its_answer(rig: Rig) -> None:
    with limited_server(
        rig,
        ServerLimits(ending_s=0.2),
        app=large_answer,
        lifespan="off",
        timeout_graceful_shutdown=60,  # more than the block waits for the end
    ) as (url, server):
        opened = connect(url, b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        first = opened.recv(1000)
        assert status_of(first) == 200
        server.should_exit = True
        wait_until(lambda: not server.server_state.connections)
        opened.close()


def test_server_uses_its_limits_whatever_the_configuration_says(rig: Rig) -> None:
    with limited_server(rig, http="h11", ws="websockets", backlog=9) as (url, server):
        answer = httpx.get(f"{url}/healthz/live", headers={f"h{n}": "v" for n in range(100)})

    assert isinstance(server, Server)
    assert answer.status_code == 431
