"""
Fetches workspaces of one integration concurrently and lands each separately.

Independent of Dagster. The warehouse's write lock is not held during a fetch: the batches that
have arrived land together in one short write session, one transaction a workspace.
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, date, datetime

from integrations.contracts import (
    IntegrationError,
    IntegrationPlugin,
    NotConnectedError,
    OperatorError,
)
from integrations.contracts.display import printable
from integrations.runtime.http import HttpSession
from integrations.runtime.settings import Settings
from integrations.runtime.token_service import OAuthService
from zebbra_pipeline.ingest.batches import FetchedBatch
from zebbra_pipeline.ingest.fetch import WorkspaceFetcher
from zebbra_pipeline.ingest.locks import WorkspaceLocks
from zebbra_pipeline.ingest.plans import DAY, over_the_day
from zebbra_pipeline.ingest.progress import HELD_UP, OPEN_ELSEWHERE, WAITING, lines_of
from zebbra_pipeline.ingest.publisher import Publisher
from zebbra_pipeline.ingest.quota import CONCURRENT_WORKSPACES
from zebbra_pipeline.outcomes import Failed, Kept, NotConnected, Outcome, failed
from zebbra_pipeline.warehouse import LandedInfo, Warehouse, WarehouseError

_log = logging.getLogger(__name__)

PUBLISH_AFTER_S = 30.0
"""Landed figures are published after this time at the latest, while others are still fetched."""

Fetch = Callable[[str], Awaitable[FetchedBatch]]
"""Fetches one workspace; raises `IntegrationError`."""

OnOutcome = Callable[[Outcome], None]
"""Takes the outcome of one workspace."""

KeptByWorkspace = Mapping[str, Mapping[str, Kept]]
"""Stored rows of each asset, by workspace and asset name."""


@dataclass(frozen=True, slots=True)
class RunContext:
    """
    What a step needs before its first request, read from the published copy once.

    Attributes:
        landed: How far the integration has landed, by workspace.
        kept: What is kept if a workspace has disconnected, by workspace and asset name.
        used_calls: Calls of the last 24 hours, by integration and tenant id.
    """

    landed: Mapping[str, LandedInfo]
    kept: KeptByWorkspace
    used_calls: Mapping[tuple[str, str], int]

    @classmethod
    def read(
        cls, warehouse: Warehouse, integration: str, workspace_ids: Sequence[str]
    ) -> "RunContext":
        """
        Read the context from the published copy.

        Raises:
            WarehouseError: If the published copy cannot be read.
        """
        with warehouse.read() as session:
            return cls(
                landed=session.landed(integration, workspace_ids),
                kept=session.kept(integration, workspace_ids),
                used_calls=session.calls_since(datetime.now(UTC) - DAY),
            )


@dataclass(frozen=True, slots=True)
class _HeldBatch:
    """A fetched batch, its workspace locked until it has landed."""

    batch: FetchedBatch
    lock: ExitStack


async def fetch_workspaces(
    plugin: IntegrationPlugin,
    workspace_ids: Sequence[str],
    assets: tuple[str, ...],
    *,
    http: HttpSession,
    service: OAuthService,
    settings: Settings,
    warehouse: Warehouse,
    full: bool,
    today: date,
    run_id: str,
    on_outcome: OnOutcome,
    warn: Callable[[str], None],
) -> list[Outcome]:
    """
    Fetch and land workspaces of an integration; see `fetch_and_land`.

    *warn* is called first for each organisation with a day limit too small for the run, then
    whenever the run waits for a provider that is down, for another run, or for another program
    that has the warehouse open.

    Raises:
        ConfigurationError: If a setting is malformed.
        WarehouseError: If nothing can be landed at all.
    """
    warehouse.check()  # before any call: a run that cannot land makes none
    context = RunContext.read(warehouse, plugin.name, workspace_ids)
    for sentence in await over_the_day(
        plugin,
        workspace_ids,
        service=service,
        landed=context.landed,
        used_calls=context.used_calls,
        settings=settings,
        full=full,
        today=today,
    ):
        warn(
            f"does not fit a day: {printable(sentence)}; workspaces that hit the limit are retried after it resets"
        )
    fetcher = WorkspaceFetcher(
        plugin,
        assets,
        http=http,
        service=service,
        settings=settings,
        landed=context.landed,
        full=full,
        today=today,
    )
    with lines_of(WAITING, HELD_UP, OPEN_ELSEWHERE, show=warn):
        return await fetch_and_land(
            plugin,
            workspace_ids,
            fetch=fetcher.fetch,
            kept=context.kept,
            warehouse=warehouse,
            run_id=run_id,
            on_outcome=on_outcome,
        )


async def fetch_and_land(
    plugin: IntegrationPlugin,
    workspace_ids: Sequence[str],
    *,
    fetch: Fetch,
    kept: KeptByWorkspace,
    warehouse: Warehouse,
    run_id: str,
    on_outcome: OnOutcome = lambda _outcome: None,
    publish_after_s: float = PUBLISH_AFTER_S,
) -> list[Outcome]:
    """
    Fetch and land every workspace; one that fails does not stop the others.

    A workspace is locked from its first request until its figures have landed, so that one run
    at a time fetches it. If the operator's app or key is refused, the remaining workspaces fail
    with the same error and make no calls.

    Args:
        plugin: The integration.
        workspace_ids: The customers.
        fetch: Fetches one workspace; raises `IntegrationError`.
        kept: What is kept of workspaces that have disconnected.
        warehouse: Where figures land. It is published at the end, and earlier if a slow
            workspace would delay the others.
        run_id: Recorded with each batch.
        on_outcome: Called as soon as the outcome of a workspace is known; for landed figures,
            right after their transaction. A process that is killed has reported all but the
            last outcome. Called from threads, one call at a time.
        publish_after_s: How long landed figures wait for the other workspaces.

    Raises:
        WarehouseError: If the warehouse cannot be written, so that no workspace can land, or if
            it cannot be published at the end.
    """
    arrived: asyncio.Queue[_HeldBatch | Outcome] = asyncio.Queue()
    gate = asyncio.Semaphore(CONCURRENT_WORKSPACES)
    refused: list[OperatorError] = []

    async def one(workspace_id: str) -> None:
        async with gate:
            if refused:
                arrived.put_nowait(Failed(workspace_id, refused[0]))
                return
            item = await _fetch_one(plugin, workspace_id, fetch, kept, locks)
            if isinstance(item, Failed) and isinstance(item.error, OperatorError):
                refused.append(item.error)
            arrived.put_nowait(item)

    outcomes: list[Outcome] = []
    reported: set[str] = set()
    publisher = Publisher(warehouse, publish_after_s)
    async with WorkspaceLocks(warehouse, plugin.name) as locks:
        tasks = [asyncio.create_task(one(workspace_id)) for workspace_id in workspace_ids]
        try:
            async for group in _groups(arrived, len(tasks)):
                ready = [item for item in group if isinstance(item, _HeldBatch)]
                ended = [item for item in group if not isinstance(item, _HeldBatch)]
                for outcome in ended:
                    on_outcome(outcome)
                if ready:
                    ended += await asyncio.to_thread(
                        _land_all, plugin, ready, warehouse, run_id, on_outcome
                    )
                    publisher.publish_soon()
                for outcome in ended:
                    outcomes.append(outcome)
                    _report(plugin, outcome, len(outcomes), len(tasks), reported)
        finally:
            for task in tasks:
                task.cancel()
            await publisher.stop()
            if outcomes:
                await publisher.publish()
    return outcomes


async def _fetch_one(
    plugin: IntegrationPlugin,
    workspace_id: str,
    fetch: Fetch,
    kept: KeptByWorkspace,
    locks: WorkspaceLocks,
) -> _HeldBatch | Outcome:
    try:
        lock = await locks.acquire(workspace_id)
        try:
            return _HeldBatch(await fetch(workspace_id), lock)
        except BaseException:
            lock.close()
            raise
    except NotConnectedError:
        return NotConnected(workspace_id, kept.get(workspace_id, {}))
    except (IntegrationError, WarehouseError) as exc:  # the latter if it could not be locked
        return failed(workspace_id, exc)
    except Exception as exc:  # noqa: BLE001 -- see the comment
        # A bug in a plugin must not fail the other workspaces; its text may contain figures.
        _log.debug("%s: workspace %s failed", plugin.name, workspace_id, exc_info=exc)
        where = f"{type(exc).__name__} in {_innermost(exc)}"
        return Failed(workspace_id, IntegrationError(f"{plugin.name}: unexpected {where}"))


async def _groups(
    arrived: "asyncio.Queue[_HeldBatch | Outcome]", count: int
) -> AsyncIterator[list[_HeldBatch | Outcome]]:
    seen = 0
    while seen < count:
        group = [await arrived.get()]
        while not arrived.empty():
            group.append(arrived.get_nowait())
        seen += len(group)
        yield group


def _land_all(
    plugin: IntegrationPlugin,
    ready: list[_HeldBatch],
    warehouse: Warehouse,
    run_id: str,
    on_outcome: OnOutcome,
) -> list[Outcome]:
    outcomes: list[Outcome] = []
    with warehouse.write(f"landing {plugin.name} for {len(ready)} workspaces") as session:
        for held in ready:
            outcome: Outcome
            try:
                with held.lock:
                    outcome = held.batch.land(session, run_id)
            except (WarehouseError, ValueError, ArithmeticError) as exc:
                outcome = failed(held.batch.origin.workspace_id, exc)
            on_outcome(outcome)
            outcomes.append(outcome)
    return outcomes


def _report(
    plugin: IntegrationPlugin, outcome: Outcome, done: int, count: int, reported: set[str]
) -> None:
    """Log the outcome of a workspace; a fault of the operator's app is *reported* once."""
    if isinstance(outcome, Failed) and isinstance(outcome.error, OperatorError):
        if outcome.reason in reported:
            return
        reported.add(outcome.reason)
        _log.info("%s FAILED for every workspace: %s", plugin.name, outcome.reason)
        return
    what = f"FAILED: {outcome.reason}" if isinstance(outcome, Failed) else outcome.summary
    _log.info(
        "%s %s (%d of %d): %s", plugin.name, outcome.workspace_id, done, count, printable(what)
    )


def _innermost(error: Exception) -> str:
    frame = error.__traceback__
    while frame is not None and frame.tb_next is not None:
        frame = frame.tb_next
    if frame is None:
        return "unknown code"
    code = frame.tb_frame.f_code
    return f"{code.co_qualname} ({code.co_filename.rsplit('/', 2)[-1]}:{frame.tb_lineno})"
