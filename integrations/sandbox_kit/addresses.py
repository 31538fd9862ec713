"""Where a plugin's emulator answers: the provider's own paths behind the emulator's prefix."""

from dataclasses import dataclass
from urllib.parse import urlsplit

from integrations.contracts import IntegrationPlugin


@dataclass(frozen=True, slots=True)
class Addresses:
    """
    The URLs of one plugin's emulator.

    Attributes:
        prefix: Of the plugin's settings, e.g. `XERO`.
        root: Of the emulator, without a slash at its end.
    """

    prefix: str
    root: str
    authorize_url: str
    token_url: str
    revoke_url: str | None
    api_base_url: str

    @classmethod
    def of(cls, plugin: IntegrationPlugin, sandbox_url: str) -> "Addresses":
        """Return those of *plugin* where `sandbox_app` is served at *sandbox_url*."""
        root = f"{sandbox_url.rstrip('/')}/{plugin.slug}"
        oauth = plugin.oauth
        return cls(
            prefix=plugin.slug.upper(),
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

    def settings(self, client_id: str, client_secret: str) -> dict[str, str]:
        """Return the environment variables that point the plugin here, as that client."""
        named = {
            "CLIENT_ID": client_id,
            "CLIENT_SECRET": client_secret,
            "AUTHORIZE_URL": self.authorize_url,
            "TOKEN_URL": self.token_url,
            "REVOKE_URL": self.revoke_url,
            "API_BASE_URL": self.api_base_url,
        }
        return {f"{self.prefix}_{name}": value for name, value in named.items() if value}
