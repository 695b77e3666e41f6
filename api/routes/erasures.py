"""Erasing a client's record: what would go, asking for it, how far it has come. For compliance officers."""

from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Query
from starlette.responses import Response

from api.answers import found, written
from api.asks import Reader, Writer
from api.declare import changes, creates, reads
from api.dispatch import Operation
from api.models.erasures import ErasureIn, ErasureOut, ErasurePlanOut, ErasuresOut
from domain.errors import Erased, Invalid
from domain.model.client import ClientNotFound
from domain.model.erasure import Erasure, ErasureBegun, ErasureNotFound, ErasureUnderWay
from domain.ports.erasure import ErasureRow, UnderLegalHold
from domain.services.access import Action, RoleNotPermitted
from domain.services.erasures import Plan, RetentionRunsStill
from domain.services.rendering import instant_as_json, microseconds_as_json

router = APIRouter(prefix="/v1", tags=["Erasure and retention"], route_class=Operation)

_REFUSALS = (RoleNotPermitted, ClientNotFound, Erased)
_ASKING = creates(
    "Ask for a record to be erased",
    *_REFUSALS,
    UnderLegalHold,
    RetentionRunsStill,
    ErasureUnderWay,
    Invalid,
    action=(Action.ERASURE_REQUEST, Action.ERASURE_READ),
)
_ASKING["responses"][200] = {"description": "What would go (`dry_run=true`).", "model": ErasurePlanOut}


@router.post("/clients/{client_id}/erasure", **_ASKING)
def request_erasure(
    client_id: UUID,
    body: ErasureIn,
    ask: Writer,
    *,
    dry_run: Annotated[bool, Query(description="Say what would go, and change nothing.")] = False,
) -> Response:
    """The keys of the whole record are destroyed, and what lies beside the log is removed; it can't be taken back. A worker
    carries it out within seconds, or on the day until which the record must be kept. Where the policy says so, or a hold
    stands, it is refused. `dry_run=true` answers what would go, class by class.
    """
    if dry_run:
        return found(_plan_as_json(ask.services.erasures.plan(ask.call(), client_id, body.basis)))
    erasure_id = ask.runtime.ids.ordered()
    location = f"/v1/erasures/{erasure_id}"
    receipt = ask.services.erasures.request(ask.writing(201, location), erasure_id, client_id, body.basis, body.classes)
    return written(receipt, location=location)


@router.get(
    "/clients/{client_id}/erasures",
    **reads("List a client's erasures", ErasuresOut, RoleNotPermitted, action=Action.ERASURE_READ),
)
def list_erasures(client_id: UUID, ask: Reader) -> Response:
    """All that were ever asked for, oldest first; also of erased clients, and empty for an id that there never was."""
    rows = ask.services.erasures.of_client(ask.call(), client_id)
    return found({"items": [_row_as_json(row) for row in rows]})


@router.get(
    "/erasures/{erasure_id}",
    **reads(
        "Read how an erasure stands",
        ErasureOut,
        RoleNotPermitted,
        ErasureNotFound,
        versioned=True,
        action=Action.ERASURE_READ,
    ),
)
def read_erasure(erasure_id: UUID, ask: Reader) -> Response:
    """With its receipt once it is done: a signed note that `anamnesis erase check` verifies with the log's public key."""
    erasure = ask.services.erasures.read(ask.call(), erasure_id)
    return found(_erasure_as_json(erasure), version=erasure.version)


@router.post(
    "/erasures/{erasure_id}/withdrawn",
    **changes("Withdraw an erasure", RoleNotPermitted, ErasureNotFound, ErasureBegun, action=Action.ERASURE_REQUEST),
)
def withdraw_erasure(erasure_id: UUID, ask: Writer) -> Response:
    """As long as it has not begun: one that is deferred, or still in the queue."""
    return written(ask.services.erasures.withdraw(ask.writing(), erasure_id))


def _erasure_as_json(erasure: Erasure) -> dict[str, Any]:
    return {
        "id": str(erasure.id),
        "client_id": str(erasure.client_id),
        "basis": erasure.basis.value,
        "classes": list(erasure.classes),
        "state": erasure.state.value,
        "requested_at": instant_as_json(erasure.requested_at),
        "due_at": instant_as_json(erasure.due_at),
        "fence_position": erasure.fence_position,
        "events": erasure.events,
        "keys_destroyed": erasure.keys_destroyed,
        "completed_at": instant_as_json(erasure.completed_at),
        "receipt": erasure.receipt,
    }


def _row_as_json(row: ErasureRow) -> dict[str, Any]:
    return {
        "id": str(row.id),
        "classes": list(row.classes),
        "state": row.state,
        "requested_at": microseconds_as_json(row.requested_at_us),
        "due_at": microseconds_as_json(row.due_at_us),
    }


def _plan_as_json(plan: Plan) -> dict[str, Any]:
    verdicts = {verdict.record_class: verdict for verdict in plan.verdicts}
    holdings: list[dict[str, Any]] = []
    for holding in plan.holdings:
        verdict = verdicts.get(holding.record_class)
        gone_from = verdict.gone_from if verdict else None
        holdings.append(
            {
                "record_class": holding.record_class.value,
                "events": holding.events,
                "last_entry_at": microseconds_as_json(holding.last_at_us),
                "kept_until": verdict.kept_until.isoformat() if verdict else None,
                "gone_from": gone_from.isoformat() if gone_from else None,
                "basis": verdict.basis if verdict else "",
            }
        )
    return {
        "client_id": str(plan.client_id),
        "outcome": plan.outcome,
        "kept_until": plan.kept_until.isoformat() if plan.kept_until else None,
        "holds": [str(hold) for hold in plan.holds],
        "under_way": str(plan.under_way) if plan.under_way else None,
        "holdings": holdings,
    }
