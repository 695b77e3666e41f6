"""One keep-alive HTTP/1.1 connection of the load generator: prepared bytes out, status and body back."""

import asyncio
from collections.abc import Callable
from time import perf_counter
from typing import Final, cast

_HEAD_END: Final = b"\r\n\r\n"
_LENGTH: Final = b"content-length:"
BROKEN: Final = 0
"""Stands for a status when the connection was lost."""

Answered = Callable[["Connection", int, float, bytes], None]
"""Connection, status, when the latency began to count (perf_counter), body."""


class Connection(asyncio.Protocol):
    """One request at a time. `done` is set once it is closed, by us or by the server."""

    def __init__(self, answered: Answered) -> None:
        self._answered = answered
        self._transport: asyncio.Transport | None = None
        self._buffer = bytearray()
        self._begun: float | None = None
        self.done = asyncio.Event()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)

    def send(self, request: bytes, begun: float | None = None) -> None:
        """`begun` is when its latency begins to count: now, unless it was due earlier."""
        self._begun = perf_counter() if begun is None else begun
        if self._transport is not None:
            self._transport.write(request)

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        end = self._buffer.find(_HEAD_END)
        if end < 0:
            return
        start = end + len(_HEAD_END)
        length = _stated_length(bytes(self._buffer[:end]))
        if len(self._buffer) < start + length or self._begun is None:
            return
        status, body, begun = int(self._buffer[9:12]), bytes(self._buffer[start : start + length]), self._begun
        del self._buffer[: start + length]
        self._begun = None
        self._answered(self, status, begun, body)

    def connection_lost(self, exc: Exception | None) -> None:
        del exc
        begun, self._begun = self._begun, None
        if begun is not None:
            self._answered(self, BROKEN, begun, b"")
        self.done.set()

    def close(self) -> None:
        if self._transport is not None:
            self._transport.close()


def _stated_length(head: bytes) -> int:
    lower = head.lower()
    at = lower.find(_LENGTH)
    return int(lower[at + len(_LENGTH) :].split(b"\r\n", 1)[0]) if at >= 0 else 0
