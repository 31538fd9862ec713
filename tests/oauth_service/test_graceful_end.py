"""`python -m oauth_service` that is told to stop while a provider is slow."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest
from pydantic import SecretStr
from support.gate import Gate
from support.oauth_builtin import settings_at_sandbox
from support.oauth_rig import Person, Pipeline, free_port, wait_until
from support.service_process import ServiceProcess, service_process

from integrations.contracts import token_fingerprint
from integrations.runtime.registry import load_registry
from integrations.runtime.settings import load_settings
from integrations.sandbox_kit import SandboxControl, consent, sandbox_app, serve_in_thread
from oauth_service.store import Store

SLUG = "xero"


@dataclass
class Service:
    """A process of the service, in front of Xero behind a gate at its token endpoint."""

    url: str
    process: ServiceProcess
    environment: dict[str, str]
    pipeline: Pipeline
    xero: SandboxControl
    gate: Gate

    def token(self, **query: str) -> httpx.Response:
        return self.pipeline.token(slug=SLUG, **query)

    def probe(self, path: str) -> tuple[int, Any]:
        answer = httpx.get(self.url + path, timeout=60)
        return answer.status_code, answer.json()

    def stored_token(self) -> SecretStr:
        settings = load_settings(self.environment)
        store = Store(settings.oauth_database, settings.encryption_keys())
        try:
            connection = store.connections.get("acme", SLUG)
            assert connection is not None
            return store.connections.tokens(connection).access_token
        finally:
            store.close()


@pytest.fixture
def service(tmp_path: Path) -> Iterator[Service]:
    plugin = load_registry().get(SLUG)
    path = urlsplit(plugin.oauth.token_url).path
    gate = Gate(sandbox_app({SLUG: plugin.load_sandbox()}), path)
    with serve_in_thread(gate) as sandbox_url:
        port = free_port()
        url = f"http://localhost:{port}"
        environment = settings_at_sandbox(plugin, sandbox_url, url, tmp_path)
        with service_process(environment, tmp_path) as process:
            pipeline = Pipeline(url)
            xero = SandboxControl(f"{sandbox_url}/{SLUG}")
            found = Service(url, process, environment, pipeline, xero, gate)
            _connect(found)
            yield found
            gate.open()
            pipeline.http.close()


def test_refresh_in_flight_is_finished_before_the_process_ends(service: Service) -> None:
    old = SecretStr(service.token().json()["access_token"])
    service.xero.clear_calls()
    service.gate.close()
    with ThreadPoolExecutor(1) as pool:
        asked = pool.submit(service.token, rejected=token_fingerprint(old))
        try:
            assert service.gate.waited_for.wait(20)
            ready = service.probe("/healthz")
            service.process.process.terminate()
            wait_until(lambda: service.probe("/healthz") != ready)
            probes = [service.probe(f"/healthz{part}") for part in ("", "/ready", "/live")]
            pending, running = not asked.done(), service.process.process.poll() is None
        finally:
            service.gate.open()
        answer = asked.result(30)
    status = service.process.ended()

    stopping = {"status": "unavailable", "not_ready": ["stopping"]}
    assert ready == (200, {"status": "ok"})
    assert probes == [(503, stopping), (503, stopping), (200, {"status": "ok"})]
    assert (pending, running) == (True, True)
    assert answer.status_code == 200
    new = SecretStr(answer.json()["access_token"])
    assert new != old
    assert service.stored_token() == new
    assert [call["status"] for call in service.xero.calls("/connect/token")] == [200]
    assert status == 0
    assert b"Traceback" not in service.process.printed()


def _connect(service: Service) -> None:
    person = Person(service.url)
    person.open(service.pipeline.link())
    tenant = service.xero.tenants()[0].id
    back = consent(person.login(slug=SLUG), tenant_ids=[tenant])
    assert person.http.get(back, follow_redirects=True).status_code == 200
    person.http.close()
