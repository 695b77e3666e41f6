from pathlib import Path

import pytest

from adapters.cache.limiter import RETRY_S, RedisRateLimiter
from domain.ports.limits import Limit
from tests.ops.conftest import StoppableRedis

FIVE = Limit(name="sign-in", amount=5, per_s=60)


class Seconds:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def test_a_limit_is_shared_by_all_processes(stoppable_redis: StoppableRedis) -> None:
    first, second = RedisRateLimiter(stoppable_redis.url), RedisRateLimiter(stoppable_redis.url)

    answers = [limiter.take(FIVE, "a").allowed for limiter in (first, second) * 3]

    assert answers == [True] * 5 + [False]
    assert first.shared


def test_a_refusal_says_when_to_come_back(stoppable_redis: StoppableRedis) -> None:
    limiter = RedisRateLimiter(stoppable_redis.url)
    for _ in range(5):
        limiter.take(FIVE, "a")

    refused = limiter.take(FIVE, "a")

    assert not refused.allowed
    assert refused.remaining == 0
    assert 0 < refused.retry_after_s <= FIVE.per_s


def test_keys_and_limits_are_counted_apart(stoppable_redis: StoppableRedis) -> None:
    limiter = RedisRateLimiter(stoppable_redis.url)
    for _ in range(5):
        limiter.take(FIVE, "a")

    assert limiter.take(FIVE, "b").allowed
    assert limiter.take(Limit(name="reads", amount=5, per_s=60), "a").allowed


def test_without_redis_each_process_counts_for_itself_and_the_limit_still_holds(tmp_path: Path) -> None:
    limiter = RedisRateLimiter(f"unix://{tmp_path}/nobody.sock")

    answers = [limiter.take(FIVE, "a").allowed for _ in range(6)]

    assert answers == [True] * 5 + [False]
    assert not limiter.shared


def test_redis_is_left_alone_for_a_while_after_it_failed_and_then_found_again(
    stoppable_redis: StoppableRedis, caplog: pytest.LogCaptureFixture
) -> None:
    seconds = Seconds()
    limiter = RedisRateLimiter(stoppable_redis.url, monotonic=seconds)
    assert limiter.take(FIVE, "a").allowed

    stoppable_redis.stop()
    for _ in range(3):
        limiter.take(FIVE, "a")
    assert not limiter.shared
    assert len(caplog.records) == 1

    stoppable_redis.start()
    limiter.take(FIVE, "a")
    assert not limiter.shared

    seconds.now += RETRY_S
    limiter.take(FIVE, "a")
    assert limiter.shared
    assert len(caplog.records) == 2
