"""Rate limits: a bounded number of takes in a moving window, shared by every process that can reach the counter."""

from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True, kw_only=True)
class Limit:
    """`amount` takes every `per_s` seconds. `name` keeps the counters of different limits apart."""

    name: str
    amount: int
    per_s: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Allowance:
    """What a take was answered. `retry_after_s` is 0.0 when it was allowed, else seconds until one would be."""

    allowed: bool
    remaining: int
    retry_after_s: float = 0.0


class RateLimiter(Protocol):
    def take(self, limit: Limit, key: str) -> Allowance:
        """Count one take of `limit` for `key` (an opaque id, or an HMAC of an address: never what a person typed).

        Never raises: where the shared counter can't be reached, each process counts for itself.
        """
