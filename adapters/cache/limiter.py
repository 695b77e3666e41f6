"""Rate limits counted in Redis, and in this process's memory while Redis can't be reached."""

import logging
import threading
import time
from collections.abc import Callable
from typing import Final

from limits import RateLimitItemPerSecond
from limits.storage import MemoryStorage, RedisStorage
from limits.strategies import RateLimiter as Strategy
from limits.strategies import SlidingWindowCounterRateLimiter

from adapters.cache.redis import ANSWER_S, CONNECT_S, FAILURES
from domain.ports.limits import Allowance, Limit

RETRY_S: Final = 2.0
"""How long Redis is left alone after it failed, so that a dead host doesn't slow every request down."""
_log = logging.getLogger(__name__)


class RedisRateLimiter:
    """Moving windows shared by all processes.

    While Redis is away each process counts for itself: a limit is then looser by the number of processes, and never
    absent. `monotonic` gives seconds.
    """

    def __init__(self, url: str, *, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._url = url.replace("unix://", "redis+unix://", 1) if url.startswith("unix://") else url
        self._own = SlidingWindowCounterRateLimiter(MemoryStorage())
        self._shared: Strategy | None = None
        self._monotonic = monotonic
        self._lock = threading.Lock()
        self._away_until = 0.0
        self._away = False

    def take(self, limit: Limit, key: str) -> Allowance:
        item = RateLimitItemPerSecond(limit.amount, limit.per_s, namespace="anamnesis")
        if self._monotonic() >= self._away_until:
            try:
                answer = _take(self._connected(), item, limit.name, key)
            except FAILURES as exc:
                self._lost(exc)
            else:
                self._found()
                return answer
        return _take(self._own, item, limit.name, key)

    @property
    def shared(self) -> bool:
        """False while this process counts for itself."""
        return not self._away

    def _connected(self) -> Strategy:
        with self._lock:
            if self._shared is None:
                storage = RedisStorage(self._url, socket_connect_timeout=CONNECT_S, socket_timeout=ANSWER_S)
                self._shared = SlidingWindowCounterRateLimiter(storage)
            return self._shared

    def _lost(self, exc: BaseException) -> None:
        with self._lock:
            self._away_until = self._monotonic() + RETRY_S
            first, self._away = not self._away, True
        if first:
            _log.warning("Redis can't be reached; rate limits are counted by each process alone", exc_info=exc)

    def _found(self) -> None:
        if self._away:
            with self._lock:
                last, self._away = self._away, False
            if last:
                _log.warning("Redis is back; rate limits are shared again")


def _take(strategy: Strategy, item: RateLimitItemPerSecond, name: str, key: str) -> Allowance:
    allowed = strategy.hit(item, name, key)
    window = strategy.get_window_stats(item, name, key)
    retry_after_s = 0.0 if allowed else max(0.1, window.reset_time - time.time())
    return Allowance(allowed=allowed, remaining=max(0, window.remaining), retry_after_s=retry_after_s)
