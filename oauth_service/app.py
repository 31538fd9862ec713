"""`create_app`: the composition root of the OAuth service."""

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime, timedelta

from fastapi import Depends, FastAPI, Request
from starlette.concurrency import run_in_threadpool
from starlette.staticfiles import StaticFiles

from integrations.runtime.registry import Registry
from integrations.runtime.settings import Settings
from oauth_service.grants.lease import RefreshPolicy
from oauth_service.ops.metrics import RouteTemplates
from oauth_service.ops.request_context import note_path
from oauth_service.web import operations
from oauth_service.web.access import has_service_key
from oauth_service.web.admin import routes as admin
from oauth_service.web.api import routes as api
from oauth_service.web.api.warm import WarmTokens
from oauth_service.web.connect import providers
from oauth_service.web.connect import routes as person
from oauth_service.web.error_handlers import add_error_handlers, answer_of_status
from oauth_service.web.limits import PublicRate, RequestLimits, RequestSize
from oauth_service.web.middleware import AnswerHeaders, RequestLog
from oauth_service.web.pages import STATIC
from oauth_service.web.services import Services, build_services

_HISTORY_KEPT = timedelta(days=400)
_STATIC_PATH = "/static/"
_log = logging.getLogger(__name__)


def _utc_now() -> datetime:
    return datetime.now(UTC)


def create_app(
    settings: Settings,
    registry: Registry,
    *,
    clock: Callable[[], datetime] = _utc_now,
    policy: RefreshPolicy | None = None,
    limits: RequestLimits | None = None,
) -> FastAPI:
    """
    Return the OAuth service.

    The database is opened, and its tables made, at once; nothing is sent before a request.

    Args:
        settings: Where it is reached, its database, keys and the operator's apps.
        registry: The integrations that it offers.
        clock: Timezone-aware now.
        policy: How patient refreshes are.
        limits: How much and how often strangers may ask.

    Raises:
        ConfigurationError: If a setting is missing or malformed, by name.
    """
    services = build_services(settings, registry, clock=clock, policy=policy or RefreshPolicy())
    for failure in registry.failures:
        _log.error("integration not loaded: %s: %s", failure.entry_point, failure.reason)
    app = FastAPI(
        title="Zebbra connections",
        summary="Connects workspaces to providers and hands out fresh access tokens.",
        redirect_slashes=False,  # Starlette would build the URL from the Host header
        docs_url=None,
        redoc_url=None,
        lifespan=_lifespan,
        dependencies=[Depends(note_path)],
        # FastAPI's own would send queries, which hold links and codes, to wherever OpenTelemetry
        # is set up to; and it looks for that with each request.
        telemetry={"tracing": False, "metrics": False, "logs": False},
    )
    app.state.services = services
    routers = [routes.router for routes in (api, operations, providers, person, admin)]
    for router in routers:
        app.include_router(router)
    app.mount(_STATIC_PATH.rstrip("/"), StaticFiles(directory=STATIC))
    add_error_handlers(app)
    accepted = limits or RequestLimits()
    app.add_middleware(RequestSize, limits=accepted, answer=answer_of_status)
    app.add_middleware(PublicRate, limits=accepted, answer=answer_of_status, exempt=_uncounted)
    if services.store.direct is not None:
        app.add_middleware(
            WarmTokens,
            reads=services.store.direct,
            service_key=services.service_key,
            slugs=frozenset(registry.plugins),
            is_fresh=services.refresher.is_fresh,
            metrics=services.metrics,
        )
    app.add_middleware(
        AnswerHeaders,
        https=services.https,
        static_path=_STATIC_PATH,
        other_policy=services.pages.leaving_policy,
    )
    templates = RouteTemplates([*(route for each in routers for route in each.routes), *app.routes])
    app.add_middleware(RequestLog, templates=templates, metrics=services.metrics)
    return app


def _uncounted(request: Request) -> bool:
    path = request.url.path
    return path in operations.PROBES or path.startswith(_STATIC_PATH) or has_service_key(request)


@asynccontextmanager
async def _lifespan(app: FastAPI) -> AsyncIterator[None]:
    services: Services = app.state.services
    async with services.http:
        tasks = [asyncio.create_task(_every(*each, services)) for each in _UPKEEP]
        try:
            yield
        finally:
            for task in tasks:
                task.cancel()
            for task in tasks:
                with suppress(asyncio.CancelledError):
                    await task
            await services.refresher.finish()
    services.store.close()


async def _every(
    pause: timedelta, work: Callable[[Services], Awaitable[None]], services: Services
) -> None:
    """Do *work* once, then again after each *pause*; a failure waits for the next time."""
    while True:
        try:
            await work(services)
        except Exception:  # noqa: BLE001 -- upkeep must outlive whatever goes wrong once
            _log.exception("upkeep failed; it is tried again in %s", pause)
        await asyncio.sleep(pause.total_seconds())


async def _write_into_the_file(services: Services) -> None:
    await run_in_threadpool(services.store.checkpoint)


async def _check_restored(services: Services) -> None:
    found, worked = await services.refresher.check_restored_connections()
    if found:
        _log.info("%d restored connections checked; %d work", found, worked)


async def _upkeep(services: Services) -> None:
    now = services.clock()
    store = services.store
    renewed = await run_in_threadpool(store.connections.renew_encryption)
    if renewed:
        _log.info("tokens of %d connections encrypted under the newest key", renewed)
    by_key = await run_in_threadpool(store.connections.counts_by_key)
    if by_key[None]:
        _log.error(
            "no key of ZEBBRA_ENCRYPTION_KEYS reads the tokens of %d connections; put back the key "
            "that does, at the end: nobody has to connect again then",
            by_key[None],
        )
    await run_in_threadpool(store.consents.forget_old, now=now)
    await run_in_threadpool(store.history.forget_before, now - _HISTORY_KEPT)
    refreshed = await services.refresher.refresh_idle_connections(now)
    if refreshed:
        _log.info("%d idle connections refreshed", refreshed)


_UPKEEP = (
    (timedelta(hours=1), _upkeep),
    (timedelta(minutes=1), _write_into_the_file),
    (timedelta(minutes=1), _check_restored),
)
"""What no request asks for, and how long it waits for its next time."""
