"""The application: services and ports in, ASGI out. Wiring is `ops.bootstrap`'s."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, Final

from fastapi import FastAPI, Request
from starlette.exceptions import HTTPException
from starlette.middleware.cors import CORSMiddleware
from starlette.responses import Response

from api.errors import MethodNotAllowed, RouteNotFound, problem
from api.frame import Frame
from api.metrics import HttpMetrics
from api.openapi import TAGS, document_of
from api.readiness import Readiness
from api.routes import accounts, appointments, audit, clients, drafts, health, journey, sessions, sign_ins
from api.runtime import Runtime
from api.surface import REQUEST_ID, Surface
from api.web import pages
from domain.errors import AnamnesisError
from domain.services import Services

# The router tries routes in this order: what is asked for most comes first.
_ROUTERS: Final = (
    sessions.router,
    clients.router,
    journey.router,
    appointments.router,
    drafts.router,
    sign_ins.router,
    accounts.router,
    audit.router,
    health.router,
)
_DESCRIPTION: Final = """The memory of a therapy platform: session journals, appointments and the audit of all that is done
with them, in encrypted event streams. Every error is `application/problem+json` with a stable `code`."""


def create_app(services: Services, runtime: Runtime) -> FastAPI:
    """A ready application. Its threads live as long as its lifespan."""
    app = FastAPI(
        title="Anamnesis",
        version=runtime.policy.version,
        description=_DESCRIPTION,
        license_info={"name": "Apache-2.0", "identifier": "Apache-2.0"},
        openapi_tags=TAGS,
        openapi_url=None,
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        separate_input_output_schemas=False,
        lifespan=_lifespan,
    )
    metrics = HttpMetrics(runtime.registry)
    app.state.surface = Surface(services, runtime, metrics)
    app.state.readiness = Readiness(runtime.probes, runtime.policy.version)
    for router in _ROUTERS:
        # Not include_router: its tree matches each request twice, at about 100 µs.
        app.router.routes.extend(router.routes)
    pages.add_to(app)
    app.add_exception_handler(HTTPException, _no_route)
    app.add_middleware(Frame, ids=runtime.ids, policy=runtime.policy, metrics=metrics)
    if runtime.policy.cors_origins:
        _allow_origins(app, runtime.policy.cors_origins)
    app.openapi = lambda: document_of(app)  # type: ignore[method-assign] # FastAPI's own way to extend the document
    return app


@asynccontextmanager
async def _lifespan(app: FastAPI) -> AsyncIterator[None]:
    surface: Surface = app.state.surface
    readiness: Readiness = app.state.readiness
    readiness.started = True
    try:
        yield
    finally:
        readiness.draining = True
        surface.threads.shutdown(wait=True)


async def _no_route(request: Request, error: Exception) -> Response:
    """The router's own refusals: no such path, no such method."""
    status = getattr(error, "status_code", 500)
    refusal: AnamnesisError = {404: RouteNotFound, 405: MethodNotAllowed}.get(status, AnamnesisError)()
    answer = problem(refusal, request.scope[REQUEST_ID])
    answer.headers.update(getattr(error, "headers", None) or {})
    return answer


def _allow_origins(app: FastAPI, origins: tuple[str, ...]) -> None:
    known: dict[str, Any] = {
        "allow_methods": ["GET", "POST", "PUT", "DELETE"],
        "allow_headers": ["Authorization", "Content-Type", "Idempotency-Key", "If-Match", "Read-After"],
        "expose_headers": ["ETag", "Idempotency-Replayed", "Location", "Position", "Retry-After", "X-Request-ID"],
    }
    app.add_middleware(CORSMiddleware, allow_origins=list(origins), **known)
