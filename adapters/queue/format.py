"""How jobs lie in Redis: ARQ's layout, as JSON. Never pickle: whoever could write to Redis could then run code here."""

from typing import Any, Final

import orjson

QUEUE: Final = "anamnesis:jobs"
HEALTH_KEY: Final = "anamnesis:worker:health"
"""Set by a running worker every few seconds, gone soon after it ends."""


def to_bytes(value: dict[str, Any]) -> bytes:
    """Raises TypeError for what isn't JSON; a job's outcome that isn't is written as its class name."""
    return orjson.dumps(value, default=_class_name)


def from_bytes(value: bytes) -> dict[str, Any]:
    """Raises ValueError."""
    return dict(orjson.loads(value))


def _class_name(value: object) -> str:
    if isinstance(value, BaseException):
        return type(value).__name__
    raise TypeError(f"{type(value).__name__} is not JSON")
