"""Points integrations at the sandbox providers instead of the real ones."""

from collections.abc import Iterable, Mapping

from integrations.contracts import IntegrationPlugin
from integrations.sandbox_kit import Addresses

SANDBOX_CLIENT_ID = "zebbra-sandbox"


def sandbox_environment(plugins: Iterable[IntegrationPlugin], base_url: str) -> dict[str, str]:
    """Return the settings that point *plugins* at the sandbox at *base_url*."""
    environ: dict[str, str] = {}
    for plugin in plugins:
        addresses = Addresses.of(plugin, base_url)
        environ |= addresses.settings(SANDBOX_CLIENT_ID, "sandbox-only")
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
