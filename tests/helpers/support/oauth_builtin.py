"""A built-in integration behind the OAuth service, in front of its own sandbox."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

from support.oauth_rig import PATIENCE, SERVICE_KEY, Person, Pipeline, free_port

from integrations.contracts import IntegrationPlugin
from integrations.runtime.registry import load_registry
from integrations.runtime.settings import load_settings
from integrations.sandbox_kit import SandboxControl, consent, sandbox_app, serve_in_thread
from integrations.sandbox_kit.browser import Browser, Page
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


def settings_at_sandbox(
    plugin: IntegrationPlugin, sandbox_url: str, oauth_url: str, home: Path
) -> dict[str, str]:
    """Return settings of a service at *oauth_url* that finds *plugin*'s provider in the sandbox."""
    root, prefix, oauth = f"{sandbox_url}/{plugin.slug}", plugin.slug.upper(), plugin.oauth
    return {
        "ZEBBRA_HOME": str(home),
        "ZEBBRA_OAUTH_URL": oauth_url,
        "ZEBBRA_SERVICE_KEY": SERVICE_KEY,
        f"{prefix}_CLIENT_ID": "client",
        f"{prefix}_CLIENT_SECRET": "secret",
        f"{prefix}_AUTHORIZE_URL": root + urlsplit(oauth.authorize_url).path,
        f"{prefix}_TOKEN_URL": root + urlsplit(oauth.token_url).path,
        f"{prefix}_REVOKE_URL": root + urlsplit(oauth.revoke_url or "").path,
        f"{prefix}_API_BASE_URL": root,
    }


@contextmanager
def running_builtin(slug: str, home: Path) -> Iterator[Connected]:
    """Run the service and the sandbox of one integration until the block ends."""
    registry = load_registry()
    plugin = registry.get(slug)
    builders = {plugin.slug: plugin.load_sandbox()}
    with serve_in_thread(sandbox_app(builders)) as sandbox_url:
        port = free_port()
        oauth_url = f"http://localhost:{port}"
        environment = settings_at_sandbox(plugin, sandbox_url, oauth_url, home)
        app = create_app(load_settings(environment), registry, policy=PATIENCE)
        with serve_in_thread(app, port=port) as url:
            found = Connected(plugin.slug, url, sandbox_url)
            yield found
            found.person.http.close()
            found.pipeline.http.close()


def allow_first_tenant(authorize_url: str) -> str:
    """Allow for whichever organisation the sandbox's page lists first."""
    form = Page(Browser().get(authorize_url).text).form
    assert form is not None
    (first, *_) = form.choices("tenant_id")
    return consent(authorize_url, tenant_ids=[first.value])
