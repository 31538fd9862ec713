"""Check that a plugin calls only hosts that it declares."""

import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from threading import Lock
from typing import Any
from urllib.parse import urlsplit

from integrations.testing.checks.steps import take_oauth_steps
from integrations.testing.expectations import expect, shown
from integrations.testing.harness import Harness

_LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})
_PROCESSES = frozenset({"subprocess.Popen", "os.system", "os.exec", "os.posix_spawn", "os.spawn"})


class UndeclaredCallError(OSError):
    """Raised where code calls a host that was not declared."""


class _Watch:
    def __init__(self, allowed: Iterable[str]) -> None:
        self._ports = {urlsplit(url).port for url in allowed}
        self.refused: list[str] = []

    def see(self, event: str, args: tuple[Any, ...]) -> None:
        target = _target(event, args)
        if target is None or self._may(target):
            return
        host, port = target
        shown = host if port is None else f"{host}:{port}"
        if shown not in self.refused:
            self.refused.append(shown)
        raise UndeclaredCallError(f"{shown}: not a host that this plugin declares")

    def _may(self, target: tuple[str, int | None]) -> bool:
        host, port = target
        return host in _LOOPBACK and port in self._ports


_lock = Lock()
_watches: list[_Watch] = []
_hooked: list[bool] = []


@contextmanager
def only_hosts_of(urls: Iterable[str]) -> Iterator[list[str]]:
    """
    Refuse calls to addresses other than those of *urls*; yield the list of refused ones.

    Sockets, name look-ups and child processes of the whole process are checked through
    Python's audit events, which no library can bypass. *urls* are on this machine.
    """
    watch = _Watch(urls)
    with _lock:
        if not _hooked:
            sys.addaudithook(_audit)  # stays for the life of the process; idle without a watch
            _hooked.append(True)
    _watches.append(watch)
    try:
        yield watch.refused
    finally:
        _watches.remove(watch)


def _audit(event: str, args: tuple[Any, ...]) -> None:
    if _watches:
        for watch in tuple(_watches):
            watch.see(event, args)


def _target(event: str, args: tuple[Any, ...]) -> tuple[str, int | None] | None:
    """Return the host and port of an audit event; None if it is no network call."""
    if event == "socket.getaddrinfo":
        return _name(args[0]), _port(args[1])
    if event in {"socket.connect", "socket.sendto"}:
        address = args[1]
        return (_name(address[0]), _port(address[1])) if isinstance(address, tuple) else None
    if event in {"socket.gethostbyname", "socket.gethostbyaddr"}:
        return _name(args[0]), None
    if event in _PROCESSES:
        return f"a program of its own ({_name(args[0])})", None
    return None


def _name(value: Any) -> str:
    return value.decode("ascii", "replace") if isinstance(value, bytes) else str(value)


def _port(value: Any) -> int | None:
    text = _name(value)
    return int(text) if text.isdigit() else None


def check_no_host_is_called_that_is_not_declared(harness: Harness) -> None:
    """Connecting, refreshing, fetching and disconnecting reach the declared addresses only."""
    harness.fresh()
    connected = harness.connect()
    with only_hosts_of((harness.addresses.root, harness.service.url)) as refused:
        found = harness.attempt(connected)
        steps = take_oauth_steps(harness, connected)
    expect(
        not refused,
        expected="calls to the declared API only",
        found=f"calls to {', '.join(refused)}",
        why="the customer's tokens and figures must only go to hosts that the plugin declares",
    )
    failure = found if isinstance(found, Exception) else steps.failure
    expect(
        failure is None,
        expected="a fetch, and find_tenants, to succeed without other hosts",
        found=shown(failure) if failure is not None else "",
        why="what depends on an undeclared host fails where it is not reachable",
    )
    for step, url in steps.urls.items():
        parts = urlsplit(url)
        expect(
            url.startswith(f"{harness.addresses.root}/"),
            expected=f"{step} to go to the addresses that are set, behind {harness.addresses.root}",
            found=f"{parts.scheme}://{parts.netloc}{parts.path}",
            why="secrets would go to another host, and no other environment could be set",
        )


CHECKS = (check_no_host_is_called_that_is_not_declared,)
