"""Connections, as the OAuth service lists them for clients with the service key."""

from datetime import datetime
from enum import StrEnum

from pydantic import BaseModel, ConfigDict


class ConnectionState(StrEnum):
    """Whether the grant works. A workspace that never connected has no connection."""

    CONNECTED = "connected"
    REQUIRES_RECONNECT = "requires_reconnect"
    DISCONNECTED = "disconnected"


class Connection(BaseModel):
    """
    The connection of one workspace to one integration. It carries no token.

    An item of `GET /api/connections`.

    Attributes:
        workspace_id: The customer.
        workspace_name: Display name of the workspace.
        integration: Registered name, e.g. `Xero`; the slug where the plugin is not installed.
        slug: Lower-cased name of the integration.
        state: Whether the grant works.
        reason: Why a user must connect again; None while the connection works.
        tenant_id: The provider's id of the pinned organisation.
        tenant_name: Display name of the pinned organisation.
        connected_at: When a user last connected it.
        changed_at: When its state, tenant or name last changed.
        restored_at: When it was restored from a backup, if its provider has not been called since; it
            counts as `requires_reconnect` until then.
        last_refresh: When the provider last issued tokens.
        idle_limit_s: Seconds without a refresh after which the provider ends the grant; None if
            the provider has no such limit.
        idle_expires_at: When that limit is reached; None without a limit or a working grant.
    """

    model_config = ConfigDict(frozen=True, extra="ignore")

    workspace_id: str
    workspace_name: str
    integration: str
    slug: str
    state: ConnectionState
    reason: str | None
    tenant_id: str
    tenant_name: str
    connected_at: datetime
    changed_at: datetime
    restored_at: datetime | None = None
    last_refresh: datetime | None
    idle_limit_s: int | None
    idle_expires_at: datetime | None

    @property
    def is_connected(self) -> bool:
        """Whether the OAuth service issues access tokens for it."""
        return self.state is ConnectionState.CONNECTED

    @property
    def is_disconnected(self) -> bool:
        """Whether a user disconnected it. Its landed figures are kept."""
        return self.state is ConnectionState.DISCONNECTED


class ConnectionList(BaseModel):
    """
    The answer of `GET /api/connections`.

    Attributes:
        connections: All connections, or those that changed after the cursor of the request.
        cursor: Send it with the next request to get the changes since this answer.
    """

    model_config = ConfigDict(frozen=True, extra="ignore")

    connections: tuple[Connection, ...]
    cursor: str
