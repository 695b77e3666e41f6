"""Carrying an erasure out, step by step: fence, keys, rows, processes, record, receipt. For the worker and the host.

After each step an event says that it is done, so that whoever comes after a crash goes on there; each step does no harm
when it is done twice.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from domain.errors import AnamnesisError, StaleVersion
from domain.model.erasure import Erasure, ErasureState
from domain.ports.audit import AuditEntry, Outcome
from domain.ports.call import Call
from domain.ports.erasure import Eraser, ErasureNote, ErasureRegister, FencedByAnother, UnderLegalHold
from domain.ports.ids import Clock
from domain.ports.keys import RecordClass
from domain.ports.ledger import Ledger
from domain.ports.stores import AggregateStore
from domain.services.access import Access, Action

_STEPS_MOST: Final = 24
"""Six, and as many again for each time that another process was quicker."""


class ErasingService:
    def __init__(  # noqa: PLR0913 - wiring
        self,
        *,
        ledger: Ledger,
        access: Access,
        erasures: AggregateStore[Erasure],
        register: ErasureRegister,
        eraser: Eraser,
        clock: Clock,
    ) -> None:
        self._ledger = ledger
        self._access = access
        self._erasures = erasures
        self._register = register
        self._eraser = eraser
        self._clock = clock

    def due(self, call: Call) -> Sequence[UUID]:
        """What has begun and must be ended, and what waits and whose day has come. Raises Denied, StoreUnavailable."""
        self._access.require(call, Action.ERASURE_CARRY_OUT, RecordClass.ACCESS)
        return self._register.due(_microseconds(call.at))

    def carry_out(self, call: Call, erasure_id: UUID) -> Erasure:
        """Every step that is left; the erasure as it stands then. One that is over, or not due, is left alone.

        Raises UnderLegalHold (it waits until the hold is lifted), OffBoxMissing and OffBoxUnavailable (nothing more is
        destroyed), StoreUnavailable, KeysUnavailable, Unavailable (a process does not let go), ErasureNotFound, Denied.
        """
        self._access.require(call, Action.ERASURE_CARRY_OUT, RecordClass.ACCESS, resources=(erasure_id,))
        self._eraser.check()
        erasure = self._erasures.get(erasure_id)
        if erasure.state is ErasureState.REQUESTED and erasure.due_at > call.at:
            return erasure
        for _ in range(_STEPS_MOST):
            if erasure.over:
                break
            try:
                self._step(call, erasure)
            except StaleVersion:
                # The worker and a command may be at it together: a step done twice does no harm, and one of them said so.
                erasure = self._erasures.get(erasure_id)
        return erasure

    def _step(self, call: Call, erasure: Erasure) -> None:
        match erasure.state:
            case ErasureState.REQUESTED:
                self._fence(call, erasure)
            case ErasureState.FENCED:
                self._destroy_keys(call, erasure)
            case ErasureState.KEYS_DESTROYED:
                self._purge(call, erasure)
            case ErasureState.PURGED:
                self._record(call, erasure)
            case _:
                self._complete(call, erasure)

    def _fence(self, call: Call, erasure: Erasure) -> None:
        held = self._register.holdings(erasure.client_id)
        try:
            fence = self._eraser.fence(erasure.id, erasure.client_id, erasure.classes)
        except UnderLegalHold as error:
            self._ledger.note(call, _entry(erasure, error.code, Outcome.FAILED))
            raise
        except FencedByAnother as error:
            erasure.refuse(at=self._clock.now())
            self._ledger.save(call, _entry(erasure, error.code, Outcome.FAILED), erasure)
            return
        events = sum(each.events for each in held if erasure.whole or each.record_class in erasure.classes)
        erasure.fence(at=self._clock.now(), position=fence.position, number=fence.number, events=events)
        self._save(call, erasure)

    def _destroy_keys(self, call: Call, erasure: Erasure) -> None:
        # In the register before any key goes: a back-up restored at any moment from now on is told of it.
        self._eraser.announce(note_of(erasure))
        at = self._clock.now()
        keys = self._eraser.destroy_keys(erasure.client_id, erasure.classes, at)
        erasure.destroy_keys(at=at, keys=keys)
        self._save(call, erasure)

    def _purge(self, call: Call, erasure: Erasure) -> None:
        purged = self._eraser.purge(erasure.id, erasure.client_id, erasure.classes, erasure.fence_position)
        erasure.purge(at=self._clock.now(), rows=purged.rows)
        self._save(call, erasure)

    def _record(self, call: Call, erasure: Erasure) -> None:
        released = self._eraser.released(erasure.number)
        # Whoever was under way at the fence may have written beside the log or made a key since; now nobody is.
        self._eraser.destroy_keys(erasure.client_id, erasure.classes, self._clock.now())
        late = self._eraser.purge(erasure.id, erasure.client_id, erasure.classes, erasure.fence_position)
        erasure.record(
            at=self._clock.now(),
            acknowledged=released.acknowledged,
            expired=released.expired,
            redacted=late.redacted,
        )
        self._eraser.record(call, _entry(erasure, erasure.state.value), erasure, facts_of(erasure))

    def _complete(self, call: Call, erasure: Erasure) -> None:
        # The log names these positions already: a state is never missing without a reason.
        self._eraser.redact(erasure.redacted)
        receipt = self._eraser.receipt(erasure.id, receipt_of(erasure))
        erasure.complete(at=self._clock.now(), receipt=receipt)
        self._save(call, erasure)

    def _save(self, call: Call, erasure: Erasure) -> None:
        self._ledger.save(call, _entry(erasure, erasure.state.value), erasure)


def carried_out(service: ErasingService, call: Call, erasure_id: UUID) -> tuple[int, AnamnesisError | None]:
    """1 when it is over now, and what stands in its way otherwise; for those who go through many."""
    try:
        return int(service.carry_out(call, erasure_id).over), None
    except StaleVersion:
        return 0, None  # another worker does it
    except AnamnesisError as error:
        return 0, error


def note_of(erasure: Erasure) -> ErasureNote:
    """What the register keeps. Raises ValueError before the fence stands."""
    if erasure.fenced_at is None:
        raise ValueError("an erasure is announced once it is fenced")
    return ErasureNote(
        erasure_id=erasure.id,
        client_id=erasure.client_id,
        classes=erasure.classes,
        fence_position=erasure.fence_position,
        at=erasure.fenced_at,
    )


def facts_of(erasure: Erasure) -> dict[str, Any]:
    """What the record about the log says: no person, and what a verifier needs to excuse what is missing."""
    return {
        "erasure": str(erasure.id),
        "client": str(erasure.client_id),
        "classes": [each.value for each in erasure.classes],
        "basis": erasure.basis.value,
        "fence_position": erasure.fence_position,
        "events": erasure.events,
        "keys": erasure.keys_destroyed,
        "rows": erasure.rows_purged,
        "redacted": list(erasure.redacted),
    }


def receipt_of(erasure: Erasure) -> dict[str, Any]:
    """What an auditor checks years later: each step with its time, and the counts."""
    return facts_of(erasure) | {
        "requested_at": _text(erasure.requested_at),
        "fenced_at": _text(erasure.fenced_at),
        "keys_destroyed_at": _text(erasure.keys_destroyed_at),
        "purged_at": _text(erasure.purged_at),
        "recorded_at": _text(erasure.recorded_at),
        "leases_acknowledged": erasure.leases_acknowledged,
        "leases_expired": erasure.leases_expired,
    }


def _entry(erasure: Erasure, reason: str, outcome: Outcome = Outcome.ALLOWED) -> AuditEntry:
    return AuditEntry(
        action=Action.ERASURE_CARRY_OUT,
        client_id=erasure.client_id,
        resources=(erasure.id,),
        outcome=outcome,
        reason=reason,
    )


def _text(at: datetime | None) -> str | None:
    return None if at is None else at.isoformat().replace("+00:00", "Z")


def _microseconds(at: datetime) -> int:
    return int(at.timestamp() * 1_000_000)
