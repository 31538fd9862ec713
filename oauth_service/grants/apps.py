"""The operator's apps at the providers, and the addresses that belong to them."""

from urllib.parse import urlsplit

from integrations.contracts import ConfigurationError, IntegrationPlugin, OAuthApp
from integrations.runtime.registry import Registry
from integrations.runtime.settings import Settings


class OperatorApps:
    """Applies the settings to each plugin's facts."""

    def __init__(self, settings: Settings, registry: Registry) -> None:
        self._settings = settings
        self.registry = registry

    def app(self, plugin: IntegrationPlugin) -> OAuthApp:
        """
        Return the operator's app for *plugin*.

        Raises:
            ConfigurationError: If it is not configured, by setting name.
        """
        return plugin.oauth.register_oauth_app(
            plugin.slug,
            self._settings.integration(plugin.slug),
            api_base_url=plugin.api.base_url,
        )

    def configured(self, plugin: IntegrationPlugin) -> OAuthApp | None:
        """Return the app, or None where the operator has set none."""
        try:
            return self.app(plugin)
        except ConfigurationError:
            return None

    def plain_consent_origins(self) -> tuple[str, ...]:
        """Return the origins of consent pages reached by plain http: sandboxes on this machine."""
        pages = (urlsplit(app.authorize_url) for app in map(self.configured, self.registry) if app)
        origins = (f"{page.scheme}://{page.netloc}" for page in pages if page.scheme == "http")
        return tuple(dict.fromkeys(origins))

    def redirect_uri(self, plugin: IntegrationPlugin) -> str:
        """Return what must be registered as the app's redirect URI at the provider."""
        return f"{self._settings.oauth_url}/integration/{plugin.slug}/callback"
