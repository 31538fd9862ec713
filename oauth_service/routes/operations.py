"""Liveness and metrics."""

from collections.abc import Mapping

from fastapi import APIRouter
from fastapi.responses import PlainTextResponse
from starlette.concurrency import run_in_threadpool

from oauth_service.metrics import CONTENT_TYPE
from oauth_service.services import ServicesOf

router = APIRouter(tags=["operations"])


@router.get("/healthz")
async def healthz(services: ServicesOf) -> Mapping[str, str]:
    """Answer 200 while the store can be read."""
    await run_in_threadpool(services.store.check)
    return {"status": "ok"}


@router.get("/metrics", response_class=PlainTextResponse)
async def metrics(services: ServicesOf) -> PlainTextResponse:
    """Return counts for Prometheus; no workspace is named."""
    counts = await run_in_threadpool(services.store.connections.counts)
    states = {(slug, state.value): count for (slug, state), count in counts.items()}
    return PlainTextResponse(services.metrics.text(states), media_type=CONTENT_TYPE)
