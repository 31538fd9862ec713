"""Where a client's access comes from, and how long it is kept."""

import asyncio
from datetime import timedelta
from typing import Protocol

from integrations.contracts.access import IntegrationAccess, token_fingerprint
from integrations.contracts.errors import ProviderUnavailableError
from integrations.runtime.timing import Timing

_MARGIN = timedelta(seconds=60)


class TokenSource(Protocol):
    """Hands out access tokens of one connection; the OAuth service, in the end."""

    async def access(self, *, rejected: str | None = None) -> IntegrationAccess:
        """
        Return a fresh access token with the pinned tenant.

        Args:
            rejected: `token_fingerprint` of a token that the provider answered 401 to: it
                must not be handed out again if it can be helped.

        Raises:
            IntegrationError: The leaf that says what to do; see `contracts.errors`.
        """
        ...


class CachedAccess:
    """
    The access of one client: asked for once, shared by all its requests.

    It is asked for again within 60 seconds of its expiry or after a 401, by one request
    while the others wait.
    """

    def __init__(
        self,
        name: str,
        tokens: TokenSource,
        timing: Timing,
        *,
        known: IntegrationAccess | None = None,
    ) -> None:
        self._name = name
        self._tokens = tokens
        self._timing = timing
        self._lock = asyncio.Lock()
        self.known = known

    async def current(self) -> IntegrationAccess:
        """Return an access with time left to live."""
        async with self._lock:
            access = self.known
            if access is None or access.expires_at - self._timing.now() <= _MARGIN:
                access = self._keep(await self._tokens.access())
            return access

    async def replace(self, refused: IntegrationAccess) -> None:
        """Ask for another access, unless *refused* has been replaced already."""
        fingerprint = token_fingerprint(refused.access_token)
        async with self._lock:
            if self.known is None or token_fingerprint(self.known.access_token) == fingerprint:
                self._keep(await self._tokens.access(rejected=fingerprint))

    def _keep(self, access: IntegrationAccess) -> IntegrationAccess:
        if self.known is not None and access.tenant_id != self.known.tenant_id:
            raise ProviderUnavailableError(
                f"{self._name}: the workspace was connected to another organisation while its "
                "figures were fetched; fetch again",
                retry_after_s=1.0,
            )
        self.known = access
        return access
