"""`python -m oauth_service` as a process of its own."""

import os
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from support.oauth_rig import wait_for

_WITH_DESCRIPTORS = 'ulimit -n "$0" && exec "$@"'


class ServiceProcess:
    """
    A running service; what it prints is read all the time, so that it never waits for that.

    Attributes:
        process: Ends with the block that started it.
        url: Where it answers.
    """

    def __init__(self, process: subprocess.Popen[bytes], url: str) -> None:
        self.process = process
        self.url = url
        self._printed = bytearray()
        self._reader = threading.Thread(target=self._read)
        self._reader.start()

    def printed(self) -> bytes:
        """Return what it has printed so far, its log included."""
        return bytes(self._printed)

    def ended(self, timeout_s: float = 30.0) -> int:
        """Wait for its end; return the exit status."""
        status = self.process.wait(timeout_s)
        self._reader.join()
        return status

    def peak_memory_bytes(self) -> int:
        """Return the most memory that it has had since it started."""
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        (line,) = [line for line in status.splitlines() if line.startswith("VmHWM:")]
        return int(line.split()[1]) * 1024

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self._printed += line


@contextmanager
def service_process(
    environment: Mapping[str, str], folder: Path, *, descriptors: int | None = None
) -> Iterator[ServiceProcess]:
    """
    Run the service until the block ends, at the latest.

    Args:
        environment: Settings; it answers at ZEBBRA_OAUTH_URL.
        folder: Where it is started.
        descriptors: How many files and connections it may have open.
    """
    command = [sys.executable, "-m", "oauth_service"]
    if descriptors is not None:
        command = ["sh", "-c", _WITH_DESCRIPTORS, str(descriptors), *command]
    process = subprocess.Popen(
        command,
        env={**os.environ, **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        cwd=folder,
    )
    running = ServiceProcess(process, environment["ZEBBRA_OAUTH_URL"])
    try:
        wait_for(running.url, process.poll)
        yield running
    finally:
        process.kill()
        running.ended()
        assert process.stdout is not None
        process.stdout.close()
