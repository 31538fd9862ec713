"""The processes: sandbox, OAuth service, Dagster's code server and daemon."""

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from dagster._core.errors import DagsterUserCodeUnreachableError
from dagster._grpc.client import DagsterGrpcClient

from benchmarks.scale.options import Options
from integrations.runtime.settings import Settings, load_settings
from integrations.xero import PLUGIN
from zebbra_pipeline.cli.processes import Children, ProcessError, children, free_port
from zebbra_pipeline.cli.sandboxes import sandbox_environment
from zebbra_pipeline.orchestration.dagster_home import prepare

ROOT = Path(__file__).parents[2]
_DAEMON, _CODE_SERVER = "daemon", "code server"
CRON = "ZEBBRA_SCALE_CRON"
_NEVER = "0 0 1 1 *"
_FIRST_PORT = 18_700
_START_S = 120.0


@dataclass(frozen=True)
class Processes:
    """
    What runs.

    Attributes:
        settings: Those that all of them have.
        environ: Their environment.
        sandbox: URL of Xero's sandbox.
        code_server_port: Where Dagster reaches the definitions.
    """

    settings: Settings
    environ: dict[str, str]
    sandbox: str
    code_server_port: int
    group: Children

    def start_code_server(self, refresh_at: datetime | None = None) -> None:
        """
        Start the process that has the definitions and launches runs; wait until it answers.

        Args:
            refresh_at: When the daily refresh is due, in UTC; None for never.
        """
        location = ["-m", "benchmarks.scale.location", "-d", str(ROOT)]
        address = ["-h", "127.0.0.1", "-p", str(self.code_server_port)]
        command = ["-m", "dagster", "api", "grpc", *location, *address]
        environ = {**self.environ, CRON: _NEVER if refresh_at is None else _once(refresh_at)}
        self.group.start(_CODE_SERVER, command, environ)
        client = DagsterGrpcClient(host="127.0.0.1", port=self.code_server_port)
        deadline = time.monotonic() + _START_S
        while True:
            try:
                client.ping("")
                return
            except DagsterUserCodeUnreachableError:
                if time.monotonic() > deadline or self.group.ended():
                    raise ProcessError("the code server does not start; see its log") from None
                time.sleep(0.2)

    def stop_code_server(self) -> None:
        """End it, as a deployment does; it can be started again."""
        self.group.kill(_CODE_SERVER)

    def start_daemon(self) -> None:
        """Start Dagster's daemon; it is not waited for."""
        workspace = self.settings.home / "workspace.yaml"
        workspace.write_text(
            "load_from:\n  - grpc_server:\n      host: 127.0.0.1\n"
            f"      port: {self.code_server_port}\n      location_name: scale\n"
        )
        self.group.start(
            _DAEMON, ["-m", "dagster._daemon", "run", "-w", str(workspace)], self.environ
        )

    def kill_daemon(self) -> None:
        """Kill the daemon as a crash would."""
        self.group.kill(_DAEMON)

    def pids(self) -> dict[str, int]:
        """Return the processes by kind, those that run."""
        return self.group.pids()


LAUNCHER = _CODE_SERVER
"""The kind of process whose children are the runs."""


@contextmanager
def services(options: Options, home: Path) -> Iterator[Processes]:
    """Run the sandbox and the OAuth service while the block lasts; Dagster's parts on demand."""
    ports: list[int] = []
    for what in ("the sandbox", "the OAuth service", "the code server"):
        ports.append(free_port(_FIRST_PORT, tell=lambda _line: None, what=what, but=ports))
    sandbox_port, service_port, code_server_port = ports
    sandbox = f"http://localhost:{sandbox_port}"
    environ = {
        **{k: v for k, v in os.environ.items() if not k.startswith(("ZEBBRA_", "XERO_"))},
        **options.environment(),
        **sandbox_environment([PLUGIN], sandbox),
        "ZEBBRA_HOME": str(home),
        "ZEBBRA_OAUTH_URL": f"http://localhost:{service_port}",
        "DAGSTER_HOME": str(prepare(home / "dagster")),
        "PYTHONPATH": str(ROOT),
    }
    with children(home / "logs") as group:
        group.start("sandbox", ["-m", "benchmarks.scale.sandbox", str(sandbox_port)], environ)
        group.wait_until_up("sandbox", f"{sandbox}/healthz")
        settings = load_settings(environ)
        settings.service_key()  # made once, before several processes look for it
        settings.encryption_keys()
        group.start("OAuth service", ["-m", "oauth_service"], environ)
        group.wait_until_up("OAuth service", f"{settings.oauth_url}/healthz")
        yield Processes(settings, environ, f"{sandbox}/xero", code_server_port, group)


def _once(moment: datetime) -> str:
    """Return a cron expression for once a day; as a list, the schedule leaves its minute alone."""
    return f"{moment.minute},{moment.minute} {moment.hour} * * *"
