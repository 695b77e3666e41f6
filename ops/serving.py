"""Runs the API under uvicorn: one process, or several on one socket. SIGTERM lets running requests finish."""

import signal
from threading import Event
from typing import TYPE_CHECKING, Any

import uvicorn
from uvicorn.supervisors import Multiprocess

from ops.asgi import application
from ops.bootstrap import Part, build
from ops.connection import Connection
from ops.cores import stay_on_one_core
from ops.memory import settle
from ops.ports import listen
from ops.settings import Settings

if TYPE_CHECKING:
    from starlette.types import ASGIApp

_KEEP_ALIVE_S = 75
"""Longer than proxies keep idle connections (60 s is usual), so that it is never us who closes one under a request."""


def serve(settings: Settings) -> None:
    """Until SIGTERM or SIGINT. Raises PortInUse, AddressUnusable and what `build` raises."""
    if settings.one_core and settings.workers == 1:
        stay_on_one_core()
    listening = listen(settings.host, settings.port)
    # Until uvicorn listens to signals itself, and again after it has drained, when it raises them once more: to end on
    # request is a success, and what is open gets closed.
    asked = Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: asked.set())
    with listening:
        with build(settings, parts=Part.API) as system:
            if settings.workers == 1:
                app = application(system)
                settle()
                _Server(_config(settings, app), asked).run(sockets=[listening])
                return
        if asked.is_set():
            return
        # What is wrong with the set-up was found above, once; each process builds a system of its own.
        Multiprocess(_config(settings, "ops.asgi:create", factory=True), sockets=[listening]).run()


class _Server(uvicorn.Server):
    """Also ends for a signal that came before it listened to signals."""

    def __init__(self, config: uvicorn.Config, asked: Event) -> None:
        super().__init__(config)
        self._asked = asked

    async def on_tick(self, counter: int) -> bool:
        return await super().on_tick(counter) or self._asked.is_set()


def _config(settings: Settings, app: "ASGIApp | str", **kwargs: Any) -> uvicorn.Config:
    return uvicorn.Config(
        app,
        host=settings.host,
        port=settings.port,
        workers=settings.workers,
        loop="uvloop",
        http=Connection,
        ws="none",
        lifespan="on",
        # One line a request is written by the API, with the route's template instead of the path.
        access_log=False,
        log_config=None,
        server_header=False,
        # X-Forwarded-For is judged by the API, which knows whose to believe.
        proxy_headers=False,
        timeout_keep_alive=_KEEP_ALIVE_S,
        timeout_graceful_shutdown=settings.drain_s,
        **kwargs,
    )
