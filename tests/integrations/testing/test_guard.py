import os
import socket
import subprocess
import urllib.request
from contextlib import suppress

import pytest

from integrations.testing.checks.hosts import UndeclaredCallError, only_hosts_of


@pytest.fixture
def listening() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


def test_declared_address_is_reached(listening: int) -> None:
    with only_hosts_of([f"http://localhost:{listening}/x"]) as refused:
        socket.create_connection(("localhost", listening)).close()

    assert refused == []


def test_another_port_of_this_machine_is_refused(listening: int) -> None:
    with (
        only_hosts_of(["http://localhost:9"]) as refused,
        pytest.raises(UndeclaredCallError, match="not a host that this plugin declares"),
    ):
        socket.create_connection(("127.0.0.1", listening))

    assert refused == [f"127.0.0.1:{listening}"]


def test_call_that_hides_its_failure_is_noted_all_the_same() -> None:
    with only_hosts_of(["http://localhost:9"]) as refused:
        with suppress(OSError):
            urllib.request.urlopen("https://telemetry.invalid/x", timeout=1)
        with suppress(OSError), socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as datagrams:
            datagrams.sendto(b"x", ("198.51.100.7", 53))
        with suppress(OSError):
            subprocess.run(["true"], check=False)

    assert refused[0] == "telemetry.invalid:443"
    assert "198.51.100.7:53" in refused
    assert any("a program of its own" in item for item in refused)


@pytest.mark.process
def test_nothing_is_watched_afterwards(listening: int) -> None:
    with only_hosts_of(["http://localhost:9"]):
        pass
    socket.create_connection(("127.0.0.1", listening)).close()

    assert os.system("true") == 0  # noqa: S605 -- a program is what is watched
