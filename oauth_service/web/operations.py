"""Health and metrics, for whoever runs the service; no key is asked for."""

import logging
from http import HTTPStatus
from typing import Any, Literal

from fastapi import APIRouter
from fastapi.responses import JSONResponse, PlainTextResponse, Response
from pydantic import BaseModel
from sqlalchemy.exc import SQLAlchemyError
from starlette.concurrency import run_in_threadpool

from oauth_service.ops.metrics import CONTENT_TYPE
from oauth_service.web.api.problems import problems
from oauth_service.web.services import Services, ServicesOf

HEALTH = "/healthz"
LIVE, READY = f"{HEALTH}/live", f"{HEALTH}/ready"
PROBES = frozenset({HEALTH, LIVE, READY})
METRICS = "/metrics"
router = APIRouter(tags=["operations"])
_log = logging.getLogger(__name__)


class Healthy(BaseModel):
    """The service lives, or is ready."""

    status: Literal["ok"] = "ok"


class NotReady(BaseModel):
    """The service cannot do its work now."""

    status: Literal["unavailable"] = "unavailable"
    not_ready: tuple[Literal["database", "storage", "keys", "stopping"], ...]


_OR_NOT_READY: dict[int | str, dict[str, Any]] = {
    int(HTTPStatus.SERVICE_UNAVAILABLE): {
        "model": NotReady,
        "description": "`database`: it does not answer; `storage`: what is written to it is not "
        "taken, or its disk is nearly full; `keys`: the file of the encryption keys "
        "cannot be read; `stopping`: the service is about to end.",
    }
}


@router.get(LIVE)
async def live() -> Healthy:
    """Answer while the process does; nothing else is looked at."""
    return Healthy()


@router.get(HEALTH, response_model=Healthy, responses=_OR_NOT_READY)
@router.get(READY, response_model=Healthy, responses=_OR_NOT_READY)
async def ready(services: ServicesOf) -> Response:
    """Answer 200 while the database answers and can be written, and the keys can be read."""
    failed = await services.readiness.not_ready()
    if failed:
        answer = NotReady.model_validate({"not_ready": failed})
        return JSONResponse(answer.model_dump(), HTTPStatus.SERVICE_UNAVAILABLE)
    return JSONResponse(Healthy().model_dump())


@router.get(METRICS, response_class=PlainTextResponse, responses=problems())
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
