"""Tokens and tenants, and the access that a pipeline run receives."""

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
        id: The id that API calls use.
        name: Display name of the organisation.
        connection_id: The provider's id of the link between this app and the organisation; None
            if it has no such id. Needed to disconnect a single organisation.
    """

    id: str
    name: str
    connection_id: str | None = None


class TokenSet(BaseModel):
    """
    A token pair as a provider issued it.

    Attributes:
        access_token: Sent with API requests.
        refresh_token: Exchanged for the next pair; None if the grant has none.
        token_type: Scheme of the Authorization header.
        expires_at: When the access token expires, timezone-aware.
        lifetime_s: Lifetime of the access token from its issue, in seconds.
        scopes: Granted scopes; empty if the provider does not return them.
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
    The result of a completed consent, before its tenants are known.

    Attributes:
        tokens: The first pair, already stored.
        callback: Query parameters of the redirect, without code and state. Some providers name
            the company only there.
    """

    tokens: TokenSet
    callback: Mapping[str, str]


class IntegrationAccess(BaseModel):
    """
    The access of a pipeline run: an access token and the pinned tenant, no refresh token.

    The JSON body of `GET /api/workspaces/<id>/integrations/<slug>/token`.

    Attributes:
        access_token: Sent with API requests.
        token_type: Scheme of the Authorization header.
        expires_at: When the access token expires, timezone-aware.
        tenant_id: The provider's id of the pinned organisation.
        tenant_name: Display name of the pinned organisation.
        scopes: Granted scopes; empty if the provider does not return them.
    """

    model_config = ConfigDict(frozen=True, extra="ignore")

    access_token: SecretStr
    token_type: str
    expires_at: datetime
    tenant_id: str
    tenant_name: str
    scopes: tuple[str, ...] = ()


def token_fingerprint(token: SecretStr) -> str:
    """
    Return 16 hex digits that identify *token* without revealing it.

    They are the start of its SHA-256 hash, safe to log and to compare.
    """
    return sha256(token.get_secret_value().encode()).hexdigest()[:16]
