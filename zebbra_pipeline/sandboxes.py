"""Points integrations at the sandbox providers instead of the real ones."""

from collections.abc import Iterable, Mapping
from urllib.parse import urlsplit

from integrations.contracts import IntegrationPlugin

SANDBOX_CLIENT_ID = "zebbra-sandbox"


def sandbox_environment(plugins: Iterable[IntegrationPlugin], base_url: str) -> dict[str, str]:
    """
    Return the settings that point *plugins* at the sandbox at *base_url*.

    Each emulator stands at `<base_url>/<slug>` and keeps its provider's own paths behind it.
    """
    environ: dict[str, str] = {}
    for plugin in plugins:
        prefix, root = plugin.slug.upper(), f"{base_url.rstrip('/')}/{plugin.slug}"
        environ |= {
            f"{prefix}_CLIENT_ID": SANDBOX_CLIENT_ID,
            f"{prefix}_CLIENT_SECRET": "sandbox-only",
            f"{prefix}_AUTHORIZE_URL": root + urlsplit(plugin.oauth.authorize_url).path,
            f"{prefix}_TOKEN_URL": root + urlsplit(plugin.oauth.token_url).path,
            f"{prefix}_API_BASE_URL": f"{root}/",
        }
        if plugin.oauth.revoke_url:
            environ[f"{prefix}_REVOKE_URL"] = root + urlsplit(plugin.oauth.revoke_url).path
    return environ


def really_configured(
    plugins: Iterable[IntegrationPlugin], environ: Mapping[str, str]
) -> list[str]:
    """Return the names of *plugins* for which the operator has set an app of their own."""
    return [
        plugin.name
        for plugin in plugins
        if environ.get(f"{plugin.slug.upper()}_CLIENT_ID", "") not in {"", SANDBOX_CLIENT_ID}
    ]
