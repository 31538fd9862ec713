"""One run at a time pulls a workspace, whoever started it; a second one waits."""

import asyncio
import logging
import time
from contextlib import ExitStack
from typing import Any, Self

from integrations.contracts import ProviderUnavailableError
from integrations.runtime.backoff import Backoff
from zebbra_pipeline.ingest.run import Fetch, Pull
from zebbra_pipeline.warehouse import Warehouse, WriteSession

_log = logging.getLogger(__name__)

WAIT_S = 900.0
_PAUSES = Backoff(first_s=0.05, longest_s=1.0)


class HeldPull:
    """A pull whose workspace is held until it has landed."""

    def __init__(self, pull: Pull, hold: ExitStack) -> None:
        self._pull = pull
        self._hold = hold

    @property
    def workspace_id(self) -> str:
        return self._pull.workspace_id

    @property
    def summary(self) -> str:
        return self._pull.summary

    def land(self, session: WriteSession, run_id: str) -> dict[str, dict[str, Any]]:
        """Land it and let the workspace go: what has landed is committed."""
        with self._hold:
            return self._pull.land(session, run_id)


class OneRunAtATime:
    """
    Makes a fetch wait for the workspaces that another run is pulling.

    A workspace is held from its first request until its figures have landed; whatever is still
    held when the block ends is let go. A run waits for a workspace while it holds only others
    that it is fetching or landing, which end by themselves: two runs never wait for each other.

    Args:
        warehouse: Where the figures land; it knows who holds what.
        integration: Registered name, for messages.
        wait_s: How long a workspace is waited for.
    """

    def __init__(self, warehouse: Warehouse, integration: str, *, wait_s: float = WAIT_S) -> None:
        self._warehouse = warehouse
        self._integration = integration
        self._wait_s = wait_s
        self._holds = ExitStack()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        self._holds.close()

    def __call__(self, fetch: Fetch) -> Fetch:
        """Return *fetch*, which now waits; it raises `ProviderUnavailableError` if too long."""

        async def fetch_held(workspace_id: str) -> Pull:
            hold = await self._hold(workspace_id)
            self._holds.push(hold)
            try:
                return HeldPull(await fetch(workspace_id), hold)
            except BaseException:
                hold.close()
                raise

        return fetch_held

    async def _hold(self, workspace_id: str) -> ExitStack:
        end, failures = time.monotonic() + self._wait_s, 0
        while (hold := await asyncio.to_thread(self._warehouse.hold, workspace_id)) is None:
            if time.monotonic() >= end:
                raise ProviderUnavailableError(
                    f"{self._integration}: workspace {workspace_id!r}: another run has been "
                    f"pulling it for {self._wait_s / 60:.0f} minutes"
                )
            failures += 1
            if failures == 1:
                _log.info("%s %s waits: another run pulls it", self._integration, workspace_id)
            await asyncio.sleep(_PAUSES.wait_s(failures))
        return hold
