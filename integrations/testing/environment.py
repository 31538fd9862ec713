"""The settings under which a plugin is connected to its own sandbox."""

from collections.abc import Iterable, Mapping

from pydantic import SecretStr

from integrations.contracts import IntegrationPlugin, IntegrationSettings, OAuthApp
from integrations.sandbox_kit import Addresses

CLIENT_ID = "conformance-client"
CLIENT_SECRET = "conformance-client-secret-5e8d"  # noqa: S105 -- the sandbox takes any


def app_of(plugin: IntegrationPlugin, addresses: Addresses) -> OAuthApp:
    """Return the operator's app at *addresses*."""
    settings = IntegrationSettings(
        client_id=CLIENT_ID,
        client_secret=SecretStr(CLIENT_SECRET),
        authorize_url=addresses.authorize_url,
        token_url=addresses.token_url,
        revoke_url=addresses.revoke_url,
        api_base_url=addresses.api_base_url,
    )
    return plugin.oauth.register_oauth_app(plugin.slug, settings, api_base_url=plugin.api.base_url)


def without_ours(
    environ: Mapping[str, str], plugins: Iterable[IntegrationPlugin]
) -> dict[str, str]:
    """Return *environ* without settings of this product, which are the operator's real ones."""
    prefixes = ("ZEBBRA_", *(f"{plugin.slug.upper()}_" for plugin in plugins))
    return {name: value for name, value in environ.items() if not name.startswith(prefixes)}
