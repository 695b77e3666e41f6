"""Background work. Arguments are opaque ids and numbers: queues log them."""

from typing import Protocol


class Queue(Protocol):
    def put(self, job: str, *arguments: str, job_id: str = "") -> str:
        """Queue `job`; the same `job_id` twice is one job. Returns the id. Raises QueueUnavailable."""

    def healthy(self) -> bool:
        """Whether the queue answers now; never raises."""
