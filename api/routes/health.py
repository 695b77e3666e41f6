"""For machines that look after this one: alive, ready, and what was counted. Open to all; holds no personal data."""

from asyncio import to_thread
from typing import Any, Final

import orjson
from fastapi import APIRouter, Request
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from starlette.responses import Response

from api.dispatch import Direct
from api.models.common import Out, example
from api.readiness import Readiness
from api.surface import Surface
from domain.ports.health import HealthState

router = APIRouter(tags=["Operation"], route_class=Direct)

_LIVE: Final = b'{"status":"alive"}'
_READY_EXAMPLE: Final = {
    "status": "ready",
    "version": "2026.11.1",
    "uptime_s": 86400,
    "checks": [{"name": "events", "state": "ok", "code": "ok", "detail": "", "took_ms": 0.4}],
}


class LiveOut(Out):
    status: str

    model_config = example({"status": "alive"})


class CheckOut(Out):
    name: str
    state: HealthState
    code: str
    detail: str
    took_ms: float


class ReadyOut(Out):
    """`status` is starting, ready, degraded (serving; something is slower or later), not_ready or draining."""

    status: str
    version: str
    uptime_s: int
    checks: tuple[CheckOut, ...]

    model_config = example(_READY_EXAMPLE)


@router.head("/livez", include_in_schema=False)
@router.get("/livez", summary="Is the process alive?", response_model=LiveOut)
async def live(_request: Request) -> Response:
    """Answers as long as the process can: touches no database. A supervisor restarts what no longer answers.
    HEAD answers the same without a body.
    """
    return Response(_LIVE, media_type="application/json")


@router.head("/readyz", include_in_schema=False)
@router.get(
    "/readyz",
    summary="Can it serve requests?",
    response_model=ReadyOut,
    responses={
        503: {"model": ReadyOut, "description": "Not now: starting, draining, or a part that requests need is down."}
    },
)
async def ready(request: Request) -> Response:
    """Each part's state. A part that is degraded (the queue away, views behind) does not make it unready: the API goes on,
    and says so here. HEAD answers the same without a body.
    """
    readiness: Readiness = request.app.state.readiness
    able, document = await to_thread(readiness.report)
    return _json(document, 200 if able else 503)


@router.get(
    "/metrics",
    summary="Metrics for Prometheus",
    response_class=Response,
    responses={200: {"content": {"text/plain": {"schema": {"type": "string"}}}, "description": "Text format."}},
)
async def metrics(request: Request) -> Response:
    """Counts and durations by route template; no ids, no addresses."""
    surface: Surface = request.app.state.surface
    text = await to_thread(generate_latest, surface.runtime.registry)
    return Response(text, headers={"Content-Type": CONTENT_TYPE_LATEST})


def _json(document: dict[str, Any], status: int) -> Response:
    return Response(orjson.dumps(document), status_code=status, media_type="application/json")
