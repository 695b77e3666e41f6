"""One HTTP connection: what uvicorn's does, and an end to requests that never arrive.

uvicorn with httptools collects the head of a request without a limit, in a time that grows with the square of its size,
and waits for its rest for ever: one stranger who sends a header of 64 MiB would stop the process for ten seconds.
"""

import asyncio
from http import HTTPStatus
from typing import Any, Final

import orjson
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

HEAD_MOST: Final = 64 * 1024
"""Bytes of a request that are no body: its line, headers, chunk sizes, trailers. Longer ones are 431."""
ARRIVAL_S: Final = 60.0
"""For a whole request to arrive once it has begun; a megabyte does in this time at 140 kbit/s. Slower ones are 408."""


class Connection(HttpToolsProtocol):
    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._pending = 0
        self._arriving = True
        self._asked = False
        self._deadline: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # uvicorn narrows it too
        super().connection_made(transport)
        self._deadline = self.loop.call_later(ARRIVAL_S, self._too_slow)

    def connection_lost(self, exc: Exception | None) -> None:
        self._disarm()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        self._pending += len(data)
        super().data_received(data)
        if self._pending > HEAD_MOST:
            self._refuse(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE, "head_too_large", "The headers are too large.")
        elif not self._arriving:
            self._disarm()
        elif self._deadline is None:
            self._deadline = self.loop.call_later(ARRIVAL_S, self._too_slow)

    def on_message_begin(self) -> None:
        self._arriving = True
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        self._pending = 0
        self._asked = True
        super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        self._pending = 0
        super().on_body(body)

    def on_message_complete(self) -> None:
        self._pending = 0
        self._arriving = False
        super().on_message_complete()

    def send_400_response(self, msg: str) -> None:
        self._refuse(HTTPStatus.BAD_REQUEST, "not_http", msg)

    def _too_slow(self) -> None:
        self._deadline = None
        self._refuse(HTTPStatus.REQUEST_TIMEOUT, "request_timeout", "The request did not arrive in time.")

    def _refuse(self, status: HTTPStatus, code: str, detail: str) -> None:
        """Close, and say why unless an answer is under way or nothing was sent."""
        self._disarm()
        if self.transport.is_closing():
            return
        answering = self._asked and not self.cycle.response_complete
        if not answering and self._pending:
            self.transport.write(_problem(status, code, detail))
        self.transport.close()

    def _disarm(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None


def _problem(status: HTTPStatus, code: str, detail: str) -> bytes:
    """A whole answer, as other errors look (RFC 9457)."""
    body = orjson.dumps(
        {
            "type": f"/reference#error-{code}",
            "title": status.phrase,
            "status": int(status),
            "code": code,
            "detail": detail,
        }
    )
    head = (
        f"HTTP/1.1 {int(status)} {status.phrase}\r\ncontent-type: application/problem+json\r\n"
        f"content-length: {len(body)}\r\ncache-control: no-store\r\nconnection: close\r\n\r\n"
    )
    return head.encode("ascii") + body
