"""Whether the service can do its work: what a load balancer asks before it sends requests."""

import asyncio
import logging
from collections.abc import Callable, Mapping

from oauth_service.store import NotWritableError

CHECK_TIMEOUT_S = 5.0
STOPPING = "stopping"

_log = logging.getLogger(__name__)


class Readiness:
    """
    Runs checks on request. Whoever asks while one runs waits for that one.

    Args:
        checks: What is checked, by name; each blocks, and raises where something is wrong.
        timeout_s: A check that takes longer has failed. It goes on, and none is begun beside it.
    """

    def __init__(
        self, checks: Mapping[str, Callable[[], None]], *, timeout_s: float = CHECK_TIMEOUT_S
    ) -> None:
        self._checks = checks
        self._timeout_s = timeout_s
        self._under_way: dict[str, asyncio.Task[str | None]] = {}
        self._told: Mapping[str, str] = {}
        self._stopping = False

    def stop(self) -> None:
        """Be not ready from now on: the service is about to end."""
        self._stopping = True

    async def not_ready(self) -> tuple[str, ...]:
        """Return the names of what is not ready; nothing if the service is."""
        if self._stopping:
            return (STOPPING,)
        found = await asyncio.gather(*map(self._fault, self._checks))
        faults = {name: fault for name, fault in zip(self._checks, found, strict=True) if fault}
        if faults != self._told:
            self._told = faults
            _log.warning("not ready: %s", faults) if faults else _log.info("ready again")
        return tuple(faults)

    async def _fault(self, name: str) -> str | None:
        task = self._under_way.get(name)
        if task is None or task.done():
            # In a thread of its own pool: requests that wait for one must not look like a fault.
            task = asyncio.create_task(asyncio.to_thread(_fault_of, self._checks[name]))
            self._under_way[name] = task
        try:
            async with asyncio.timeout(self._timeout_s):
                return await asyncio.shield(task)
        except TimeoutError:
            return f"no answer within {self._timeout_s:g} s"


def _fault_of(check: Callable[[], None]) -> str | None:
    try:
        check()
    except NotWritableError as exc:
        return str(exc)
    except Exception as exc:  # noqa: BLE001 -- whatever it is, the service is not ready
        return type(exc).__name__
    return None
