"""Taking a whole record out."""

from typing import Annotated
from uuid import UUID

import orjson
from fastapi import APIRouter, Query
from starlette.responses import Response

from api.answers import JSON, represented
from api.asks import Reader
from api.declare import represents
from api.dispatch import Operation
from api.errors import NotAcceptable
from api.models.exports import ExportOut
from api.models.pages import Flag
from api.negotiation import preferred
from domain.errors import Erased
from domain.model.client import ClientNotFound
from domain.services.access import Action, ConsentMissing, OutsideCareTeam, RelationNotPermitted, RoleNotPermitted
from domain.services.exports import export_as_json
from domain.services.notes import NotesClosed

FHIR = "application/fhir+json"
router = APIRouter(prefix="/v1/clients", tags=["Export"], route_class=Operation)


@router.get(
    "/{client_id}/export",
    **represents(
        "Export a whole record",
        {JSON: ExportOut, FHIR: dict},
        ClientNotFound,
        Erased,
        RoleNotPermitted,
        OutsideCareTeam,
        RelationNotPermitted,
        ConsentMissing,
        NotAcceptable,
        NotesClosed,
        action=(Action.EXPORT_MAKE, Action.NOTE_READ),
    ),
)
def export_client(
    client_id: UUID,
    ask: Reader,
    notes: Annotated[Flag, Query(description="Whether one's own psychotherapy notes go along; only in JSON.")] = None,
) -> Response:
    """Everything about one client in one document, for the client and for who leads the treatment. The project's own JSON also
    holds the history, for who leads the treatment, and `anamnesis import json` makes the same record of it elsewhere;
    `Accept: application/fhir+json` gives the record as it stands as a FHIR R4B bundle.

    Psychotherapy notes are not in it, unless their author asks for their own; drafts and the audit never are. Substance-use records are in the client's own export, and in
    others with the client's consent; `notices` then carries the rules that bind whoever receives them.
    """
    wanted = preferred(ask.origin.headers.get("accept"), (JSON, FHIR))
    if notes and wanted == FHIR:  # rather than a bundle that looks as if there were none
        raise NotAcceptable(offered=JSON)
    own = ask.services.notes.for_export(ask.call(), client_id) if notes else ()
    export = ask.services.exports.make(ask.call(), client_id, notes=own)
    body = ask.runtime.fhir.bundle(export) if wanted == FHIR else orjson.dumps(export_as_json(export))
    return represented(body, wanted, name=f"record.{'fhir.' if wanted == FHIR else ''}json")
