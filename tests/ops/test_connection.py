"""Requests that never arrive, over real sockets: they end, and cost nobody else anything."""

import asyncio
import contextlib
import json
import socket
import threading
from collections.abc import Iterator

import pytest
import uvicorn
from starlette.types import Receive, Scope, Send

from ops import connection
from ops.connection import HEAD_MOST, Connection

_PIECE = b"a" * 16_384


async def echo(scope: Scope, receive: Receive, send: Send) -> None:
    """Answers how long the body was."""
    size, more = 0, True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            return
        size += len(message["body"])
        more = message["more_body"]
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"8")]})
    await send({"type": "http.response.body", "body": b"%08d" % size})


@pytest.fixture
def address() -> Iterator[tuple[str, int]]:
    config = uvicorn.Config(echo, http=Connection, loop="uvloop", ws="none", lifespan="off", log_config=None)
    server = uvicorn.Server(config)
    listening = socket.create_server(("127.0.0.1", 0))
    thread = threading.Thread(target=lambda: asyncio.run(server.serve(sockets=[listening])))
    thread.start()
    yield listening.getsockname()
    server.should_exit = True
    thread.join(30)
    listening.close()


def talk(address: tuple[str, int], *pieces: bytes) -> bytes:
    """What is answered until the server closes the connection; it may close it while we still send."""
    with socket.create_connection(address, timeout=20) as speaking:
        with contextlib.suppress(ConnectionError):
            for piece in pieces:
                speaking.sendall(piece)
        return whatever_comes(speaking)


def whatever_comes(speaking: socket.socket) -> bytes:
    heard = b""
    with contextlib.suppress(ConnectionError):
        while piece := speaking.recv(65_536):
            heard += piece
    return heard


@pytest.mark.parametrize(
    "beginning",
    [
        b"GET /",
        b"GET / HTTP/1.1\r\nHost: x\r\nX: ",
        b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n1;",
        b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nz\r\n0\r\nX: ",
    ],
    ids=["line", "header", "chunk extension", "trailer"],
)
def test_an_endless_head_is_cut_short(address: tuple[str, int], beginning: bytes) -> None:
    most = 2_000

    taken = pieces_taken(address, beginning, most)

    assert taken < most
    assert talk(address, b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").endswith(b"00000000")


def pieces_taken(address: tuple[str, int], beginning: bytes, most: int) -> int:
    """How many pieces of 16 KiB went out before the server closed the connection; `most` if it never did."""
    taken = 0
    with socket.create_connection(address, timeout=20) as speaking, contextlib.suppress(ConnectionError):
        speaking.sendall(beginning)
        while taken < most:
            speaking.sendall(_PIECE)
            taken += 1
    return taken


def test_a_head_that_is_too_large_is_told_so(address: tuple[str, int]) -> None:
    with socket.create_connection(address, timeout=20) as speaking:
        speaking.sendall(b"GET / HTTP/1.1\r\nX: " + b"a" * HEAD_MOST)
        head, _, body = whatever_comes(speaking).partition(b"\r\n\r\n")

    assert head.startswith(b"HTTP/1.1 431 ")
    assert b"application/problem+json" in head
    assert json.loads(body)["code"] == "head_too_large"


def test_a_head_of_some_size_and_a_body_far_larger_are_taken(address: tuple[str, int]) -> None:
    size = 4 * HEAD_MOST
    head = b"POST / HTTP/1.1\r\nConnection: close\r\nContent-Length: %d\r\nX: %s\r\n\r\n" % (size, b"a" * 30_000)

    assert talk(address, head, b"b" * size).endswith(b"%08d" % size)


def test_many_small_requests_on_one_connection_are_not_counted_together(address: tuple[str, int]) -> None:
    ask = b"GET / HTTP/1.1\r\nHost: x\r\nX: %s\r\n\r\n" % (b"a" * 8_000)
    with socket.create_connection(address, timeout=20) as speaking:
        for _ in range(3 * HEAD_MOST // len(ask)):
            speaking.sendall(ask)
            heard = b""
            while not heard.endswith(b"00000000"):
                heard += speaking.recv(65_536)
            assert heard.startswith(b"HTTP/1.1 200 ")


@pytest.mark.parametrize(
    ("begun", "code"),
    [
        (b"", ""),
        (b"GET / HTTP/1.1\r\nHost: x\r\n", "request_timeout"),
        (b"POST / HTTP/1.1\r\nContent-Length: 5\r\n\r\n{", ""),
    ],
    ids=["nothing", "part of a head", "part of a body"],
)
def test_a_request_that_does_not_arrive_ends(
    monkeypatch: pytest.MonkeyPatch, address: tuple[str, int], begun: bytes, code: str
) -> None:
    monkeypatch.setattr(connection, "ARRIVAL_S", 0.2)

    heard = talk(address, begun)

    assert (json.loads(heard.partition(b"\r\n\r\n")[2])["code"] if heard else "") == code


def test_what_is_no_http_is_told_so_in_the_shape_of_other_errors(address: tuple[str, int]) -> None:
    head, _, body = talk(address, b"GARBAGE\r\n\r\n").partition(b"\r\n\r\n")

    assert head.startswith(b"HTTP/1.1 400 ")
    assert json.loads(body)["code"] == "not_http"
