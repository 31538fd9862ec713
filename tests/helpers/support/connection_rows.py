"""Connections as the OAuth service lists them."""

from datetime import UTC, datetime, timedelta

from support.scripted_server import Reply

from integrations.contracts import Connection, ConnectionList, ConnectionState

NOW = datetime(2026, 6, 15, 12, tzinfo=UTC)


def row(
    workspace,
    state="connected",
    *,
    integration="Xero",
    refreshed=NOW,
    left_days=60,
    connected=NOW,
    reason=None,
    clock=None,
):
    clock = clock or datetime.now(UTC)  # a provider waits by the real clock
    return Connection(
        workspace_id=workspace,
        workspace_name=workspace,
        integration=integration,
        slug=integration.lower(),
        state=ConnectionState(state),
        reason=reason,
        tenant_id=f"org-{workspace}",
        tenant_name=workspace,
        connected_at=connected,
        changed_at=connected,
        last_refresh=refreshed,
        idle_limit_s=60 * 86400,
        idle_expires_at=clock + timedelta(days=left_days, hours=1)
        if state == "connected"
        else None,
    )


def list_connections(server, rows, cursor="1"):
    """Make a scripted server list *rows*, as the OAuth service does."""
    listed = ConnectionList(connections=tuple(rows), cursor=cursor)
    server.answer("/api/connections", Reply(body=listed.model_dump_json()))
