"""Tokens, tenants, and what a pipeline run is given of them."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256

from pydantic import BaseModel, ConfigDict, SecretStr


@dataclass(frozen=True, slots=True)
class Tenant:
    """
    An organisation at the provider.

    Attributes:
        id: What API calls name it by.
        name: What its people call it.
        connection_id: The provider's own id of "this app may see this organisation", where
            it has one (needed to disconnect a single organisation).
    """

    id: str
    name: str
    connection_id: str | None = None


class TokenSet(BaseModel):
    """
    A token pair as a provider issued it.

    Attributes:
        expires_at: End of the access token's life, timezone-aware.
        lifetime_s: Seconds that the access token lives from its issue.
        scopes: Granted scopes; empty where the provider does not say.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    access_token: SecretStr
    refresh_token: SecretStr | None
    token_type: str = "Bearer"  # noqa: S105 -- a scheme's name
    expires_at: datetime
    lifetime_s: int
    scopes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class NewGrant:
    """
    What a completed consent gave us, before its tenants are known.

    Attributes:
        tokens: The first pair, already stored.
        callback: Query parameters of the redirect; some providers name the company there only.
    """

    tokens: TokenSet
    callback: Mapping[str, str]


class IntegrationAccess(BaseModel):
    """
    What a pipeline run may use: an access token and the pinned tenant. No refresh token.

    The JSON of `GET /api/workspaces/<id>/integrations/<slug>/token`.
    """

    model_config = ConfigDict(frozen=True, extra="ignore")

    access_token: SecretStr
    token_type: str
    expires_at: datetime
    tenant_id: str
    tenant_name: str
    scopes: tuple[str, ...] = ()


def token_fingerprint(token: SecretStr) -> str:
    """Return 16 hex digits that tell tokens apart without giving them away."""
    return sha256(token.get_secret_value().encode()).hexdigest()[:16]
