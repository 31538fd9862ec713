"""The real OAuth service in a process of its own, and the pipeline's client of its API."""

import asyncio
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import quote, urlencode

import httpx
from pydantic import SecretStr

from integrations.contracts import IntegrationAccess, IntegrationError, OutboundRequest
from integrations.runtime.http import HttpSession, RawAnswer
from integrations.runtime.token_service import OAuthService
from integrations.sandbox_kit.browser import Browser
from integrations.testing.expectations import HarnessError
from integrations.testing.fetching import T, run_with_session

SERVICE_KEY = "conformance-service-key-on-loopback"
_OK = 200
_START_S, _STOP_S, _POLL_S, _TIMEOUT_S = 60.0, 20.0, 0.02, 90.0
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
    `python -m oauth_service` with its own settings.

    Attributes:
        url: URL of the service.
        log: File with its output.
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
            HarnessError: If it exits instead; the message has the end of its log.
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
            with suppress(httpx.TransportError):
                if browser.get(f"{self.url}/healthz").status_code == _OK:
                    return
            time.sleep(_POLL_S)
        self.stop()
        said = self.log.read_text(errors="replace")[-2000:]
        raise HarnessError(f"the OAuth service did not start: {said or 'it said nothing'}")

    def kill(self) -> None:
        """Kill the process, as a crash would."""
        self._end(signal.SIGKILL)

    def stop(self) -> None:
        """Stop the process gracefully."""
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


@dataclass(frozen=True, slots=True)
class TokenAnswer:
    """
    An answer of the token API.

    Attributes:
        status: Its HTTP status.
        retry_after: Its header `Retry-After`; empty if it has none.
        result: The access, or the error that the pipeline's client raises.
    """

    status: int
    retry_after: str
    result: IntegrationAccess | IntegrationError = field(repr=False)

    @property
    def access(self) -> IntegrationAccess:
        """The access; an error is raised."""
        if isinstance(self.result, IntegrationError):
            raise self.result
        return self.result


class ServiceApi:
    """
    The pipeline's client of the OAuth service, one call at a time.

    Attributes:
        url: URL of the service.
        errors: Bodies of the error answers to `token`: a log of the pipeline could show them.
    """

    def __init__(self, url: str) -> None:
        self.url = url
        self.errors: list[str] = []

    def client(self, session: HttpSession) -> OAuthService:
        """Return the client, sending with *session*."""
        return OAuthService(session, self.url, SecretStr(SERVICE_KEY))

    def connect_link(self, workspace_id: str) -> str:
        """Return a connect link for a workspace, which the service knows from then on."""
        return self._ask(lambda service: service.connect_link(workspace_id))["url"]

    def access(self, workspace_id: str, slug: str) -> IntegrationAccess:
        """Return the access of a connection; errors as `OAuthService.access` raises them."""
        return self.token(workspace_id, slug).access

    def token(self, workspace_id: str, slug: str, *, rejected: str | None = None) -> TokenAnswer:
        """
        Ask for an access token; an error of the service is returned.

        Raises:
            ProviderUnavailableError: If the service does not answer.
        """

        async def ask() -> TokenAnswer:
            result: IntegrationAccess | IntegrationError
            async with _WatchedSession() as session:
                service = self.client(session)
                try:
                    result = await service.access(workspace_id, slug, rejected=rejected)
                except IntegrationError as exc:
                    if not session.answers:
                        raise
                    self.errors.append(session.answers[-1].body.decode("utf-8", "replace"))
                    result = exc
            answer = session.answers[-1]
            return TokenAnswer(answer.status, answer.headers.get("retry-after", ""), result)

        return asyncio.run(ask())

    def state(self, workspace_id: str, slug: str) -> str:
        """Return the state of a connection; empty if there is none."""
        found = self._ask(lambda service: service.connections(workspace_id=workspace_id))
        return next((item.state.value for item in found.connections if item.slug == slug), "")

    def integrations(self, workspace_id: str) -> list[str]:
        """Return the names of the integrations that the service has loaded."""
        return [item.name for item in self._ask(lambda service: service.providers(workspace_id))]

    def _ask(self, question: Callable[[OAuthService], Awaitable[T]]) -> T:
        return run_with_session(lambda session: question(self.client(session)))


class _WatchedSession(HttpSession):
    """Keeps every answer: checks judge the status and headers too, not only the error."""

    def __init__(self) -> None:
        super().__init__()
        self.answers: list[RawAnswer] = []

    async def send(
        self,
        request: OutboundRequest,
        *,
        timeout_s: float = _TIMEOUT_S,
        most_bytes: int | None = None,
    ) -> RawAnswer:
        answer = await super().send(request, timeout_s=timeout_s, most_bytes=most_bytes)
        self.answers.append(answer)
        return answer


def ask_from_processes(
    count: int, service: ServiceProcess, workspace_id: str, slug: str, *, rejected: str
) -> list[list[str]]:
    """
    Let *count* processes ask the token API at the same moment, each twice.

    They import nothing but the standard library, so that all of them start at once.

    Returns:
        For each process and each of its two answers: the digest of the access token, or the
        status of a refusal.
    """
    path = (
        f"/api/workspaces/{quote(workspace_id)}/integrations/{quote(slug)}/token"
        f"?{urlencode({'rejected': rejected})}"
    )
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
