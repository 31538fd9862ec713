"""`kill -9` at every step of a refresh: the next request succeeds, and no customer notices."""

import signal
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from urllib.parse import urlsplit

import httpx
import pytest
from pydantic import SecretStr
from support.oauth_builtin import settings_at_sandbox
from support.oauth_processes import Replicas, Serving, Step, replicas
from support.oauth_rig import PATIENCE, Person, Pipeline, free_port

from integrations.contracts import token_fingerprint
from integrations.runtime.registry import load_registry
from integrations.runtime.settings import load_settings
from integrations.sandbox_kit import SandboxControl, consent, sandbox_app, serve_in_thread
from oauth_service import create_app

SLUGS = ("xero", "gusto")
LIFETIME_S = 7200.0
"""Longer than the access tokens of both providers live."""
FIRST_USE = {
    "xero": ("/connections", {}),
    "gusto": ("/v1/token_info", dict(load_registry().get("gusto").api.headers)),
}


@dataclass
class Office:
    """
    Xero and Gusto, and a service by which people connect them.

    Attributes:
        environment: Settings of the service, for processes that share its store.
    """

    url: str
    sandbox_url: str
    environment: Mapping[str, str]
    pipeline: Pipeline

    def connect(self, workspace_id: str, slug: str) -> None:
        person = Person(self.url)
        person.open(self.pipeline.link(workspace_id))
        tenant = self.provider(slug).tenants()[0].id
        back = consent(person.login(workspace_id, slug), tenant_ids=[tenant])
        assert person.http.get(back, follow_redirects=True).status_code == 200
        person.http.close()

    def provider(self, slug: str) -> SandboxControl:
        return SandboxControl(f"{self.sandbox_url}/{slug}")

    def refreshes(self, slug: str) -> list[int]:
        """Return what the token endpoint answered since `clear_calls`."""
        path = urlsplit(load_registry().get(slug).oauth.token_url).path
        return [call["status"] for call in self.provider(slug).calls(path)]

    def first_use(self, slug: str, access_token: str) -> int:
        """Use a token at the provider, which may end what came before it; return the status."""
        path, headers = FIRST_USE[slug]
        bearer = {"Authorization": f"Bearer {access_token}"}
        url = f"{self.sandbox_url}/{slug}{path}"
        return httpx.get(url, headers=headers | bearer, timeout=60).status_code


@pytest.fixture(scope="module")
def office(tmp_path_factory: pytest.TempPathFactory, shared_database_url: str) -> Iterator[Office]:
    registry = load_registry()
    builders = {slug: registry.get(slug).load_sandbox() for slug in SLUGS}
    with serve_in_thread(sandbox_app(builders)) as sandbox_url:
        port = free_port()
        home, oauth_url = tmp_path_factory.mktemp("office"), f"http://localhost:{port}"
        environment: dict[str, str] = {}
        for slug in SLUGS:
            environment |= settings_at_sandbox(registry.get(slug), sandbox_url, oauth_url, home)
        environment["ZEBBRA_OAUTH_DATABASE"] = shared_database_url
        app = create_app(load_settings(environment), registry, policy=PATIENCE)
        with serve_in_thread(app, port=port) as url:
            found = Office(url, sandbox_url, environment, Pipeline(url))
            yield found
            found.pipeline.http.close()


@pytest.fixture(scope="module")
def starter() -> Iterator[Replicas]:
    with replicas() as found:
        yield found


@pytest.mark.parametrize("slug", SLUGS)
@pytest.mark.parametrize(
    ("step", "refreshes"),
    [
        ("before_the_call", [200]),
        ("after_the_answer", [200, 200]),
        ("after_commit", [200]),
        ("before_the_answer", [200]),
    ],
)
def test_killed_in_a_refresh_the_service_goes_on_where_it_was(
    office: Office, starter: Replicas, slug: str, step: Step, refreshes: list[int]
) -> None:
    workspace_id = f"{slug}-{step}"
    office.connect(workspace_id, slug)
    office.provider(slug).clear_calls()
    serving = Serving(office.environment, LIFETIME_S, {"lease_s": 0.5}, dies_at=step, toys=False)
    (killed,) = starter.start(serving)
    with pytest.raises(httpx.TransportError):
        killed.pipeline.token(workspace_id, slug)
    killed.process.join(20)
    (restarted,) = starter.start(replace(serving, dies_at=None))
    answer = restarted.pipeline.token(workspace_id, slug)

    assert killed.process.exitcode == -signal.SIGKILL
    assert answer.status_code == 200
    assert office.refreshes(slug) == refreshes
    assert restarted.pipeline.connection(workspace_id)["state"] == "connected"

    token = answer.json()["access_token"]
    assert office.first_use(slug, token) == 200
    rejected = token_fingerprint(SecretStr(token))
    later = restarted.pipeline.token(workspace_id, slug, rejected=rejected)
    assert later.status_code == 200
    assert office.first_use(slug, later.json()["access_token"]) == 200
