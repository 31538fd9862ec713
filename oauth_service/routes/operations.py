"""Liveness and metrics."""

import logging
from collections.abc import Mapping

from fastapi import APIRouter
from fastapi.responses import PlainTextResponse
from sqlalchemy.exc import SQLAlchemyError
from starlette.concurrency import run_in_threadpool

from oauth_service.metrics import CONTENT_TYPE
from oauth_service.routes.documented import problems
from oauth_service.services import Services, ServicesOf

router = APIRouter(tags=["operations"])
_log = logging.getLogger(__name__)


@router.get("/healthz")
async def healthz(services: ServicesOf) -> Mapping[str, str]:
    """Answer 200 while the store can be read."""
    await run_in_threadpool(services.store.check)
    return {"status": "ok"}


@router.get("/metrics", response_class=PlainTextResponse, responses=problems())
async def metrics(services: ServicesOf) -> PlainTextResponse:
    """Return counts for Prometheus; no workspace is named."""
    text = await run_in_threadpool(_exposition, services)
    return PlainTextResponse(text, media_type=CONTENT_TYPE)


def _exposition(services: Services) -> bytes:
    """Return what is scraped; while the store cannot be read, all but the connections."""
    try:
        counts = services.store.connections.counts()
    except SQLAlchemyError as exc:
        _log.warning("connections not counted: %s", type(exc).__name__)
        return services.metrics.text(None)
    return services.metrics.text({(slug, state.value): n for (slug, state), n in counts.items()})
