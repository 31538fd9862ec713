"""The OAuth service's own server in a thread, as `python -m oauth_service` runs it."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import uvicorn
from support.oauth_rig import PATIENCE, REGISTRY, Rig, free_port, wait_until

from oauth_service import create_app
from oauth_service.serving.limits import ServerLimits
from oauth_service.serving.server import Server


@contextmanager
def limited_server(
    rig: Rig, limits: ServerLimits | None = None, *, app: Any = None, **config: Any
) -> Iterator[tuple[str, Server]]:
    """
    Run another replica of the rig's service until the block ends.

    Args:
        rig: Gives the settings and the clock.
        limits: Those of the process unless given.
        app: Served instead; the services stay those of the replica.
        config: For uvicorn.
    """
    own = create_app(rig.settings, REGISTRY, clock=rig.clock.now, policy=PATIENCE)
    port = free_port()
    given: dict[str, Any] = {"log_config": None, "timeout_graceful_shutdown": 5, **config}
    server = Server(uvicorn.Config(app or own, port=port, **given), own.state.services, limits)
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        wait_until(lambda: server.started)
        yield f"http://127.0.0.1:{port}", server
    finally:
        server.should_exit = True
        thread.join(20)
        assert not thread.is_alive()
