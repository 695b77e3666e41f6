"""What the commands about erasure, holds and retention do, on the host."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any
from uuid import UUID

from adapters.erasure.notes import receipt_body
from adapters.files import write_new
from adapters.log.notes import VerifierKey
from domain.errors import Invalid
from domain.model.erasure import Erasure, ErasureBasis, ErasureState
from domain.model.legal_hold import HoldBasis, LegalHold
from domain.services.erasures import Plan
from domain.services.retention import RetentionPlan
from ops.bootstrap import System
from ops.erasing import erasing, retention
from ops.hosting import call_of_host, hosted

_CLOSED = frozenset((ErasureState.WITHDRAWN.value, ErasureState.REFUSED.value))


def planned(client_id: UUID, basis: ErasureBasis) -> Plan:
    """Raises ClientNotFound, Erased and what `build` raises."""
    with hosted() as system:
        return system.services.erasures.plan(call_of_host(system), client_id, basis)


def erase(client_id: UUID, basis: ErasureBasis) -> Erasure:
    """Ask for it and carry it out; one that stands already is carried on with, one that is over is told again.

    Raises what ErasureService.request and ErasingService.carry_out raise.
    """
    with hosted() as system:
        service = erasing(system)
        standing = _standing(system, client_id)
        if standing is None:
            standing = system.ids.ordered()
            system.services.erasures.request(call_of_host(system), standing, client_id, basis)
        return service.carry_out(call_of_host(system), standing)


def _standing(system: System, client_id: UUID) -> UUID | None:
    rows = system.services.erasures.of_client(call_of_host(system), client_id)
    counting = [row for row in rows if row.state not in _CLOSED and not row.classes]
    return counting[-1].id if counting else None


def keep(file: Path, receipt: str) -> None:
    """Write a receipt into a file that isn't there yet. Raises Invalid; the receipt is also off the box, and in the erasure."""
    try:
        write_new(file, receipt.encode())
    except OSError as exc:
        raise Invalid("The receipt can't be written there.", file=file, reason=type(exc).__name__) from exc


def checked(receipt: Path, key: str) -> dict[str, Any]:
    """What a receipt attests. Raises NoteInvalid, VerifierKeyInvalid, Invalid for a file that can't be read."""
    try:
        content = receipt.read_bytes()
    except OSError as exc:
        raise Invalid("The receipt can't be read.", file=receipt, reason=type(exc).__name__) from exc
    return receipt_body(content, VerifierKey.parse(key))


def place_hold(client_id: UUID, basis: HoldBasis, matter: str) -> UUID:
    """Raises ClientNotFound, Erased, TextNotAllowed."""
    with hosted() as system:
        hold_id = system.ids.ordered()
        system.services.holds.place(call_of_host(system), hold_id, client_id, basis, matter)
        return hold_id


def lift_hold(hold_id: UUID) -> None:
    """Raises HoldNotFound, HoldLifted."""
    with hosted() as system:
        system.services.holds.lift(call_of_host(system), hold_id)


def holds_of(client_id: UUID) -> Sequence[LegalHold]:
    with hosted() as system:
        return system.services.holds.of_client(call_of_host(system), client_id)


def retention_plan() -> RetentionPlan:
    """Raises RetentionPolicyInvalid."""
    with hosted() as system:
        return retention(system).plan(call_of_host(system))


def run_retention() -> tuple[int, int]:
    """How many erasures were asked for, and how many of those that were due are over. Raises as the services do; what one
    client's erasure waits for keeps none of the others.
    """
    from domain.services.erasing import carried_out  # noqa: PLC0415 - as the commands: what runs is imported when it runs

    with hosted() as system:
        asked = retention(system).sweep(call_of_host(system))
        service = erasing(system)
        done = sum(carried_out(service, call_of_host(system), each)[0] for each in service.due(call_of_host(system)))
        return len(asked), done
