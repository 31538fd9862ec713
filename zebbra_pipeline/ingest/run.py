"""
Fetches many workspaces of one integration at once and lands each by itself.

Nothing here knows Dagster. No lock is held during a fetch: whatever has arrived lands
together in one short write session, one transaction a workspace.
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from typing import Any, Protocol

from integrations.contracts import IntegrationError, IntegrationPlugin, NotConnectedError
from integrations.contracts.display import printable
from zebbra_pipeline.ingest.disconnected import Disconnected
from zebbra_pipeline.outcomes import Done, Failed, OperatorError, Outcome
from zebbra_pipeline.warehouse import Warehouse, WarehouseError, WriteSession

_log = logging.getLogger(__name__)

CONCURRENT_WORKSPACES = 10
PUBLISH_AFTER_S = 30.0
"""What has landed is published at the latest so long after, while others are still fetched."""


class Pull(Protocol):
    """What one workspace's fetch brought, ready to land."""

    @property
    def workspace_id(self) -> str:
        """The customer."""
        ...

    @property
    def summary(self) -> str:
        """One line for a person, without figures."""
        ...

    def land(self, session: WriteSession, run_id: str) -> dict[str, dict[str, Any]]:
        """Land it, one transaction an asset; return metadata by asset name."""
        ...


Fetch = Callable[[str], Awaitable[Pull]]
"""Fetches one workspace; raises `IntegrationError`."""

Note = Callable[[Outcome], None]
"""Takes note of what came of one workspace."""


async def fetch_and_land(
    plugin: IntegrationPlugin,
    workspace_ids: Sequence[str],
    assets: Sequence[str],
    *,
    fetch: Fetch,
    warehouse: Warehouse,
    run_id: str,
    note: Note = lambda _outcome: None,
    publish_after_s: float = PUBLISH_AFTER_S,
) -> list[Outcome]:
    """
    Fetch and land every workspace; one that fails does not stop the others.

    Where the operator's app or key is refused, the workspaces that are still waiting fail with
    the same error and cost no call: it would meet each of them.

    Args:
        plugin: The integration.
        workspace_ids: The customers.
        assets: Asset names to land, e.g. `profit_and_loss`.
        fetch: Fetches one workspace.
        warehouse: Where figures land; its published copy is renewed at the end, and before it
            where a slow workspace would hold back the others.
        run_id: Recorded with each batch.
        note: Called as soon as it is known what came of a workspace, for landed figures right
            after their transaction: a process that is killed has told of all but the last.
            Called from threads, one call at a time.
        publish_after_s: How long what has landed waits for the other workspaces.

    Raises:
        WarehouseError: If the warehouse itself cannot be written: no workspace could land. Or if
            it cannot be published in the end.
    """
    arrived: asyncio.Queue[Pull | Outcome] = asyncio.Queue()
    gate = asyncio.Semaphore(CONCURRENT_WORKSPACES)

    refused: list[OperatorError] = []
    disconnected = Disconnected(plugin.name, workspace_ids, assets, warehouse)

    async def one(workspace_id: str) -> None:
        async with gate:
            if refused:
                arrived.put_nowait(Failed(workspace_id, refused[0]))
                return
            outcome = await _fetch_one(plugin, workspace_id, fetch, disconnected)
            if isinstance(outcome, Failed) and isinstance(outcome.error, OperatorError):
                refused.append(outcome.error)
            arrived.put_nowait(outcome)

    outcomes: list[Outcome] = []
    told: set[str] = set()
    publishing = _Publishing(warehouse, publish_after_s)
    tasks = [asyncio.create_task(one(workspace_id)) for workspace_id in workspace_ids]
    try:
        async for group in _groups(arrived, len(tasks)):
            ready = [item for item in group if not isinstance(item, Done | Failed)]
            landed: list[Outcome] = [item for item in group if isinstance(item, Done | Failed)]
            for outcome in landed:
                note(outcome)
            if ready:
                landed += await asyncio.to_thread(_land_all, plugin, ready, warehouse, run_id, note)
                publishing.soon()
            for outcome in landed:
                outcomes.append(outcome)
                _report(plugin, outcome, len(outcomes), len(tasks), told)
    finally:
        for task in tasks:
            task.cancel()
        await publishing.stop()
        if outcomes:
            await publishing.now()
    return outcomes


