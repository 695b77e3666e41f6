"""Which rows of the tables of holds and erasures follow from which event. Pure."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from sqlalchemy import bindparam, insert, update

from adapters.access.instants import microseconds
from adapters.access.tables import erasures, legal_holds
from adapters.event_store.rows import StateWrite
from domain.model.erasure import Erasure, ErasureState
from domain.model.legal_hold import LegalHold

_ADD_ERASURE: Final = insert(erasures)
_SET_ERASURE: Final = update(erasures).where(erasures.c.id == bindparam("erasure"))
_ADD_HOLD: Final = insert(legal_holds)
_LIFT_HOLD: Final = update(legal_holds).where(legal_holds.c.id == bindparam("hold")).values(lifted=True)


def _requested(event: Erasure.Requested, _: Any) -> Sequence[StateWrite]:
    row = {
        "id": event.originator_id,
        "client_id": event.client_id,
        "classes": " ".join(event.classes),
        "state": ErasureState.REQUESTED.value,
        "requested_at_us": microseconds(event.timestamp),
        "due_at_us": microseconds(event.due_at),
        "number": 0,
        "redacted": b"",
    }
    return (StateWrite(statement=_ADD_ERASURE, parameters=row),)


def _fenced(event: Erasure.Fenced, _: Any) -> Sequence[StateWrite]:
    return _set(event, state=ErasureState.FENCED.value, number=event.number)


def _recorded(event: Erasure.Recorded, _: Any) -> Sequence[StateWrite]:
    return _set(event, state=ErasureState.RECORDED.value, redacted=packed(event.redacted))


def _became(state: ErasureState) -> Callable[[Any, Any], Sequence[StateWrite]]:
    def became(event: Erasure.Event, _: Any) -> Sequence[StateWrite]:
        return _set(event, state=state.value)

    return became


def _set(event: Erasure.Event, **changes: Any) -> Sequence[StateWrite]:
    return (StateWrite(statement=_SET_ERASURE, parameters={"erasure": event.originator_id, **changes}),)


def _hold_placed(event: LegalHold.Placed, _: Any) -> Sequence[StateWrite]:
    row = {
        "id": event.originator_id,
        "client_id": event.client_id,
        "placed_at_us": microseconds(event.timestamp),
        "lifted": False,
    }
    return (StateWrite(statement=_ADD_HOLD, parameters=row),)


def _hold_lifted(event: LegalHold.Lifted, _: Any) -> Sequence[StateWrite]:
    return (StateWrite(statement=_LIFT_HOLD, parameters={"hold": event.originator_id}),)


def packed(positions: Sequence[int]) -> bytes:
    """Eight bytes a position, big-endian."""
    return b"".join(position.to_bytes(8, "big") for position in positions)


def unpacked(stored: bytes) -> tuple[int, ...]:
    return tuple(int.from_bytes(stored[start : start + 8], "big") for start in range(0, len(stored), 8))


RULES: Final[Mapping[type[Any], Callable[[Any, Any], Sequence[StateWrite]]]] = {
    Erasure.Requested: _requested,
    Erasure.Fenced: _fenced,
    Erasure.KeysDestroyed: _became(ErasureState.KEYS_DESTROYED),
    Erasure.Purged: _became(ErasureState.PURGED),
    Erasure.Recorded: _recorded,
    Erasure.Completed: _became(ErasureState.COMPLETED),
    Erasure.Withdrawn: _became(ErasureState.WITHDRAWN),
    Erasure.Refused: _became(ErasureState.REFUSED),
    LegalHold.Placed: _hold_placed,
    LegalHold.Lifted: _hold_lifted,
}
