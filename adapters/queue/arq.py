"""Jobs handed to ARQ workers through Redis, from threads: ARQ's own client is for event loops alone."""

import re
import time
from typing import Final
from uuid import uuid4

import redis
from arq.constants import expires_extra_ms, job_key_prefix, result_key_prefix
from arq.jobs import serialize_job

from adapters.cache.redis import FAILURES
from adapters.queue.format import HEALTH_KEY, QUEUE, to_bytes
from domain.errors import Invalid, QueueUnavailable

# Queues and their tools show arguments: an id, a number or a code fits, a name or a sentence doesn't.
_ARGUMENT: Final = re.compile(r"[0-9A-Za-z:._-]{1,80}")


class JobArgumentInvalid(Invalid):
    code = "job_argument_invalid"
    message = "Arguments of jobs are opaque ids, numbers and codes."


class ArqQueue:
    """Fulfils domain.ports.queue.Queue; may be shared by threads."""

    def __init__(self, client: redis.Redis, *, queue: str = QUEUE) -> None:
        self._client = client
        self._queue = queue

    def put(self, job: str, *arguments: str, job_id: str = "") -> str:
        """As the port says; the same `job_id` is one job from when it is put until an hour after it ended."""
        if wrong := [index for index, one in enumerate(arguments) if not _ARGUMENT.fullmatch(one)]:
            raise JobArgumentInvalid(job=job, argument=wrong[0])
        name = job_id or uuid4().hex
        try:
            self._put(job, arguments, name)
        except FAILURES as exc:
            raise QueueUnavailable(job=job) from exc
        return name

    def healthy(self) -> bool:
        try:
            return bool(self._client.ping())
        except FAILURES:
            return False

    def worker_seen(self) -> bool:
        """Whether a worker reported within the last seconds. Raises QueueUnavailable."""
        try:
            return bool(self._client.exists(HEALTH_KEY))
        except FAILURES as exc:
            raise QueueUnavailable from exc

    def _put(self, job: str, arguments: tuple[str, ...], job_id: str) -> None:
        """ArqRedis.enqueue_job, step by step, on a blocking connection."""
        key = job_key_prefix + job_id
        now_ms = int(time.time() * 1000)
        with self._client.pipeline(transaction=True) as pipe:
            pipe.watch(key)  # type: ignore[no-untyped-call]  # redis-py - leaves this one bare
            if pipe.exists(key, result_key_prefix + job_id):
                return
            pipe.multi()
            pipe.psetex(key, expires_extra_ms, serialize_job(job, arguments, {}, None, now_ms, serializer=to_bytes))
            pipe.zadd(self._queue, {job_id: now_ms})
            try:
                pipe.execute()
            except redis.WatchError:
                return  # put by another process between the look and the write: the same job
