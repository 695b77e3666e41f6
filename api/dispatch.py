"""How a request is answered: one hop into a thread, in an order that gives nothing away.

    on the event loop   token present? content type, size, body
    in one thread       who is it? → answered before? → parameters and body → the use case → the answer

FastAPI's own way validates the body before it knows the caller, and costs about 250 µs more a request in middleware,
dependencies and hops. Routes are still declared the FastAPI way, and its OpenAPI document comes from the same signatures.
"""

from collections.abc import Awaitable, Callable
from typing import Any, ClassVar, cast

from fastapi.routing import APIRoute
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from api.answers import replayed
from api.asks import Writing
from api.declare import error_responses, merge, usual_errors
from api.errors import BodyTooLarge, NotJson, problem, without_ids
from api.logs import report
from api.origin import Origin
from api.plan import Plan
from api.surface import REQUEST_ID, Surface
from domain.errors import AnamnesisError, Conflict, NotFound, StaleVersion
from domain.ports.call import Role
from domain.services.sign_in import NOBODY


class Operation(APIRoute):
    """A route whose endpoint runs in a thread and returns a finished Response."""

    body_bytes: ClassVar[int] = 0
    """How long its body may be, where that is more than the policy's limit."""

    def __init__(self, path: str, endpoint: Callable[..., Any], **declared: Any) -> None:
        self.plan = plan = Plan.of(endpoint, path)
        usual = usual_errors(plan.ask[1], has_body=plan.body is not None, has_parameters=bool(plan.path or plan.query))
        declared["responses"] = merge(declared.get("responses") or {}, error_responses(usual))
        super().__init__(path, endpoint, **declared)
        self.app = self._serve

    async def _serve(self, scope: Scope, receive: Receive, send: Send) -> None:
        surface = cast("Surface", scope["app"].state.surface)
        try:
            if self.body_bytes:
                await self._admit(surface, scope)
            body = await self._body(surface, scope, receive)
        except ClientDisconnect:
            return
        except AnamnesisError as exc:
            response = problem(exc, scope[REQUEST_ID])
        else:
            response = await surface.threads.run(self._answer, surface, scope, body)
        await response(scope, receive, send)

    async def _admit(self, surface: Surface, scope: Scope) -> None:
        """Before a long body is read: strangers can't fill the memory with it. Raises what `Gate.admit` raises."""
        headers = Request(scope).headers
        if self.plan.body is not None and "authorization" in headers:
            await surface.threads.run(surface.gate.admit, surface.origin(scope, b""))

    async def _body(self, surface: Surface, scope: Scope, receive: Receive) -> bytes:
        """The whole body, refused as soon as it is too long. Empty for callers who brought no token: what they
        send is not worth reading. Raises NotJson, BodyTooLarge, ClientDisconnect.
        """
        if self.plan.body is None:
            return b""
        request = Request(scope, receive)
        if self.plan.ask[1].signed_in and "authorization" not in request.headers:
            return b""
        limit = max(surface.runtime.policy.body_limit_bytes, self.body_bytes)
        self._require_type(request.headers.get("content-type", ""))
        if _stated_length(request.headers.get("content-length", "")) > limit:
            raise BodyTooLarge(limit_bytes=limit)
        parts: list[bytes] = []
        size = 0
        async for part in request.stream():
            size += len(part)
            if size > limit:
                raise BodyTooLarge(limit_bytes=limit)
            parts.append(part)
        return b"".join(parts)

    def _require_type(self, content_type: str) -> None:
        """Raises NotJson."""
        _require_json(content_type)

    def _answer(self, surface: Surface, scope: Scope, body: bytes) -> Response:
        origin = surface.origin(scope, body)
        try:
            return self._carry_out(surface, scope, origin)
        except AnamnesisError as exc:
            report(exc, origin.request_id)
            return problem(exc, origin.request_id, self.plan.query)

    def _carry_out(self, surface: Surface, scope: Scope, origin: Origin) -> Response:
        kind = self.plan.ask[1]
        actor = surface.gate.admit(origin) if kind.signed_in else NOBODY
        ask = kind(surface, origin, actor)
        before = ask.replay() if isinstance(ask, Writing) else None
        if before is not None:
            return replayed(before)
        query = scope["query_string"].decode("latin-1")
        values = self.plan.arguments(ask, scope["path_params"], query, origin.body)
        try:
            return cast("Response", self.endpoint(**values))
        except (Conflict, NotFound, StaleVersion) as exc:
            # The same call may have been carried out by another process since we looked.
            again = ask.replay() if isinstance(ask, Writing) else None
            if again is None:
                if actor.role is Role.CLIENT and isinstance(exc, NotFound):
                    raise without_ids(exc) from exc
                raise
            return replayed(again)


class BulkOperation(Operation):
    """A route that takes a whole transcript: 5 MB of text, escaped and with what stands around it."""

    body_bytes = 16 * 1024 * 1024


class Direct(APIRoute):
    """A route whose endpoint is a coroutine of the request and returns a finished Response: no threads, no caller.

    HEAD, where it is declared, answers the headers of GET (RFC 9110, 9.3.2).
    """

    def __init__(self, path: str, endpoint: Callable[[Request], Awaitable[Response]], **declared: Any) -> None:
        super().__init__(path, endpoint, **declared)
        self.app = self._serve

    async def _serve(self, scope: Scope, receive: Receive, send: Send) -> None:
        response = await self.endpoint(Request(scope, receive))
        if scope["method"] == "HEAD":
            response.body = b""  # its headers, Content-Length among them, were made from the whole
        await response(scope, receive, send)


def _require_json(content_type: str) -> None:
    media_type, _, parameters = content_type.partition(";")
    charset = parameters.strip().lower().replace('"', "")
    if media_type.strip().lower() != "application/json" or charset not in ("", "charset=utf-8"):
        raise NotJson


def _stated_length(value: str) -> int:
    return int(value) if value.isascii() and value.isdigit() else 0
