"""The OAuth service on loopback, in front of Toybooks, with a person and a pipeline to use it."""

import socket
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
from cryptography.fernet import Fernet
from fastapi import FastAPI
from support.oauth_toy import PLUGIN, RULES, TENANTS, UNCONFIGURED, build_toybooks

from integrations.runtime.registry import Registry
from integrations.runtime.settings import Settings, load_settings
from integrations.sandbox_kit import (
    Clock,
    OAuthRules,
    SandboxControl,
    SandboxTenant,
    consent,
    serve_in_thread,
)
from integrations.sandbox_kit.browser import Browser, Page, redirect_of
from integrations.sandbox_kit.connecting import begin_login
from oauth_service import create_app
from oauth_service.grants.lease import RefreshPolicy
from oauth_service.store.schema import connections, metadata, refresh_history, workspaces
from oauth_service.web.limits import RequestLimits
from oauth_service.web.services import Services

SERVICE_KEY = "service-key-of-the-tests-on-loopback"
SECRET = "client-secret-of-the-tests"
PATIENCE = RefreshPolicy(backoff_s=0.01, lease_s=3.0, poll_s=0.02, caller_wait_s=20.0)
REGISTRY = Registry(
    plugins={"shybooks": UNCONFIGURED, "toybooks": PLUGIN}, versions={}, failures=()
)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def toy_environment(home: Path, provider_url: str, oauth_url: str) -> dict[str, str]:
    """Settings of a service that uses the emulator at *provider_url*."""
    return {
        "ZEBBRA_HOME": str(home),
        "ZEBBRA_OAUTH_URL": oauth_url,
        "ZEBBRA_SERVICE_KEY": SERVICE_KEY,
        "ZEBBRA_ENCRYPTION_KEYS": Fernet.generate_key().decode(),
        "TOYBOOKS_CLIENT_ID": "client-of-the-tests",
        "TOYBOOKS_CLIENT_SECRET": SECRET,
        "TOYBOOKS_AUTHORIZE_URL": f"{provider_url}/authorize",
        "TOYBOOKS_TOKEN_URL": f"{provider_url}/token",
        "TOYBOOKS_REVOKE_URL": f"{provider_url}/revoke",
        "TOYBOOKS_API_BASE_URL": provider_url,
    }


class Pipeline:
    """A holder of the service key."""

    def __init__(self, url: str, key: str = SERVICE_KEY) -> None:
        self.http = httpx.Client(
            base_url=url, headers={"Authorization": f"Bearer {key}"}, timeout=60
        )

    def link(self, workspace_id: str = "acme", name: str | None = "Acme Ltd") -> str:
        body = {"workspace_id": workspace_id} | ({"workspace_name": name} if name else {})
        answer = self.http.post("/api/connect-links", json=body)
        assert answer.status_code == 200, answer.text
        return str(answer.json()["url"])

    def token(
        self, workspace_id: str = "acme", slug: str = "toybooks", **query: str
    ) -> httpx.Response:
        return self.http.get(
            f"/api/workspaces/{workspace_id}/integrations/{slug}/token", params=query
        )

    def once(self, path: str, headers: Mapping[str, str] | None = None) -> httpx.Response:
        """Ask what fails: uvicorn closes that connection, while another request may be on its way."""
        own = self.http.headers["Authorization"]
        url = f"{self.http.base_url}".rstrip("/") + path
        return httpx.get(url, headers={"Authorization": own} | dict(headers or {}), timeout=60)

    def connections(self, **query: Any) -> dict[str, Any]:
        answer = self.http.get("/api/connections", params=query)
        assert answer.status_code == 200, answer.text
        found: dict[str, Any] = answer.json()
        return found

    def connection(self, workspace_id: str = "acme") -> dict[str, Any]:
        (found,) = self.connections(workspace_id=workspace_id)["connections"]
        return dict(found)


class Person(Browser):
    """A browser at one service."""

    def open(self, link: str) -> httpx.Response:
        """Open a connect link and follow it to the connect page."""
        return self.get(link, follow=True)

    def login(self, workspace_id: str = "acme", slug: str = "toybooks") -> str:
        """Confirm the page that asks; return where the provider's consent page is."""
        answer = self.begin(workspace_id, slug)
        assert answer.status_code == 303, answer.text
        return redirect_of(answer)

    def begin(self, workspace_id: str = "acme", slug: str = "toybooks") -> httpx.Response:
        """Open the page that asks before leaving, and send its form."""
        answer = begin_login(self, "", workspace_id, slug)
        assert answer.request.method == "POST", answer.text
        return answer

    def allow(self, authorize_url: str, tenants: Sequence[str] = ("toy-1",)) -> str:
        """Allow at the provider; return its redirect back."""
        return consent(authorize_url, tenant_ids=tenants)

    def connect(
        self, link: str, tenants: Sequence[str] = ("toy-1",), workspace_id: str = "acme"
    ) -> httpx.Response:
        """Go all the way from a connect link."""
        self.open(link)
        back = self.allow(self.login(workspace_id), tenants)
        return self.get(back, follow=True)

    def press(self, path: str, page: httpx.Response, **fields: str) -> httpx.Response:
        """Send a form with the hidden fields of *page*."""
        return self.post(path, {**hidden_fields(page), **fields}, follow=True)


