"""The built-in integrations against their own sandboxes."""

import re
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest
from pydantic import SecretStr
from support.oauth_rig import (
    PATIENCE,
    SERVICE_KEY,
    Person,
    Pipeline,
    free_port,
    heading,
    hidden_fields,
)

from integrations.contracts import token_fingerprint
from integrations.runtime.registry import load_registry
from integrations.runtime.settings import load_settings
from integrations.sandbox_kit import SandboxControl, consent, sandbox_app, serve_in_thread
from integrations.sandbox_kit.person import ConsentError
from oauth_service import create_app


class Connected:
    """One integration behind the service, used by a person and the pipeline."""

    def __init__(self, slug: str, url: str, sandbox_url: str) -> None:
        self.slug = slug
        self.person = Person(url)
        self.pipeline = Pipeline(url)
        self.sandbox = SandboxControl(f"{sandbox_url}/{slug}")

    def token(self, **query: str) -> dict[str, str]:
        answer = self.pipeline.token(slug=self.slug, **query)
        assert answer.status_code == 200, answer.text
        found: dict[str, str] = answer.json()
        return found


@pytest.fixture(params=sorted(load_registry().plugins))
def connected(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Connected]:
    registry = load_registry()
    plugin = registry.get(request.param)
    builders = {plugin.slug: plugin.load_sandbox()}
    with serve_in_thread(sandbox_app(builders)) as sandbox_url:
        root = f"{sandbox_url}/{plugin.slug}"
        prefix = plugin.slug.upper()
        port = free_port()
        environment = {
            "ZEBBRA_HOME": str(tmp_path / "home"),
            "ZEBBRA_OAUTH_URL": f"http://localhost:{port}",
            "ZEBBRA_SERVICE_KEY": SERVICE_KEY,
            f"{prefix}_CLIENT_ID": "client",
            f"{prefix}_CLIENT_SECRET": "secret",
            f"{prefix}_AUTHORIZE_URL": root + urlsplit(plugin.oauth.authorize_url).path,
            f"{prefix}_TOKEN_URL": root + urlsplit(plugin.oauth.token_url).path,
            f"{prefix}_REVOKE_URL": root + urlsplit(plugin.oauth.revoke_url or "").path,
            f"{prefix}_API_BASE_URL": root,
        }
        app = create_app(load_settings(environment), registry, policy=PATIENCE)
        with serve_in_thread(app, port=port) as url:
            found = Connected(plugin.slug, url, sandbox_url)
            yield found
            found.person.http.close()
            found.pipeline.http.close()


def test_connects_refreshes_and_disconnects(connected: Connected) -> None:
    slug, person, pipeline = connected.slug, connected.person, connected.pipeline
    person.open(pipeline.link())
    back = _allow_first_tenant(person.login(slug=slug))
    page = person.http.get(back, follow_redirects=True)
    assert heading(page) == "Connect Acme Ltd"
    first = connected.token()
    assert first["tenant_id"]
    assert f"is connected: {first['tenant_name']}." in page.text.replace("&amp;", "&")

    connected.sandbox.fault("lost_answer", path=_token_path(slug))
    spent = token_fingerprint(SecretStr(first["access_token"]))
    second = connected.token(rejected=spent)
    assert second["access_token"] != first["access_token"]
    assert second["tenant_id"] == first["tenant_id"]

    fields = hidden_fields(page)
    done = person.http.post(f"/integration/{slug}/disconnect", data=fields, follow_redirects=True)
    assert "is disconnected." in done.text
    assert pipeline.token(slug=slug).json()["code"] == "not_connected"


def test_dead_grant_is_noticed(connected: Connected) -> None:
    slug, person, pipeline = connected.slug, connected.person, connected.pipeline
    person.open(pipeline.link())
    person.http.get(_allow_first_tenant(person.login(slug=slug)))
    first = connected.token()
    connected.sandbox.revoke_grants()
    spent = token_fingerprint(SecretStr(first["access_token"]))
    answer = pipeline.token(slug=slug, rejected=spent)

    assert (answer.status_code, answer.json()["code"]) == (409, "requires_reconnect")


def _token_path(slug: str) -> str:
    return urlsplit(load_registry().get(slug).oauth.token_url).path


def _allow_first_tenant(authorize_url: str) -> str:
    """Allow for whichever organisation the sandbox's page lists first."""
    offered = re.findall(r'name="tenant_id"[^>]*value="([^"]+)"', httpx.get(authorize_url).text)
    if not offered:
        raise ConsentError("the consent page offers no organisation")
    return consent(authorize_url, tenant_ids=offered[:1])
