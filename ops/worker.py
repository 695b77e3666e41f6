"""The worker: ARQ runs the jobs of ops.jobs at their times, and what the queue holds. It outlives Redis.

ARQ stops at the first lost connection; so it is run again and again here, and said once when Redis goes and once when it
is back. Jobs are synchronous: each runs in a thread and answers with a count.
"""

import asyncio
import contextlib
import signal
import time
from collections.abc import Sequence
from datetime import UTC
from typing import Any, Final

import structlog
from arq.connections import ArqRedis
from arq.cron import CronJob, cron
from arq.typing import WorkerCoroutine
from arq.worker import Retry, Worker, func

from adapters.cache.redis import ANSWER_S, CONNECT_S, FAILURES
from adapters.queue.format import HEALTH_KEY, QUEUE, from_bytes, to_bytes
from domain.errors import AnamnesisError, Unavailable
from ops.bootstrap import System
from ops.jobs.job import Job
from ops.memory import settle

_HEALTH_S: Final = 5
_PAUSE_S: Final = 1.0
_LONGEST_PAUSE_S: Final = 15.0
_JOB_S: Final = 300
_TRIES: Final = 5
_AT: Final = "at:"
_log = structlog.get_logger("ops.worker")


def run(system: System, jobs: Sequence[Job]) -> None:
    """Work until SIGTERM or SIGINT; running jobs get `settings.drain_s` seconds to finish."""
    settle()
    asyncio.run(_run(system, jobs))


async def _run(system: System, jobs: Sequence[Job]) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    redis_is = _RedisState()
    pause_s = _PAUSE_S
    while not stop.is_set():
        began = time.monotonic()
        error = await _work_until_lost(system, jobs, stop, redis_is)
        if error is None:
            return
        redis_is.lost(error)
        pause_s = _PAUSE_S if time.monotonic() - began > _LONGEST_PAUSE_S else min(pause_s * 2, _LONGEST_PAUSE_S)
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(stop.wait(), pause_s)


class _RedisState:
    """Says once that Redis is away, and once that it is back."""

    def __init__(self) -> None:
        self._away = False
        self._begun = False

    def lost(self, error: BaseException) -> None:
        if not self._away:
            _log.warning("Redis can't be reached; background work waits for it", error=type(error).__name__)
        self._away = True

    def found(self) -> None:
        if self._away:
            _log.warning("Redis is back; background work goes on")
        elif not self._begun:
            _log.info("The worker is ready")
        self._away, self._begun = False, True


async def _work_until_lost(
    system: System, jobs: Sequence[Job], stop: asyncio.Event, redis_is: _RedisState
) -> BaseException | None:
    """None when asked to stop, else the error that Redis' absence showed itself by."""
    worker = _arq_worker(system, jobs, redis_is)
    running = asyncio.create_task(worker.async_run())
    stopping = asyncio.create_task(stop.wait())
    try:
        await asyncio.wait({running, stopping}, return_when=asyncio.FIRST_COMPLETED)
        if not running.done():
            await _drain(worker, system.settings.drain_s)
            return None
        error = running.exception()
        if error is not None and not isinstance(error, FAILURES):
            raise error
        return error
    finally:
        for task in (running, stopping, *worker.tasks.values()):
            task.cancel()
        await asyncio.gather(running, stopping, *worker.tasks.values(), return_exceptions=True)
        with contextlib.suppress(*FAILURES):
            if stop.is_set():
                await worker.pool.delete(HEALTH_KEY)
            await worker.pool.aclose(close_connection_pool=True)


async def _drain(worker: Worker, seconds: float) -> None:
    worker.allow_pick_jobs = False
    running = [task for task in worker.tasks.values() if not task.done()]
    if running:
        _log.info("Waiting for running jobs", count=len(running))
        await asyncio.wait(running, timeout=seconds)


def _arq_worker(system: System, jobs: Sequence[Job], redis_is: _RedisState) -> Worker:
    async def started(_ctx: dict[Any, Any]) -> None:
        redis_is.found()

    pool = ArqRedis.from_url(
        system.settings.redis_url, socket_connect_timeout=CONNECT_S, socket_timeout=ANSWER_S, health_check_interval=30
    )
    pool.job_serializer, pool.job_deserializer, pool.default_queue_name = to_bytes, from_bytes, QUEUE
    return Worker(
        queue_name=QUEUE,
        functions=[func(_work(system, job), name=job.name) for job in jobs],
        cron_jobs=[_times(job) for job in jobs if not job.queued],
        max_tries=_TRIES,
        redis_pool=pool,
        on_startup=started,  # type: ignore[arg-type]  # asked for by name - which functions have
        handle_signals=False,
        job_timeout=_JOB_S,
        health_check_interval=_HEALTH_S,
        health_check_key=HEALTH_KEY,
        job_serializer=to_bytes,
        job_deserializer=from_bytes,
        timezone=UTC,
        log_results=False,
    )


def _times(job: Job) -> CronJob:
    """Puts the job into the queue at its times, once however many workers there are.

    It isn't run as ARQ's cron job itself: those keep their in-progress mark for a minute, also when they must be repeated.
    """

    async def put(ctx: dict[Any, Any]) -> None:
        redis: ArqRedis = ctx["redis"]
        await redis.enqueue_job(job.name, _job_id=ctx["job_id"].removeprefix(_AT))

    return cron(
        put,
        name=f"{_AT}{job.name}",
        hour=None if job.hours is None else set(job.hours),
        minute=None if job.minutes is None else set(job.minutes),
        second=set(job.seconds),
        run_at_startup=job.at_start,
    )


def _work(system: System, job: Job) -> WorkerCoroutine:
    async def work(ctx: dict[Any, Any], *arguments: str) -> int:
        began = time.monotonic()
        log = _log.bind(job=job.name, job_id=ctx["job_id"])
        try:
            count = await asyncio.to_thread(job.run, system, *arguments)
        except Unavailable as exc:
            log.warning("A job will be tried again", code=exc.code, **{"try": ctx["job_try"]})
            raise Retry(defer=exc.retry_after_s * 2 ** ctx["job_try"]) from None
        except AnamnesisError as exc:
            log.exception("A job failed", code=exc.code)
            return -1
        except Exception:
            log.exception("A job failed")
            return -1
        if job.often and not count:
            return count
        log.info("A job is done", count=count, ms=round((time.monotonic() - began) * 1000))
        return count

    return work
