"""Events that a projection could not apply: set aside with an alert, so that one of them doesn't stop all others.

A rebuild tries them again, once what was wrong is mended.
"""

from collections.abc import Mapping, Sequence
from time import time_ns
from typing import Final

import structlog
from prometheus_client import Counter
from sqlalchemy import Connection

from adapters.views.projection import Refusal
from adapters.views.tables import parked_events
from domain.errors import AnamnesisError

PARKED: Final = Counter("anamnesis_parked_events_total", "Events that a projection could not apply", ["view", "code"])

_log = structlog.get_logger("views")


def park(connection: Connection, refused: Mapping[str, Sequence[Refusal]]) -> None:
    """Remember them in the transaction that passes them over. One event is parked once a projection."""
    now_us = time_ns() // 1000
    rows = {
        (name, position): {"projection": name, "position": position, "code": code_of(error), "parked_at_us": now_us}
        for name, refusals in refused.items()
        for position, error in refusals
    }
    if rows:
        connection.execute(parked_events.insert(), list(rows.values()))


def alert(refused: Mapping[str, Sequence[Refusal]]) -> None:
    """Say it in the log and count it for the metrics; after the commit."""
    for name, refusals in refused.items():
        for position, error in refusals:
            code = code_of(error)
            PARKED.labels(name, code).inc()
            _log.warning("event parked", view=name, position=position, code=code)


def code_of(error: Exception) -> str:
    """The product's own code, or the class of what went wrong. Never the error's text: it may quote the record."""
    return error.code if isinstance(error, AnamnesisError) else type(error).__name__[:64]
