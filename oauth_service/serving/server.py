"""uvicorn, with limits, ending so that a refresh in flight is finished while probes are answered."""

import asyncio
import os
from functools import partial
from socket import socket
from typing import Any, cast

import uvicorn
from uvicorn.middleware.proxy_headers import ProxyHeadersMiddleware

from oauth_service.serving.http_protocol import LimitedHttp
from oauth_service.serving.limits import ServerLimits, server_limits
from oauth_service.serving.open_connections import OpenConnections
from oauth_service.web.access import headers_show_key
from oauth_service.web.operations import PROBES
from oauth_service.web.services import Services

_ACCEPTED_AT_ONCE = 16
"""asyncio accepts so many before it lets any of them be closed; uvloop accepts one."""
_BACKLOG = 2048


class Server(uvicorn.Server):
    """
    Serves until told to stop; then says that it is not ready, finishes refreshes, and closes.

    Args:
        config: The app, and where to listen; its protocols are replaced by the one with limits.
        services: Those of the app.
        limits: Those of the settings and of this process, unless told otherwise.

    Raises:
        ConfigurationError: If the process may open too few files.
    """

    def __init__(
        self, config: uvicorn.Config, services: Services, limits: ServerLimits | None = None
    ) -> None:
        config.http, config.ws, config.backlog = LimitedHttp, "none", _ACCEPTED_AT_ONCE
        super().__init__(config)
        proxies = ProxyHeadersMiddleware(cast("Any", config.app), config.forwarded_allow_ips)
        self.server_state: OpenConnections = OpenConnections(
            limits or server_limits(services.settings),
            trusted=proxies.trusted_hosts.__contains__,
            shows_key=partial(headers_show_key, service_key=services.service_key),
            always=tuple(path.encode() for path in PROBES),
            count=services.metrics.connection_closed,
        )
        self._services = services
        self._watching: asyncio.Task[None] | None = None

    async def startup(self, sockets: list[socket] | None = None) -> None:
        """Listen, and watch the connections."""
        self._watching = asyncio.create_task(self.server_state.watch())
        await super().startup(sockets)
        for server in self.servers:
            for listening in server.sockets:
                with socket(fileno=os.dup(listening.fileno())) as same:
                    same.listen(_BACKLOG)

    async def shutdown(self, sockets: list[socket] | None = None) -> None:
        """Go on answering until refreshes under way have ended, then end as uvicorn does."""
        self._services.readiness.stop()
        finishing = asyncio.create_task(self._services.refresher.finish())
        while not (finishing.done() or self.force_exit):
            await asyncio.wait({finishing}, timeout=0.1)
        finishing.cancel()
        self.server_state.ending = True
        await super().shutdown(sockets)
        self.server_state.log_closed()
        if self._watching is not None:
            self._watching.cancel()
