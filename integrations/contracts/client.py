"""The authorised HTTP client that plugins use. It never exposes a token."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol


@dataclass(frozen=True, slots=True)
class Answer:
    """
    A successful answer.

    Attributes:
        status: HTTP status, 200 to 299.
        payload: Parsed JSON with every fraction as `Decimal`; None for an empty body.
        headers: Response headers, by lower-case name.
    """

    status: int
    payload: Any
    headers: Mapping[str, str] = field(default_factory=dict)


class ProviderClient(Protocol):
    """
    HTTP client bound to one connection.

    Paths are relative to the provider's host root (`api.xro/2.0/Organisation`). The client
    keeps the rate limits, retries, sends the token and repeats a request once with a new token
    after a 401. It raises an `IntegrationError` for every answer other than 2xx.
    """

    @property
    def tenant_id(self) -> str:
        """Id of the pinned tenant; empty while the tenants of a new grant are listed."""
        ...

    @property
    def tenant_name(self) -> str:
        """Name of the pinned tenant at the time of connecting."""
        ...

    @property
    def calls(self) -> int:
        """Number of requests sent so far, including retries."""
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
        Send a GET request and return its answer.

        Args:
            path: Relative to the provider's host root.
            params: Query parameters.
            headers: Added to the plugin's own headers, which they override.
            slow_tries: Attempts before a `TooSlowError`, for adapters that prefer a smaller
                request to a longer wait; None: as many as for any other error.

        Raises:
            IntegrationError: A subclass that says what to do; see `contracts.errors`.
        """
        ...
