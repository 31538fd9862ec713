"""The operator's apps at the providers, and their redirect URIs."""

from urllib.parse import urlsplit

from integrations.contracts import ConfigurationError, IntegrationPlugin, OAuthApp
from integrations.runtime.registry import Registry
from integrations.runtime.settings import Settings


class OperatorApps:
    """Combines each plugin's facts with the operator's settings."""

    def __init__(self, settings: Settings, registry: Registry) -> None:
        self._settings = settings
        self.registry = registry

    def app(self, plugin: IntegrationPlugin) -> OAuthApp:
        """
        Return the operator's app for *plugin*.

        Raises:
            ConfigurationError: If it is not configured. It names the missing settings.
        """
        return plugin.oauth.register_oauth_app(
            plugin.slug,
            self._settings.integration(plugin.slug),
            api_base_url=plugin.api.base_url,
        )

    def configured(self, plugin: IntegrationPlugin) -> OAuthApp | None:
        """Return the app for *plugin*; None if it is not configured."""
        try:
            return self.app(plugin)
        except ConfigurationError:
            return None

    def plain_consent_origins(self) -> tuple[str, ...]:
        """Return the origins of consent pages served over plain http: local sandboxes."""
        pages = (urlsplit(app.authorize_url) for app in map(self.configured, self.registry) if app)
        origins = (f"{page.scheme}://{page.netloc}" for page in pages if page.scheme == "http")
        return tuple(dict.fromkeys(origins))

    def redirect_uri(self, plugin: IntegrationPlugin) -> str:
        """Return the redirect URI to register for the app at the provider."""
        return f"{self._settings.oauth_url}/integration/{plugin.slug}/callback"
