"""Which operating system process executes a Dagster run, and whether it still exists."""

import json
import os
import socket
import subprocess
import sys
import time
from dataclasses import asdict, dataclass, replace
from functools import cache
from pathlib import Path
from typing import Self

_PROC = Path("/proc")
_ENDED_STATES = ("Z", "X")
"""Zombies have ended; only their parent has not collected their exit status yet."""


@dataclass(frozen=True, slots=True)
class RunProcess:
    """
    The process that executes a run.

    Attributes:
        table: Identifies the process table that *pid* belongs to: this boot of this machine, and
            the PID namespace (a container has its own). Empty where that cannot be found out.
        host: Name of the machine, for messages only.
        pid: Process id within *table*; 0 while it is not known yet.
        started: When the process started, in the form of the operating system. A reused pid
            has another one.
        beat: Unix time of its last sign of life, in seconds.
        beating: Whether it gives signs of life; if not, only its process table can tell.
    """

    table: str
    host: str
    pid: int
    started: str
    beat: float
    beating: bool = True

    @property
    def name(self) -> str:
        """Its pid and host, for messages."""
        return f"pid {self.pid} on {self.host}"

    def to_json(self) -> str:
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, text: str) -> Self | None:
        """Return what `to_json` wrote; None if it is something else."""
        try:
            return cls(**json.loads(text))
        except (TypeError, ValueError):
            return None

    def beat_now(self) -> "RunProcess":
        """Return it with a sign of life of this moment."""
        return replace(self, beat=time.time())


def this_process() -> RunProcess:
    """Return the process that calls this."""
    pid = os.getpid()
    return RunProcess(process_table(), socket.gethostname(), pid, start_of(pid) or "", time.time())


def exists(process: RunProcess) -> bool | None:
    """
    Return whether *process* still exists.

    None if its pid belongs to another process table (another machine, container or boot), which
    this machine's processes say nothing about.
    """
    if not process.table or process.table != process_table():
        return None
    started = start_of(process.pid)
    if started is None:
        return False
    return not (started and process.started) or started == process.started


@cache
def process_table() -> str:
    """Return what identifies this process table; empty if it cannot be found out."""
    if sys.platform == "darwin":
        return _output("sysctl", "-n", "kern.bootsessionuuid")
    try:
        boot = (_PROC / "sys/kernel/random/boot_id").read_text().strip()
        namespace = (_PROC / "self/ns/pid").readlink()
    except OSError:
        return ""
    return f"{boot} {namespace}"


def start_of(pid: int) -> str | None:
    """Return when process *pid* started; None if it has ended, empty if that is not known."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return None
    except PermissionError:
        pass  # it exists, and another user owns it
    except OverflowError:
        return None
    found = _from_proc(pid) or _from_ps(pid)
    if not found:
        return ""
    state, started = found
    return None if state.startswith(_ENDED_STATES) else started


def _from_proc(pid: int) -> tuple[str, str] | None:
    try:
        text = (_PROC / str(pid) / "stat").read_text()
    except OSError:
        return None
    # The name of the program, in parentheses, may hold spaces and parentheses itself.
    fields = text.rpartition(")")[2].split()
    return fields[0], fields[19]


def _from_ps(pid: int) -> tuple[str, str] | None:
    state, _, started = _output("ps", "-o", "state=,lstart=", "-p", str(pid)).partition(" ")
    return (state, " ".join(started.split())) if started else None


def _output(*command: str) -> str:
    """Return what *command* prints; empty if it fails or does not exist."""
    try:
        done = subprocess.run(  # noqa: S603 -- fixed programs of the operating system
            command,
            env=os.environ | {"LC_ALL": "C", "TZ": "UTC"},
            capture_output=True,
            text=True,
            timeout=5,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout.strip() if done.returncode == 0 else ""
