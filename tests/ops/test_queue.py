import asyncio
from pathlib import Path
from typing import Any

import pytest
from arq.connections import ArqRedis
from arq.worker import Worker, func

from adapters.cache.redis import connect, ping
from adapters.queue.arq import ArqQueue, JobArgumentInvalid
from adapters.queue.format import HEALTH_KEY, QUEUE, from_bytes, to_bytes
from domain.errors import QueueUnavailable
from tests.ops.conftest import StoppableRedis


def work_off(url: str, seen: list[tuple[str, ...]]) -> int:
    """Run ARQ's own worker until the queue is empty; returns how many jobs it did."""

    async def job(_ctx: dict[Any, Any], *arguments: str) -> None:
        seen.append(arguments)

    async def run() -> int:
        pool = ArqRedis.from_url(url)
        pool.default_queue_name = QUEUE
        worker = Worker(
            [func(job, name="job")],
            queue_name=QUEUE,
            redis_pool=pool,
            burst=True,
            poll_delay=0.01,
            handle_signals=False,
            job_serializer=to_bytes,
            job_deserializer=from_bytes,
        )
        done = await worker.run_check()
        await pool.aclose(close_connection_pool=True)
        return done

    return asyncio.run(run())


def test_arqs_own_worker_does_what_was_put(stoppable_redis: StoppableRedis) -> None:
    client = connect(stoppable_redis.url)
    queue = ArqQueue(client)
    seen: list[tuple[str, ...]] = []

    queue.put("job", "0192f7a0-0000-7000-8000-000000000000", "7")

    assert work_off(stoppable_redis.url, seen) == 1
    assert seen == [("0192f7a0-0000-7000-8000-000000000000", "7")]
    client.close()


def test_the_same_job_id_is_one_job_also_after_it_ran(stoppable_redis: StoppableRedis) -> None:
    client = connect(stoppable_redis.url)
    queue = ArqQueue(client)
    seen: list[tuple[str, ...]] = []

    assert [queue.put("job", job_id="once") for _ in range(2)] == ["once", "once"]
    assert work_off(stoppable_redis.url, seen) == 1
    queue.put("job", job_id="once")

    assert work_off(stoppable_redis.url, seen) == 0
    client.close()


@pytest.mark.parametrize("argument", ["Ada Lovelace", "", "a" * 81, "said:\n", "ärger"])
def test_what_a_person_may_have_typed_is_refused_as_an_argument(stoppable_redis: StoppableRedis, argument: str) -> None:
    client = connect(stoppable_redis.url)

    with pytest.raises(JobArgumentInvalid) as caught:
        ArqQueue(client).put("job", "1", argument)

    assert caught.value.facts["argument"] == "1"
    assert not client.exists(QUEUE)
    client.close()


def test_a_queue_that_is_down_says_so(tmp_path: Path) -> None:
    client = connect(f"unix://{tmp_path}/nobody.sock")
    queue = ArqQueue(client)

    assert not queue.healthy()
    with pytest.raises(QueueUnavailable):
        queue.put("job")
    with pytest.raises(QueueUnavailable):
        queue.worker_seen()
    with pytest.raises(QueueUnavailable):
        ping(client)
    client.close()


def test_a_queue_works_again_once_redis_is_back(stoppable_redis: StoppableRedis) -> None:
    client = connect(stoppable_redis.url)
    queue = ArqQueue(client)
    assert queue.healthy()

    stoppable_redis.stop()
    assert not queue.healthy()
    stoppable_redis.start()

    assert queue.put("job", job_id="later") == "later"
    client.close()


def test_a_worker_is_seen_by_its_sign_of_life(stoppable_redis: StoppableRedis) -> None:
    client = connect(stoppable_redis.url)
    queue = ArqQueue(client)

    assert not queue.worker_seen()
    client.set(HEALTH_KEY, "here")

    assert queue.worker_seen()
    client.close()


def test_an_outcome_that_is_no_json_is_stored_as_its_class_alone() -> None:
    assert from_bytes(to_bytes({"r": ValueError("what somebody said")})) == {"r": "ValueError"}
    with pytest.raises(TypeError):
        to_bytes({"r": object()})
