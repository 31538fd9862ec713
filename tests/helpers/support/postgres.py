"""A PostgreSQL of the tests' own: made, started and thrown away; loopback only, never as root."""

import os
import pwd
import secrets
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from typing import Any

import psycopg
from support.leaks import LEAKS
from support.oauth_rig import free_port

_START_TIMEOUT_S = 30.0
_USERS = ("postgres", "nobody")


class PostgresMissingError(Exception):
    """No PostgreSQL can be started here; the text says why."""


class Postgres:
    """A running server."""

    def __init__(self, port: int, password: str, pid: int) -> None:
        self._pid = pid
        self._address = f"zebbra:{password}@127.0.0.1:{port}"
        self._numbers = count(1)

    def new_database(self) -> str:
        """Return the SQLAlchemy URL of an empty database."""
        name = f"tokens_{next(self._numbers)}"
        with psycopg.connect(f"postgresql://{self._address}/postgres", autocommit=True) as admin:
            admin.execute(f"CREATE DATABASE {name}".encode())
        return f"postgresql+psycopg://{self._address}/{name}"

    @contextmanager
    def frozen(self) -> Iterator[None]:
        """Let it accept connections and say nothing to them until the block ends."""
        os.kill(self._pid, signal.SIGSTOP)
        try:
            yield
        finally:
            os.kill(self._pid, signal.SIGCONT)

    @contextmanager
    def closed(self, url: str) -> Iterator[None]:
        """End all connections to the database at *url*, and let nobody in until the block ends."""
        name = url.rpartition("/")[2]
        with psycopg.connect(f"postgresql://{self._address}/postgres", autocommit=True) as admin:
            admin.execute(f"ALTER DATABASE {name} ALLOW_CONNECTIONS false".encode())
            ending = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s"
            admin.execute(ending, [name])
            try:
                yield
            finally:
                admin.execute(f"ALTER DATABASE {name} ALLOW_CONNECTIONS true".encode())


@contextmanager
def running_postgres() -> Iterator[Postgres]:
    """
    Run a server until the block ends.

    Raises:
        PostgresMissingError: If its programs are missing or it does not start.
    """
    programs = _programs()
    user = _unprivileged_user()
    folder = Path(tempfile.mkdtemp(prefix="zebbra-postgres-"))
    as_user: dict[str, Any] = {"cwd": folder}
    if user is not None:
        os.chown(folder, user.pw_uid, user.pw_gid)
        as_user |= {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []}
    password, port = secrets.token_hex(16), free_port()
    try:
        _make_cluster(programs, folder, password, as_user)
        with (folder / "log").open("wb") as log:
            server = subprocess.Popen(
                [
                    programs / "postgres",
                    *("-D", folder / "data", "-p", str(port), "-h", "127.0.0.1"),
                    *("-c", "unix_socket_directories=", "-c", "fsync=off"),
                ],
                stdout=log,
                stderr=log,
                **as_user,
            )
        try:
            _wait(server, port, password, folder / "log")
            yield Postgres(port, password, server.pid)
        finally:
            server.send_signal(signal.SIGINT)  # "fast": ends sessions, loses nothing
            server.wait(30)
            LEAKS.look_at_files(folder / "data", prefix="PostgreSQL/")
    finally:
        shutil.rmtree(folder)


def _programs() -> Path:
    """Return the folder of initdb and postgres: Debian's newest, or where the PATH has them."""
    debian = Path("/usr/lib/postgresql").glob("*/bin/initdb")
    found = sorted(debian, key=lambda path: int(path.parts[4].split(".")[0]))
    if found:
        return found[-1].parent
    on_path = shutil.which("initdb")
    if on_path is None:
        raise PostgresMissingError(
            "no PostgreSQL here: initdb is neither in /usr/lib/postgresql/*/bin nor on the PATH; "
            "on Debian and Ubuntu: apt install postgresql"
        )
    return Path(on_path).resolve().parent


def _unprivileged_user() -> pwd.struct_passwd | None:
    """Return whom to run it as, where we are root: PostgreSQL refuses root."""
    if os.geteuid() != 0:
        return None
    for name in _USERS:
        try:
            return pwd.getpwnam(name)
        except KeyError:
            continue
    raise PostgresMissingError(f"root must not run PostgreSQL, and there is no user of {_USERS}")


def _make_cluster(programs: Path, folder: Path, password: str, as_user: dict[str, Any]) -> None:
    password_file = folder / "password"
    password_file.write_text(password)
    if "user" in as_user:
        os.chown(password_file, as_user["user"], as_user["group"])
    made = subprocess.run(
        [
            programs / "initdb",
            *("-D", folder / "data", "-U", "zebbra", "-A", "scram-sha-256"),
            *(f"--pwfile={password_file}", "-E", "UTF8", "--locale=C", "--no-sync"),
        ],
        capture_output=True,
        text=True,
        check=False,
        **as_user,
    )
    if made.returncode != 0:
        raise PostgresMissingError(f"initdb failed: {made.stderr.strip()[-500:]}")


def _wait(server: subprocess.Popen[bytes], port: int, password: str, log: Path) -> None:
    deadline = time.monotonic() + _START_TIMEOUT_S
    while time.monotonic() < deadline and server.poll() is None:
        try:
            psycopg.connect(f"postgresql://zebbra:{password}@127.0.0.1:{port}/postgres").close()
        except psycopg.OperationalError:
            time.sleep(0.05)
        else:
            return
    server.kill()
    raise PostgresMissingError(f"PostgreSQL did not start: {log.read_text()[-500:]}")
