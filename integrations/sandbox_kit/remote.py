"""`SandboxControl`: client of a running emulator's control API."""

import json
from http.client import HTTPConnection
from typing import Any
from urllib.parse import urlencode, urlsplit

from integrations.sandbox_kit.calls import Call
from integrations.sandbox_kit.context import SandboxTenant


class SandboxControl:
    """
    The control API of one emulator.

    Args:
        base_url: The emulator's root, e.g. `http://localhost:8799/xero`.
    """

    def __init__(self, base_url: str, *, timeout_s: float = 10.0) -> None:
        self.base_url = base_url.rstrip("/")
        self.timeout_s = timeout_s

    def fault(self, kind: str, **details: Any) -> None:
        """Inject a fault; *details* are the fields of `Fault`."""
        self.post("faults", kind=kind, **details)

    def clear_faults(self) -> None:
        self._send("DELETE", "faults")

    def calls(self, path: str = "") -> list[Call]:
        """Return the calls whose path begins with *path*, oldest first."""
        found: list[Call] = self._send("GET", "calls")["calls"]
        return [call for call in found if call["path"].lstrip("/").startswith(path.lstrip("/"))]

    def clear_calls(self) -> None:
        self._send("DELETE", "calls")

    def issued(self, *kinds: str) -> list[str]:
        """Return the issued tokens, oldest first: all, or those of some kinds."""
        found = self.get("issued")["issued"]
        return [item["token"] for item in found if not kinds or item["kind"] in kinds]

    def tenants(self) -> list[SandboxTenant]:
        """Return the organisations that a user can connect."""
        return [SandboxTenant(**item) for item in self.get("tenants")["tenants"]]

    def expire_access_tokens(self) -> None:
        self.post("expire_access_tokens")

    def revoke_grants(self, tenant_id: str | None = None) -> int:
        """End all grants, or those of one organisation; return how many."""
        details = {} if tenant_id is None else {"tenant_id": tenant_id}
        return int(self.post("revoke_grants", **details)["revoked"])

    def vanish_tenant(self, tenant_id: str) -> None:
        self.post("vanish_tenant", tenant_id=tenant_id)

    def advance_clock(self, seconds: float) -> None:
        self.post("advance_clock", seconds=seconds)

    def set_limits(self, **limits: int) -> None:
        """Change limits by the names of their rules."""
        self.post("limits", **limits)

    def reset(self) -> None:
        self.post("reset")

    def post(self, action: str, **body: Any) -> dict[str, Any]:
        """
        Call any control action, also a plugin's own.

        Raises:
            RuntimeError: If the emulator refuses it; the text says why.
        """
        return self._send("POST", action, body)

    def get(self, action: str, **query: str) -> dict[str, Any]:
        """
        Read any control resource, also a plugin's own.

        Raises:
            RuntimeError: If the emulator has none of that name, or refuses it.
        """
        return self._send("GET", f"{action}?{urlencode(query)}" if query else action)

    def _send(self, method: str, action: str, body: Any = None) -> dict[str, Any]:
        parts = urlsplit(self.base_url)
        connection = HTTPConnection(parts.hostname or "", parts.port, timeout=self.timeout_s)
        try:
            connection.request(
                method,
                f"{parts.path}/_control/{action}",
                body=None if body is None else json.dumps(body),
                headers={"Content-Type": "application/json"},
            )
            response = connection.getresponse()
            text = response.read().decode()
        finally:
            connection.close()
        if response.status != 200:  # noqa: PLR2004 -- OK
            raise RuntimeError(f"sandbox: {action}: status {response.status}: {text[:200]}")
        found: dict[str, Any] = json.loads(text)
        return found
