"""Connections to Redis that give up quickly: nothing a person waits for depends on it."""

from typing import Any, Final

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from domain.errors import QueueUnavailable

CONNECT_S: Final = 0.25
ANSWER_S: Final = 1.0
FAILURES: Final = (redis.RedisError, OSError)
"""What a Redis that is down, gone, full or not ours raises."""


def connect(url: str) -> redis.Redis:
    """A client for redis://, rediss:// or unix:// URLs. Connects at its first command, and again after each failure."""
    return redis.Redis.from_url(
        url,
        socket_connect_timeout=CONNECT_S,
        socket_timeout=ANSWER_S,
        # One more try for a connection that Redis closed while it was idle; no pause, the caller is waiting.
        retry=Retry(NoBackoff(), 1),
        health_check_interval=30,
    )


def ping(client: redis.Redis) -> str:
    """The server's version. Raises QueueUnavailable."""
    try:
        server: Any = client.info("server")
        return str(server.get("redis_version", "unknown"))
    except FAILURES as exc:
        raise QueueUnavailable(reason=type(exc).__name__) from exc
