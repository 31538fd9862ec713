"""Child processes of `zebbra demo` and `zebbra dev`: started, waited for, and ended with us."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from types import FrameType
from typing import NoReturn
from urllib.error import URLError
from urllib.request import urlopen

from integrations.runtime.private_home import UMASK, private_umask
from zebbra_pipeline.warehouse.database import private_folder

_START_TIMEOUT_S = 60.0
_STOP_TIMEOUT_S = 15.0


class ProcessError(Exception):
    """A child process did not start, or has ended by itself."""


def free_port(
    wanted: int, *, tell: Callable[[str], None], what: str, but: Collection[int] = ()
) -> int:
    """Return *wanted*, or the next free port on the loopback address and not in *but*, saying so."""
    for port in range(wanted, wanted + 100):
        if port not in but and _is_free(port):
            if port != wanted:
                tell(f"port {wanted} is taken; {what} uses {port}")
            return port
    raise ProcessError(f"{what}: no free port from {wanted} to {wanted + 99}")


def _is_free(port: int) -> bool:
    for family, address in ((socket.AF_INET, "127.0.0.1"), (socket.AF_INET6, "::1")):
        try:
            with socket.socket(family, socket.SOCK_STREAM) as probe:
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                probe.bind((address, port))
        except OSError:
            if family == socket.AF_INET or socket.has_dualstack_ipv6():
                return False
    return True


class Children:
    """A group of child processes; `with Children(...)` ends them all, whatever happens."""

    def __init__(self, logs: Path) -> None:
        self._logs = logs
        self._running: dict[str, subprocess.Popen[bytes]] = {}

    def start(
        self, name: str, command: Sequence[str], environ: Mapping[str, str], *, show: bool = False
    ) -> None:
        """
        Start a process of its own group.

        Args:
            name: For messages, and the name of its log file.
            command: Arguments after the Python interpreter.
            environ: Its whole environment.
            show: Let it write to our terminal instead of a log file.
        """
        private_folder(self._logs)
        with private_umask(), (self._logs / f"{name}.log").open("ab") as log:
            self._running[name] = subprocess.Popen(  # noqa: S603 -- our own commands
                [sys.executable, *command],
                # Without compiled bytecode every start takes two to three times as long.
                env={k: v for k, v in environ.items() if k != "PYTHONDONTWRITEBYTECODE"},
                stdin=subprocess.DEVNULL,
                stdout=None if show else log,
                stderr=None if show else log,
                start_new_session=True,
                umask=UMASK,
            )

    def wait_until_up(self, name: str, url: str) -> None:
        """
        Wait until *url* answers.

        Raises:
            ProcessError: If the process ends or does not answer in time, naming its log.
        """
        deadline = time.monotonic() + _START_TIMEOUT_S
        while time.monotonic() < deadline:
            if self._running[name].poll() is not None:
                raise ProcessError(f"{name} ended at its start; see {self._logs / name}.log")
            try:
                with urlopen(url, timeout=2):  # noqa: S310 -- loopback http of our own
                    return
            except (URLError, OSError):
                time.sleep(0.1)
        raise ProcessError(f"{name} does not answer at {url}; see {self._logs / name}.log")

    def pids(self) -> dict[str, int]:
        """Return the process ids of the children by name."""
        return {name: process.pid for name, process in self._running.items()}

    def kill(self, name: str) -> None:
        """Kill a child at once, without telling it; it can be started again."""
        process = self._running.pop(name)
        process.kill()
        process.wait()

    def ended(self) -> str:
        """Return the name of a child that has ended by itself; empty if all run."""
        running = self._running.items()
        return next((name for name, process in running if process.poll() is not None), "")

    def wait(self) -> str:
        """Wait until any of them ends; return its name."""
        while not (name := self.ended()):
            time.sleep(0.3)
        return name

    def stop(self) -> None:
        """End all of them, politely first."""
        for process in self._running.values():
            _signal_group(process, signal.SIGTERM)
        deadline = time.monotonic() + _STOP_TIMEOUT_S
        for process in self._running.values():
            with suppress(subprocess.TimeoutExpired):
                process.wait(max(0.1, deadline - time.monotonic()))
            _signal_group(process, signal.SIGKILL)
            process.wait()
        self._running.clear()


def _signal_group(process: subprocess.Popen[bytes], number: int) -> None:
    try:
        os.killpg(process.pid, number)
    except (ProcessLookupError, PermissionError):
        return


@contextmanager
def children(logs: Path) -> Iterator[Children]:
    """Give a group of child processes that ends when the block does, or on a signal."""
    group = Children(logs)
    previous = {
        number: signal.signal(number, _raise_interrupt)
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    }
    try:
        yield group
    finally:
        group.stop()
        for number, handler in previous.items():
            signal.signal(number, handler)


def _raise_interrupt(_number: int, _frame: FrameType | None) -> NoReturn:
    raise KeyboardInterrupt