@dataclass
class Rig:
    """A running service and a running provider."""

    provider: SandboxControl
    clock: Clock
    app: FastAPI
    url: str
    settings: Settings
    environment: Mapping[str, str]
    services: Services
    pipeline: Pipeline
    person: Person
    people: list[Person]

    def new_person(self) -> Person:
        self.people.append(Person(self.url))
        return self.people[-1]

    def reset(self) -> None:
        """Forget everything that happened, at the provider too; the servers stay."""
        self.provider.reset()
        self.clock.reset()
        self.person.http.cookies.clear()
        with self.services.store._database.writing() as transaction:
            for table in metadata.sorted_tables:
                if table.name != "numbers":
                    transaction.execute(table.delete())

    def close(self) -> None:
        for client in (self.pipeline, self.person, *self.people):
            client.http.close()

    def connect(
        self, workspace_id: str = "acme", tenants: Sequence[str] = ("toy-1",)
    ) -> httpx.Response:
        """Connect a workspace in a browser of its own."""
        link = self.pipeline.link(workspace_id, f"{workspace_id} Ltd")
        return self.new_person().connect(link, tenants, workspace_id)

    def refreshes(self) -> int:
        """How often the provider's token endpoint was asked since `clear_calls`."""
        return len(self.provider.calls("/token"))

    def expire(self) -> None:
        """Let the access token end, and forget the calls so far."""
        self.clock.advance(1800)
        self.provider.clear_calls()

    def call_everything(self, name: str, *, state: str = "connected") -> None:
        """Give all workspaces, organisations, reasons and details of events this one name."""
        with self.services.store._database.writing() as transaction:
            transaction.execute(workspaces.update().values(name=name))
            transaction.execute(
                connections.update().values(tenant_name=name, reason=name, state=state)
            )
            transaction.execute(refresh_history.update().values(detail=name))

    def history(self, workspace_id: str = "acme") -> list[str]:
        entries = self.services.store.history.of(workspace_id, "toybooks")
        return [entry.outcome.value for entry in entries]


@contextmanager
def running_rig(
    home: Path,
    *,
    rules: OAuthRules = RULES,
    tenants: Sequence[SandboxTenant] = TENANTS,
    policy: RefreshPolicy = PATIENCE,
    overrides: Mapping[str, str] | None = None,
    limits: RequestLimits | None = None,
) -> Iterator[Rig]:
    """Run both until the block ends."""
    clock = Clock()
    with serve_in_thread(build_toybooks(clock, rules=rules, tenants=tenants)) as provider_url:
        port = free_port()
        environment = {
            **toy_environment(home, provider_url, f"http://localhost:{port}"),
            **(overrides or {}),
        }
        settings = load_settings(environment)
        app = create_app(
            settings,
            REGISTRY,
            clock=clock.now,
            policy=policy,
            limits=limits or RequestLimits(burst=100_000),
        )
        with serve_in_thread(app, port=port) as url:
            rig = Rig(
                provider=SandboxControl(provider_url),
                clock=clock,
                app=app,
                url=url,
                settings=settings,
                environment=environment,
                services=app.state.services,
                pipeline=Pipeline(url),
                person=Person(url),
                people=[],
            )
            try:
                yield rig
            finally:
                rig.close()


def hidden_fields(page: httpx.Response) -> dict[str, str]:
    return Page(page.text).hidden


def heading(page: httpx.Response) -> str:
    return Page(page.text).heading


def wait_until(happened: Callable[[], bool], timeout_s: float = 20.0) -> None:
    """Return once *happened* says so; processes that are waited for need the processor too."""
    deadline = time.monotonic() + timeout_s
    while not happened():
        assert time.monotonic() < deadline, "it did not happen"
        time.sleep(0.01)


def wait_for(url: str, exit_status: Callable[[], int | None], timeout_s: float = 30.0) -> None:
    """Return once the service at *url* is healthy; *exit_status* tells whether it has ended."""
    deadline = time.monotonic() + timeout_s
    while time.monotonic() < deadline and exit_status() is None:
        try:
            if httpx.get(f"{url}/healthz", timeout=60).status_code == 200:
                return
        except httpx.TransportError:
            time.sleep(0.02)
    raise RuntimeError(f"the service did not start; exit status {exit_status()}")
