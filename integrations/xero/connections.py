"""
What `GET /connections` lists: the organisations that a user has shared with the app. Pure.

https://developer.xero.com/documentation/guides/oauth2/tenants
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from integrations.contracts import PayloadError


@dataclass(frozen=True, slots=True)
class XeroConnection:
    """
    One organisation shared with the app.

    Attributes:
        id: Of the connection; disconnecting wants this one.
        tenant_id: Of the organisation; data requests want this one.
        auth_event_id: The consent that added it; None where the answer has none.
    """

    id: str
    tenant_id: str
    tenant_name: str
    tenant_type: str
    auth_event_id: str | None


def parse_connections(payload: Any) -> tuple[XeroConnection, ...]:
    """
    Return all connections, of organisations and of other tenants.

    Raises:
        PayloadError: If the answer is no list, or an entry lacks an id.
    """
    if not isinstance(payload, list):
        raise PayloadError(f"connections: expected a list, found {type(payload).__name__}")
    return tuple(_connection(item, f"connections[{i}]") for i, item in enumerate(payload))


def _connection(item: Any, where: str) -> XeroConnection:
    if not isinstance(item, Mapping):
        raise PayloadError(f"{where}: expected an object, found {type(item).__name__}")
    for key in ("id", "tenantId"):
        if not isinstance(item.get(key), str) or not item[key]:
            raise PayloadError(
                f"{where}.{key}: expected text, found {type(item.get(key)).__name__}"
            )
    name, event = item.get("tenantName"), item.get("authEventId")
    return XeroConnection(
        id=item["id"],
        tenant_id=item["tenantId"],
        tenant_name=name.strip() if isinstance(name, str) and name.strip() else item["tenantId"],
        tenant_type=str(item.get("tenantType") or ""),
        auth_event_id=event if isinstance(event, str) and event else None,
    )
