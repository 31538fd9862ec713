"""The real OAuth service in a process of its own, and its API as the pipeline uses it."""

import hashlib
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from urllib.error import URLError
from urllib.parse import quote

from integrations.contracts import (
    ConfigurationError,
    IntegrationAccess,
    IntegrationError,
    NotConnectedError,
    ProviderUnavailableError,
    ReconnectRequiredError,
)
from integrations.testing.expectations import BenchError
from integrations.testing.web import Browser, Page

SERVICE_KEY = "conformance-service-key-on-loopback"
_OK, _NOT_FOUND, _CONFLICT, _UNAVAILABLE = 200, 404, 409, 503
_START_S, _STOP_S, _POLL_S = 60.0, 20.0, 0.02
_LOOK_EVERY_S = 1.0
_ASK = """
import hashlib, http.client, json, sys
host, port, path, key = json.loads(sys.stdin.readline())
print("ready", flush=True)
sys.stdin.readline()
seen = []
for _ in range(2):
    http_ = http.client.HTTPConnection(host, port, timeout=90)
    http_.request("GET", path, headers={"Authorization": "Bearer " + key})
    answer = http_.getresponse()
    body = json.loads(answer.read())
    http_.close()
    token = body.get("access_token", "")
    seen.append([answer.status, hashlib.sha256(token.encode()).hexdigest()])
print(json.dumps(seen))
"""


class ServiceProcess:
    """
    `python -m oauth_service` with settings of its own.

    Attributes:
        url: Where it is reached.
        log: File of everything that it has said.
    """

    def __init__(self, home: Path, environ: Mapping[str, str]) -> None:
        self.port = _free_port()
        self.url = f"http://localhost:{self.port}"
        self.log = home / "oauth_service.log"
        self._home = home
        self._environ = {
            **environ,
            "ZEBBRA_HOME": str(home / "zebbra"),
            "ZEBBRA_OAUTH_URL": self.url,
            "ZEBBRA_SERVICE_KEY": SERVICE_KEY,
        }
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """
        Start it and wait until it answers.

        Raises:
            BenchError: If it ends instead, with the end of its log.
        """
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "oauth_service"],
                cwd=self._home,  # no .env of the working directory
                env=self._environ,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )
        browser = Browser()
        deadline = time.monotonic() + _START_S
        while time.monotonic() < deadline:
            if self._process.poll() is not None:
                break
            with suppress(URLError, OSError):
                if browser.send(f"{self.url}/healthz").status == _OK:
                    return
            time.sleep(_POLL_S)
        self.stop()
        said = self.log.read_text(errors="replace")[-2000:]
        raise BenchError(f"the OAuth service did not start: {said or 'it said nothing'}")

    def kill(self) -> None:
        """End it as a crash would."""
        self._end(signal.SIGKILL)

    def stop(self) -> None:
        """Let it end in order."""
        self._end(signal.SIGTERM)

    def _end(self, how: signal.Signals) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        process.send_signal(how)
        try:
            process.wait(_STOP_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


@dataclass
class ServiceApi:
    """
    The OAuth service's API for whoever holds the service key.

    Attributes:
        told: Bodies of the answers that were errors: what a log of the pipeline would show.
    """

    url: str
    told: list[str] = field(default_factory=list)

    def connect_link(self, workspace_id: str) -> str:
        """Return a connect link for a workspace, which is known from then on."""
        page = self._post("/api/connect-links", {"workspace_id": workspace_id})
        if page.status != _OK:
            raise BenchError(f"the OAuth service makes no connect link: status {page.status}")
        return str(page.json()["url"])

    def token(self, workspace_id: str, slug: str, *, rejected: str | None = None) -> Page:
        """Ask for an access token; any answer is returned."""
        query = "" if rejected is None else f"?rejected={rejected}"
        page = self._get(f"{self.token_path(workspace_id, slug)}{query}")
        if page.status != _OK:
            self.told.append(page.text)
        return page

    def state(self, workspace_id: str, slug: str) -> str:
        """Return the state of a connection; empty if there is none."""
        found = self._get(f"/api/connections?workspace_id={workspace_id}").json()["connections"]
        return next((item["state"] for item in found if item["slug"] == slug), "")

    def integrations(self, workspace_id: str) -> list[str]:
        """Return the names of the integrations that the service has loaded."""
        page = self._get(f"/integration/providers?workspace_id={workspace_id}")
        return [item["name"] for item in page.json() or []]

    @staticmethod
    def token_path(workspace_id: str, slug: str) -> str:
        """Return the path of the token API for one connection."""
        return f"/api/workspaces/{quote(workspace_id)}/integrations/{quote(slug)}/token"

    def _get(self, path: str) -> Page:
        return Browser().send(self.url + path, bearer=SERVICE_KEY)

    def _post(self, path: str, content: Mapping[str, str]) -> Page:
        return Browser().send(self.url + path, content=dict(content), bearer=SERVICE_KEY)


def access_of(page: Page) -> IntegrationAccess:
    """
    Return the access in an answer of the token API.

    Raises:
        IntegrationError: The leaf that the pipeline makes of the refusal.
    """
    if page.status == _OK:
        return IntegrationAccess.model_validate_json(page.text)
    raise _refusal(page)


def _refusal(page: Page) -> IntegrationError:
    problem = page.json() or {}
    detail = str(problem.get("detail", f"status {page.status}"))
    if page.status == _CONFLICT and problem.get("code") == "requires_reconnect":
        return ReconnectRequiredError(detail, connect_url=problem.get("connect_url"))
    if page.status in {_CONFLICT, _NOT_FOUND}:
        return NotConnectedError(detail)
    if page.status == _UNAVAILABLE:
        wait = page.headers.get("retry-after", "")
        return ProviderUnavailableError(detail, retry_after_s=float(wait or 60))
    return ConfigurationError(detail)


def ask_from_processes(count: int, service: ServiceProcess, path: str) -> list[list[str]]:
    """
    Let *count* processes ask the token API at the same moment, each twice.

    Returns:
        For each process and each of its two answers: the digest of the access token, or the
        status of a refusal.
    """
    given = json.dumps(["localhost", service.port, path, SERVICE_KEY]) + "\n"
    processes = [
        subprocess.Popen(  # noqa: S603 -- our own text
            [sys.executable, "-I", "-S", "-c", _ASK],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={"PATH": os.environ.get("PATH", "")},
        )
        for _ in range(count)
    ]
    for process in processes:
        _write(process, given)
    for process in processes:
        _line(process)  # "ready"
    for process in processes:
        _write(process, "go\n")
    outputs = [process.communicate(timeout=_START_S)[0] for process in processes]
    return [
        [digest if status == _OK else f"status {status}" for status, digest in json.loads(output)]
        for output in outputs
    ]


def digest(token: str) -> str:
    """Return what `ask_from_processes` returns of an access token."""
    return hashlib.sha256(token.encode()).hexdigest()


def _write(process: subprocess.Popen[str], text: str) -> None:
    if process.stdin is not None:
        process.stdin.write(text)
        process.stdin.flush()


def _line(process: subprocess.Popen[str]) -> str:
    return process.stdout.readline() if process.stdout is not None else ""


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
