"""The settings under which a plugin is connected to its own sandbox."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

from pydantic import SecretStr

from integrations.contracts import IntegrationPlugin, IntegrationSettings, OAuthApp

CLIENT_ID = "conformance-client"
CLIENT_SECRET = "conformance-client-secret-5e8d"  # noqa: S105 -- the sandbox takes any


@dataclass(frozen=True, slots=True)
class Endpoints:
    """
    Where one plugin's sandbox answers.

    Attributes:
        root: Of the emulator, without a slash at its end.
    """

    root: str
    authorize_url: str
    token_url: str
    revoke_url: str | None
    api_base_url: str

    @classmethod
    def of(cls, plugin: IntegrationPlugin, sandbox_url: str) -> "Endpoints":
        """Return the provider's own paths behind the emulator's prefix."""
        root = f"{sandbox_url.rstrip('/')}/{plugin.slug}"
        oauth = plugin.oauth
        return cls(
            root=root,
            authorize_url=root + urlsplit(oauth.authorize_url).path,
            token_url=root + urlsplit(oauth.token_url).path,
            revoke_url=root + urlsplit(oauth.revoke_url).path if oauth.revoke_url else None,
            api_base_url=f"{root}/",
        )

    @property
    def token_path(self) -> str:
        """The token endpoint's path as the emulator's log of calls has it."""
        return self.token_url.removeprefix(self.root)

    def app(self, plugin: IntegrationPlugin) -> OAuthApp:
        """Return the operator's app with these addresses."""
        settings = IntegrationSettings(
            client_id=CLIENT_ID,
            client_secret=SecretStr(CLIENT_SECRET),
            authorize_url=self.authorize_url,
            token_url=self.token_url,
            revoke_url=self.revoke_url,
            api_base_url=self.api_base_url,
        )
        return plugin.oauth.register_oauth_app(
            plugin.slug, settings, api_base_url=plugin.api.base_url
        )

    def settings(self, plugin: IntegrationPlugin) -> dict[str, str]:
        """Return the same as environment variables."""
        prefix = plugin.slug.upper()
        named = {
            "CLIENT_ID": CLIENT_ID,
            "CLIENT_SECRET": CLIENT_SECRET,
            "AUTHORIZE_URL": self.authorize_url,
            "TOKEN_URL": self.token_url,
            "REVOKE_URL": self.revoke_url,
            "API_BASE_URL": self.api_base_url,
        }
        return {f"{prefix}_{name}": value for name, value in named.items() if value}


def without_ours(
    environ: Mapping[str, str], plugins: Iterable[IntegrationPlugin]
) -> dict[str, str]:
    """Return *environ* without settings of this product, which are the operator's real ones."""
    prefixes = ("ZEBBRA_", *(f"{plugin.slug.upper()}_" for plugin in plugins))
    return {name: value for name, value in environ.items() if not name.startswith(prefixes)}
