"""The authorised client that a plugin is handed. It never shows a token."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol


@dataclass(frozen=True, slots=True)
class Answer:
    """
    A successful answer (2xx).

    Attributes:
        payload: Parsed JSON with every fraction as `Decimal`; None for an empty body.
        headers: Lower-case names.
    """

    status: int
    payload: Any
    headers: Mapping[str, str] = field(default_factory=dict)


class ProviderClient(Protocol):
    """
    HTTP client bound to one connection.

    Paths are relative to the provider's host root (`api.xro/2.0/Organisation`). Limits,
    retries, the token and its one repeat after a 401 are the client's business. Answers
    other than 2xx arrive as `IntegrationError`s.
    """

    @property
    def tenant_id(self) -> str:
        """Id of the pinned tenant; empty while a new grant's tenants are looked for."""
        ...

    @property
    def tenant_name(self) -> str:
        """Name of the pinned tenant when it was connected."""
        ...

    @property
    def calls(self) -> int:
        """Requests sent so far, repeats included."""
        ...

    async def get(
        self,
        path: str,
        params: Mapping[str, str | int] | None = None,
        *,
        headers: Mapping[str, str] | None = None,
        slow_tries: int | None = None,
    ) -> Answer:
        """
        Send a GET request.

        Args:
            path: Relative to the provider's host root.
            params: Query.
            headers: Sent beside the plugin's own, which they override.
            slow_tries: Attempts before a `TooSlowError`, where an adapter would rather ask
                for less than wait longer; None: as many as for any other fault.

        Raises:
            IntegrationError: The leaf that says what to do; see `contracts.errors`.
        """
        ...
