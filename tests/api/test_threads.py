"""The hop into a thread and back."""

import asyncio
import threading

import pytest

from api.plan import Plan
from api.threads import Threads


@pytest.fixture
def threads():
    pool = Threads(3, "test")
    yield pool
    pool.stop()


def test_result_comes_back_from_another_thread(threads):
    assert asyncio.run(threads.run(lambda x: (x * 2, threading.current_thread().name), 21))[0] == 42


def test_error_is_raised_where_it_is_awaited(threads):
    def fail():
        raise KeyError("x")

    with pytest.raises(KeyError):
        asyncio.run(threads.run(fail))


def test_as_many_run_at_once_as_there_are_threads(threads):
    together = threading.Barrier(3)

    async def all_three():
        return await asyncio.gather(*[threads.run(together.wait, 10) for _ in range(3)])

    assert sorted(asyncio.run(all_three())) == [0, 1, 2]


def test_caller_who_left_is_not_missed(threads):
    begun, leave = threading.Event(), threading.Event()

    def work():
        begun.set()
        return leave.wait(10)

    async def go_away():
        waiting = asyncio.ensure_future(threads.run(work))
        await asyncio.to_thread(begun.wait, 10)
        waiting.cancel()
        leave.set()
        with pytest.raises(asyncio.CancelledError):
            await waiting
        return await threads.run(lambda: "still working")

    assert asyncio.run(go_away()) == "still working"


def test_stopping_lets_what_runs_finish(threads):
    done = []

    async def begin():
        await asyncio.gather(*[threads.run(done.append, number) for number in range(20)])

    asyncio.run(begin())
    threads.stop()
    assert sorted(done) == list(range(20))


def test_threads_can_be_used_again_after_stopping(threads):
    asyncio.run(threads.run(int))
    threads.stop()
    assert asyncio.run(threads.run(int)) == 0


def test_endpoint_that_asks_for_nobody_is_refused_at_import():
    def careless(session_id: str) -> None:
        """Would be open to everybody."""

    with pytest.raises(TypeError, match="careless"):
        Plan.of(careless, "/v1/sessions/{session_id}")
