"""How stored forms of earlier schema versions are read: from each version to the next, one small pure function.

An upcaster takes the JSON object of the state (`kind`, `at` and the fields) as it was written under that version and
returns it as the next version would have written it; it may rename the kind. A pair that isn't listed is unchanged.
"""

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, Final

State = dict[str, Any]
Upcaster = Callable[[State], State]
Upcasters = Mapping[tuple[str, int], Upcaster]


def _without_scopes(state: State) -> State:
    """Accounts had no scopes before there were service accounts."""
    return {**state, "scopes": []}


def _for_oneself(state: State) -> State:
    """Nobody acted for another before there were grants, and entries named the clients of a list among their resources."""
    return {**state, "on_behalf_of": None, "clients": []}


def _of_no_class_of_its_own(state: State) -> State:
    """Records of substance-use treatment were not kept apart."""
    return {**state, "substance_use": False}


_MARKED: Final = (
    "session.recorded",
    "goal.set",
    "measure.recorded",
    "diagnosis.recorded",
    "medication.recorded",
    "transcript.attached",
)
UPCASTERS: Final[Upcasters] = MappingProxyType(
    {("account.created", 1): _without_scopes, ("audit.entry", 1): _for_oneself}
    | {(kind, 1): _of_no_class_of_its_own for kind in _MARKED}
)
"""By (precise kind, version it was written under)."""


def upcast(state: State, written: int, current: int, upcasters: Upcasters = UPCASTERS) -> State:
    """Step through the versions between."""
    for number in range(written, current):
        step = upcasters.get((state["kind"], number))
        if step is not None:
            state = step(state)
    return state
