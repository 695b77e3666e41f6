"""The log for those who check it: the newest checkpoint, and proofs."""

from base64 import b64encode
from collections.abc import Sequence
from typing import Annotated, Final

from fastapi import APIRouter, Query
from starlette.responses import Response

from api.answers import JSON, found, represented
from api.asks import Reader
from api.declare import reads, represents
from api.dispatch import Operation
from api.errors import NotAcceptable
from api.models.log import CheckpointOut, ConsistencyProofOut, InclusionProofOut
from api.negotiation import preferred
from domain.model.checks import OutOfRange
from domain.ports.log import CheckpointMissing, ProofOutOfRange
from domain.services.access import Action, RoleNotPermitted, ScopeNotPermitted

router = APIRouter(prefix="/v1/log", tags=["Log"], route_class=Operation)
_TEXT: Final = "text/plain"
_MOST: Final = 2**63 - 1
Position = Annotated[int, Query(ge=1, le=_MOST, description="As answers and audit entries name it.")]
Size = Annotated[
    int | None, Query(ge=0, le=_MOST, description="Leaves of the tree; without it, those of the newest checkpoint.")
]


@router.get(
    "/checkpoint",
    **represents(
        "Read the newest checkpoint",
        {JSON: CheckpointOut, _TEXT: str},
        CheckpointMissing,
        NotAcceptable,
        RoleNotPermitted,
        ScopeNotPermitted,
        action=Action.LOG_READ,
    ),
)
def read_checkpoint(ask: Reader) -> Response:
    """What the log was at a size, signed by the deployment's key and cosigned by its witnesses: a C2SP checkpoint. As
    `text/plain` it is the signed note alone. Keep it somewhere else: a log that contradicts it later was changed.
    """
    wanted = preferred(ask.origin.headers.get("accept"), (JSON, _TEXT))
    latest = ask.services.log.checkpoint(ask.call())
    if wanted == _TEXT:
        return represented(latest.note.encode(), _TEXT)
    document = {"origin": latest.origin, "size": latest.size, "root": _text(latest.root), "note": latest.note}
    return found(document, vary="Accept")


@router.get(
    "/proofs/inclusion",
    **reads(
        "Prove that a position is in the log",
        InclusionProofOut,
        CheckpointMissing,
        ProofOutOfRange,
        OutOfRange,
        RoleNotPermitted,
        ScopeNotPermitted,
        action=Action.LOG_READ,
    ),
)
def prove_inclusion(ask: Reader, position: Position, size: Size = None) -> Response:
    """For any position, whether or not the caller may see what stands there: a leaf is a hash over random ids and sealed
    content, and tells nothing. Held against a checkpoint it shows that the position is still what it was.
    """
    proof = ask.services.log.inclusion(ask.call(), position, size)
    return found(
        {
            "position": proof.position,
            "size": proof.size,
            "leaf": _text(proof.leaf),
            "hashes": _texts(proof.hashes),
            "root": _text(proof.root),
        }
    )


@router.get(
    "/proofs/consistency",
    **reads(
        "Prove that the log only grew",
        ConsistencyProofOut,
        CheckpointMissing,
        ProofOutOfRange,
        OutOfRange,
        RoleNotPermitted,
        ScopeNotPermitted,
        action=Action.LOG_READ,
    ),
)
def prove_consistency(
    ask: Reader,
    first: Annotated[int, Query(ge=0, le=_MOST, description="Size of a checkpoint that you kept.")],
    second: Size = None,
) -> Response:
    """Between two sizes: nothing that the smaller tree held was changed or taken out since."""
    proof = ask.services.log.consistency(ask.call(), first, second)
    return found(
        {
            "first": proof.first,
            "second": proof.second,
            "first_root": _text(proof.first_root),
            "second_root": _text(proof.second_root),
            "hashes": _texts(proof.hashes),
        }
    )


def _text(content: bytes) -> str:
    return b64encode(content).decode()


def _texts(hashes: Sequence[bytes]) -> list[str]:
    return [_text(each) for each in hashes]
