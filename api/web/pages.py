"""Pages for people, rendered here: they work without script and load nothing from elsewhere."""

import re
from asyncio import to_thread
from functools import lru_cache
from hashlib import sha256
from importlib.resources import files
from typing import Any, Final

from fastapi import FastAPI
from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup, escape
from starlette.requests import Request
from starlette.responses import Response

from api.frame import PAGE_POLICY
from api.openapi import document_bytes, document_of
from api.web import reference

_CODE: Final = re.compile(r"`([^`]+)`")
_HOST: Final = re.compile(r"[A-Za-z0-9.\-]{1,253}(:\d{1,5})?|\[[0-9a-fA-F:]{2,45}\](:\d{1,5})?", re.ASCII)
_REVALIDATE: Final = "no-cache"


def add_to(app: FastAPI) -> None:
    """`/`, `/reference`, `/openapi.json` and the style sheet; none of them is part of the OpenAPI document."""
    for path, endpoint in (
        ("/", _home),
        ("/reference", _reference),
        ("/openapi.json", _openapi),
        ("/static/style.css", _style),
    ):
        app.add_route(path, endpoint, methods=["GET"], include_in_schema=False)


async def _home(request: Request) -> Response:
    readiness = request.app.state.readiness
    _, state = await to_thread(readiness.report)
    html = (
        _environment()
        .get_template("home.html")
        .render(state=state, version=request.app.version, address=_address(request))
    )
    return _page(request, html)


def _address(request: Request) -> str:
    """How the reader reached this server, for lines to paste; a Host that no server has is not repeated."""
    host = request.headers.get("host", "")
    return f"{request.url.scheme}://{host if _HOST.fullmatch(host) else '127.0.0.1:8000'}"


async def _reference(request: Request) -> Response:
    app: FastAPI = request.app
    if not hasattr(app.state, "reference_page"):
        app.state.reference_page = await to_thread(_rendered_reference, app)
    return _page(request, app.state.reference_page)


async def _openapi(request: Request) -> Response:
    app: FastAPI = request.app
    if not hasattr(app.state, "openapi_bytes"):
        app.state.openapi_bytes = await to_thread(document_bytes, app)
    return _cached(request, app.state.openapi_bytes, "application/json", {})


async def _style(request: Request) -> Response:
    return _cached(request, _style_bytes(), "text/css; charset=utf-8", {})


def _rendered_reference(app: FastAPI) -> str:
    document = document_of(app)
    return (
        _environment()
        .get_template("reference.html")
        .render(
            version=app.version,
            groups=reference.groups(document),
            shapes=reference.shapes(document),
            refusals=reference.refusals(),
        )
    )


def _page(request: Request, html: str) -> Response:
    headers = {"Content-Security-Policy": PAGE_POLICY, "Content-Language": "en"}
    return _cached(request, html.encode(), "text/html; charset=utf-8", headers)


def _cached(request: Request, body: bytes, media_type: str, headers: dict[str, str]) -> Response:
    """304 when the browser has these very bytes."""
    tag = f'"{sha256(body).hexdigest()[:32]}"'
    headers = {**headers, "ETag": tag, "Cache-Control": _REVALIDATE}
    if request.headers.get("if-none-match") == tag:
        return Response(status_code=304, headers=headers)
    return Response(body, headers={**headers, "Content-Type": media_type})


@lru_cache(maxsize=1)
def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("api.web", "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["prose"] = _prose
    return environment


@lru_cache(maxsize=1)
def _style_bytes() -> bytes:
    return (files("api.web") / "static" / "style.css").read_bytes()


def _prose(text: Any) -> Markup:
    """Text with `code` in it, as HTML."""
    parts = _CODE.split(str(text))
    return Markup("").join(
        Markup("<code>{}</code>").format(part) if index % 2 else escape(part) for index, part in enumerate(parts)
    )
