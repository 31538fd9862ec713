"""Connections to Xero as the OAuth service lists them."""

from datetime import UTC, datetime, timedelta

NOW = datetime(2026, 6, 15, 12, tzinfo=UTC)


def row(
    workspace,
    state="connected",
    *,
    refreshed=NOW,
    left_days=60,
    connected=NOW,
    reason=None,
    clock=None,
):
    clock = clock or datetime.now(UTC)  # a provider waits by the real clock
    return {
        "workspace_id": workspace,
        "integration": "Xero",
        "state": state,
        "reason": reason,
        "connected_at": connected.isoformat(),
        "last_refresh": refreshed.isoformat(),
        "idle_limit_s": 60 * 86400,
        "idle_expires_at": (clock + timedelta(days=left_days, hours=1)).isoformat()
        if state == "connected"
        else None,
    }
