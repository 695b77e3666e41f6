"""The load generator against a small server that counts what it is asked."""

import asyncio
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from ops.bench.load import Ask, Plan, offer
from ops.bench.processes import BenchmarkFailed


class Answering:
    """Reads requests with Content-Length, answers each with `status`, and remembers them."""

    def __init__(self, status: int, close_after: int | None = None) -> None:
        self.status = status
        self.close_after = close_after
        self.seen: list[tuple[bytes, bytes]] = []
        self.connections = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        answered = 0
        try:
            while self.close_after is None or answered < self.close_after:
                head = await reader.readuntil(b"\r\n\r\n")
                length = next(
                    (int(line.split(b":")[1]) for line in head.split(b"\r\n") if line.startswith(b"content-length")), 0
                )
                self.seen.append((head, await reader.readexactly(length)))
                body = b'{"code":"x"}'
                writer.write(b"HTTP/1.1 %d X\r\ncontent-length: %d\r\n\r\n%s" % (self.status, len(body), body))
                await writer.drain()
                answered += 1
        except asyncio.IncompleteReadError:
            pass
        finally:
            writer.close()


@contextmanager
def answering(status: int = 201, close_after: int | None = None) -> Iterator[tuple[Answering, int]]:
    answers = Answering(status, close_after)
    loop = asyncio.new_event_loop()
    server = loop.run_until_complete(asyncio.start_server(answers.serve, "127.0.0.1", 0))
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    try:
        yield answers, server.sockets[0].getsockname()[1]
    finally:

        async def stop() -> None:
            server.close()
            for task in asyncio.all_tasks() - {asyncio.current_task()}:
                task.cancel()
            await asyncio.sleep(0)

        asyncio.run_coroutine_threadsafe(stop(), loop).result()
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


def plan(port: int, **given: object) -> Plan:
    asks = [
        Ask(method="POST", target=f"/{number}", token="t", body='{"é":1}', key=f"k{number}") for number in range(20)
    ]
    return Plan(
        **{"host": "127.0.0.1", "port": port, "connections": 4, "asks": asks, "seconds": 30, "once": True} | given
    )


def test_each_request_is_sent_once_with_its_headers_and_body():
    with answering() as (server, port):
        load = offer(plan(port))
    load.require(201)
    assert load.answers == len(load.latencies_ms) == 20
    assert sorted(head.split()[1] for head, _ in server.seen) == sorted(b"/%d" % number for number in range(20))
    assert {body for _, body in server.seen} == {'{"é":1}'.encode()}
    assert all(b"authorization: Bearer t\r\n" in head and b"idempotency-key: k" in head for head, _ in server.seen)
    assert server.connections == 4


def test_requests_repeat_until_the_time_is_over():
    with answering() as (_, port):
        load = offer(plan(port, once=False, seconds=0.2, warm_up_s=0.1))
    assert load.answers > len(load.latencies_ms) > 20
    assert load.per_s > 100


def test_a_schedule_is_kept_and_each_request_answered():
    with answering() as (server, port):
        load = offer(plan(port, rate=200.0))
    assert load.answers == len(server.seen) == 20


def test_an_answer_with_another_status_makes_no_number():
    with answering(status=503) as (_, port):
        load = offer(plan(port))
    with pytest.raises(BenchmarkFailed, match="503") as caught:
        load.require(201)
    assert json.loads(load.bodies[0])["code"] in str(caught.value)


def test_a_lost_connection_is_counted_as_broken():
    with answering(close_after=2) as (_, port):
        load = offer(plan(port))
    assert load.statuses["201"] == 8
    with pytest.raises(BenchmarkFailed):
        load.require(201)
