"""uvicorn, ending so that a refresh in flight is finished while probes are still answered."""

import asyncio
from socket import socket

import uvicorn

from oauth_service.services import Services


class Server(uvicorn.Server):
    """
    Serves until told to stop; then says that it is not ready, finishes refreshes, and closes.

    Args:
        config: The app, and where to listen.
        services: Those of the app.
    """

    def __init__(self, config: uvicorn.Config, services: Services) -> None:
        super().__init__(config)
        self._services = services

    async def shutdown(self, sockets: list[socket] | None = None) -> None:
        """Go on answering until refreshes under way have ended, then end as uvicorn does."""
        self._services.readiness.stop()
        finishing = asyncio.create_task(self._services.refresher.finish())
        while not (finishing.done() or self.force_exit):
            await asyncio.wait({finishing}, timeout=0.1)
        finishing.cancel()
        await super().shutdown(sockets)
