"""What a background job is: a function of the system, run by one worker at its times, safe to run again."""

from collections.abc import Callable
from dataclasses import dataclass

from domain.services.policy import Action


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """`run` returns how many things it did. `hours`, `minutes` and `seconds` name the times, UTC; None is every one.

    A `queued` one has no times: it runs when somebody puts it into the queue, with the arguments that come along, which
    are ids and codes as text.
    """

    name: str
    run: Callable[..., int]
    queued: bool = False
    hours: frozenset[int] | None = None
    minutes: frozenset[int] | None = frozenset({0})
    seconds: frozenset[int] = frozenset({0})
    at_start: bool = False
    """Also when a worker begins."""
    often: bool = False
    """Runs so often that the log only tells of the times when there was something to do."""
    actions: tuple[Action, ...] = ()
    """The permissions it asks for, and what its audit entries say."""
