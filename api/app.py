"""The application: services and ports in, ASGI out. Wiring is `ops.bootstrap`'s."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, Final

from fastapi import FastAPI
from starlette.middleware.cors import CORSMiddleware
from starlette.types import ASGIApp, Receive, Scope, Send

from api.frame import Frame
from api.incarnations import TagsOfIncarnation
from api.metrics import HttpMetrics
from api.openapi import TAGS, document_of
from api.readiness import Readiness
from api.routes import (
    accounts,
    agreements,
    appointments,
    audit,
    changes,
    clients,
    context,
    diagnoses,
    disclosures,
    drafts,
    erasures,
    events,
    exceptional_access,
    exports,
    goals,
    health,
    holds,
    instruments,
    journey,
    log,
    measures,
    medications,
    notes,
    oidc,
    plans,
    progress,
    reports,
    retention,
    risk_flags,
    second_factors,
    service_accounts,
    sessions,
    sign_ins,
    stays,
    transcripts,
    webhooks,
    worklist,
)
from api.runtime import Runtime
from api.surface import Surface
from api.web import pages
from domain.services import Services

# The router tries routes in this order: what is asked for most comes first.
_ROUTERS: Final = (
    sessions.router,
    clients.router,
    journey.router,
    progress.router,
    context.router,
    events.router,
    exports.router,
    appointments.router,
    measures.router,
    goals.router,
    risk_flags.router,
    instruments.router,
    plans.router,
    diagnoses.router,
    medications.router,
    transcripts.router,
    notes.router,
    worklist.router,
    exceptional_access.router,
    drafts.router,
    sign_ins.router,
    accounts.router,
    service_accounts.router,
    service_accounts.token_router,
    second_factors.router,
    stays.router,
    oidc.router,
    changes.router,
    reports.router,
    erasures.router,
    holds.router,
    retention.router,
    webhooks.router,
    agreements.router,
    disclosures.router,
    audit.router,
    log.router,
    health.router,
)
_DESCRIPTION: Final = """The memory of a therapy platform: session journals, appointments and the audit of all that is done
with them, in encrypted event streams. Every error is `application/problem+json` with a stable `code`."""


class Application(FastAPI):
    """FastAPI declares the routes and documents them; requests take a shorter way to them.

    Left out are its telemetry, which would export the text of exceptions, and layers that only its own kind of routes
    need: together a third of what a request costs.
    """

    frame: Frame

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            scope["app"] = self
            await self.frame(scope, receive, send)
        else:
            await super().__call__(scope, receive, send)

    def openapi(self) -> dict[str, Any]:
        """The whole document, made once."""
        return document_of(self)


def create_app(services: Services, runtime: Runtime) -> Application:
    """A ready application. Its threads live as long as its lifespan."""
    policy = runtime.policy
    app = Application(
        title="Anamnesis",
        version=policy.version,
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
    app.state.readiness = Readiness(runtime.probes, policy.version)
    for router in _ROUTERS:
        # Not include_router: its tree matches each request twice, at about 100 µs.
        app.router.routes.extend(router.routes)
    pages.add_to(app)
    routes = TagsOfIncarnation(app.router, policy.incarnation) if policy.incarnation > 1 else app.router
    inner = _allowing(routes, policy.cors_origins) if policy.cors_origins else routes
    app.frame = Frame(inner, ids=runtime.ids, policy=policy, metrics=metrics)
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
        surface.threads.stop()


def _allowing(app: ASGIApp, origins: tuple[str, ...]) -> ASGIApp:
    return CORSMiddleware(
        app,
        allow_origins=list(origins),
        allow_methods=["GET", "POST", "PUT", "DELETE"],
        allow_headers=[
            "Accept",
            "Authorization",
            "Content-Type",
            "Idempotency-Key",
            "If-Match",
            "Purpose",
            "Read-After",
        ],
        expose_headers=["ETag", "Idempotency-Replayed", "Location", "Position", "Retry-After", "X-Request-ID"],
    )