class _Publishing:
    """
    Publishes what a run has landed: now and then while it goes on, and at its end.

    All copies of a run count as one: only the copy before the first of them is kept beside them.
    """

    def __init__(self, warehouse: Warehouse, after_s: float) -> None:
        self._warehouse = warehouse
        self._after_s = after_s
        self._waiting: asyncio.Task[None] | None = None
        self._landed = False
        self._published = False

    def soon(self) -> None:
        """Publish a while from now, unless that is due already."""
        self._landed = True
        if self._waiting is None or self._waiting.done():
            self._waiting = asyncio.create_task(self._later())

    async def now(self) -> None:
        await asyncio.to_thread(self._warehouse.publish, renew=self._published)
        self._published = True

    async def stop(self) -> None:
        """Publish no more by itself; what is under way ends first."""
        if self._waiting is not None:
            self._waiting.cancel()
            await asyncio.gather(self._waiting, return_exceptions=True)

    async def _later(self) -> None:
        while self._landed:
            await asyncio.sleep(self._after_s)
            self._landed = False
            publishing = asyncio.ensure_future(self.now())
            try:
                await asyncio.shield(publishing)
            except WarehouseError as exc:
                _log.warning("not published yet, the end of the run tries again: %s", exc)
            except asyncio.CancelledError:
                await asyncio.gather(publishing, return_exceptions=True)
                raise


async def _fetch_one(
    plugin: IntegrationPlugin, workspace_id: str, fetch: Fetch, disconnected: Disconnected
) -> Pull | Outcome:
    try:
        try:
            return await fetch(workspace_id)
        except NotConnectedError:
            return await disconnected.done(workspace_id)
    except (IntegrationError, WarehouseError) as exc:  # the latter: it could not be held
        return Failed(workspace_id, exc)
    except Exception as exc:  # noqa: BLE001 -- see the comment
        # A plugin's own bug must not sink the other workspaces; its text may hold figures.
        _log.debug("%s: workspace %s failed", plugin.name, workspace_id, exc_info=exc)
        where = f"{type(exc).__name__} in {_innermost(exc)}"
        return Failed(workspace_id, IntegrationError(f"{plugin.name}: unexpected {where}"))


async def _groups(
    arrived: "asyncio.Queue[Pull | Outcome]", count: int
) -> AsyncIterator[list[Pull | Outcome]]:
    seen = 0
    while seen < count:
        group = [await arrived.get()]
        while not arrived.empty():
            group.append(arrived.get_nowait())
        seen += len(group)
        yield group


def _land_all(
    plugin: IntegrationPlugin, ready: list[Pull], warehouse: Warehouse, run_id: str, note: Note
) -> list[Outcome]:
    outcomes: list[Outcome] = []
    with warehouse.write(f"landing {plugin.name} for {len(ready)} workspaces") as session:
        for pulled in ready:
            outcome: Outcome
            try:
                metadata = pulled.land(session, run_id)
                outcome = Done(pulled.workspace_id, metadata, pulled.summary)
            except (WarehouseError, ValueError, ArithmeticError) as exc:  # by the database, or us
                outcome = Failed(pulled.workspace_id, exc)
            note(outcome)
            outcomes.append(outcome)
    return outcomes


def _report(
    plugin: IntegrationPlugin, outcome: Outcome, done: int, count: int, told: set[str]
) -> None:
    """Log what came of a workspace; what the operator has to mend is *told* once."""
    if isinstance(outcome, Failed) and isinstance(outcome.error, OperatorError):
        if outcome.reason in told:
            return
        told.add(outcome.reason)
        _log.info("%s FAILED for every workspace: %s", plugin.name, outcome.reason)
        return
    what = outcome.summary if isinstance(outcome, Done) else f"FAILED: {outcome.reason}"
    _log.info(
        "%s %s (%d of %d): %s", plugin.name, outcome.workspace_id, done, count, printable(what)
    )


def _innermost(exc: Exception) -> str:
    frame = exc.__traceback__
    while frame is not None and frame.tb_next is not None:
        frame = frame.tb_next
    if frame is None:
        return "unknown code"
    code = frame.tb_frame.f_code
    return f"{code.co_qualname} ({code.co_filename.rsplit('/', 2)[-1]}:{frame.tb_lineno})"
