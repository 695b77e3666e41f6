"""What surrounds every request: an id, a count, security headers, and an answer even where the code has a fault."""

from time import perf_counter
from typing import Any, Final
from uuid import UUID

from starlette.exceptions import HTTPException
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.errors import MethodNotAllowed, RouteNotFound, problem
from api.logs import report_request, report_unexpected
from api.metrics import HttpMetrics, route_template, since
from api.runtime import HttpPolicy
from api.surface import REQUEST_ID
from domain.errors import AnamnesisError
from domain.ports.ids import IdSource

PAGE_POLICY: Final = (
    "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'none'; base-uri 'none'; frame-ancestors 'none'"
)
_ALWAYS: Final = (
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"permissions-policy", b"camera=(), geolocation=(), microphone=()"),
)
_API_POLICY: Final = (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'")
_NO_STORE: Final = (b"cache-control", b"no-store")
# Two years, the least that browsers' preload lists take.
_HSTS: Final = (b"strict-transport-security", b"max-age=63072000; includeSubDomains")


class Frame:
    """Pure ASGI: no task, no queue, no copy of a body a request."""

    def __init__(self, app: ASGIApp, *, ids: IdSource, policy: HttpPolicy, metrics: HttpMetrics) -> None:
        self._app = app
        self._ids = ids
        self._metrics = metrics
        self._headers = (*_ALWAYS, _HSTS) if policy.behind_tls else _ALWAYS

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        scope[REQUEST_ID] = self._ids.ordered()
        answer = _Answer(send, scope[REQUEST_ID], self._headers)
        start = perf_counter()
        self._metrics.in_progress.inc()
        try:
            await self._app(scope, receive, answer.send)
        except HTTPException as exc:
            await _no_route(exc, scope[REQUEST_ID])(scope, receive, answer.send)
        except Exception as exc:  # noqa: BLE001 - the last place that can turn a fault into an answer
            report_unexpected(exc, scope[REQUEST_ID])
            if not answer.status:
                await problem(AnamnesisError(), scope[REQUEST_ID])(scope, receive, answer.send)
        finally:
            seconds = since(start)
            route = route_template(scope)
            self._metrics.in_progress.dec()
            self._metrics.observe(scope["method"], route, answer.status, seconds)
            report_request(scope["method"], route, answer.status, seconds, scope[REQUEST_ID])


def _no_route(refused: HTTPException, request_id: UUID) -> Response:
    """The router's own refusals: no such path, no such method."""
    errors: dict[int, AnamnesisError] = {404: RouteNotFound(), 405: MethodNotAllowed()}
    answer = problem(errors.get(refused.status_code, AnamnesisError()), request_id)
    answer.headers.update(refused.headers or {})
    return answer


class _Answer:
    """Adds the headers to what is sent and remembers the status; 0 until something was sent."""

    __slots__ = ("_headers", "_request_id", "_send", "status")

    def __init__(self, send: Send, request_id: UUID, headers: tuple[tuple[bytes, bytes], ...]) -> None:
        self._send = send
        self._request_id = request_id
        self._headers = headers
        self.status = 0

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            headers: list[Any] = list(message.get("headers", ()))
            names = {name for name, _ in headers}
            headers.append((b"x-request-id", str(self._request_id).encode()))
            headers.extend(self._headers)
            headers.extend(header for header in (_API_POLICY, _NO_STORE) if header[0] not in names)
            message["headers"] = headers
        await self._send(message)
