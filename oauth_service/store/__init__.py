"""Everything the service remembers: SQLite by default, PostgreSQL for several replicas."""

from integrations.contracts import ConnectionState
from oauth_service.store.connections import ListedConnection, OtherTenantPinnedError
from oauth_service.store.consents import LoginState, PendingGrant, StateProblem
from oauth_service.store.history import HistoryEntry, Outcome
from oauth_service.store.leases import LeaseKey
from oauth_service.store.overview import Order, OverviewPage, OverviewRow, Wanted
from oauth_service.store.probe import NotWritableError
from oauth_service.store.rows import Connection
from oauth_service.store.store import Store
from oauth_service.store.workspaces import Workspace

__all__ = [
    "Connection",
    "ConnectionState",
    "HistoryEntry",
    "LeaseKey",
    "ListedConnection",
    "LoginState",
    "NotWritableError",
    "Order",
    "OtherTenantPinnedError",
    "Outcome",
    "OverviewPage",
    "OverviewRow",
    "PendingGrant",
    "StateProblem",
    "Store",
    "Wanted",
    "Workspace",
]
