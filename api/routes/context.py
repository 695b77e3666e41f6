"""What of a client's record a model is shown."""

from typing import Any
from uuid import UUID

from fastapi import APIRouter
from starlette.responses import Response

from api.answers import found
from api.asks import Reader
from api.declare import reads
from api.dispatch import Operation
from api.models.context import ContextIn, ContextOut
from domain.errors import Erased, ViewBehind
from domain.model.checks import ImpossibleTime, OutOfRange, TextNotAllowed
from domain.model.client import ClientNotFound
from domain.model.values import ZonelessTime
from domain.progress.period import LookBackNotUnderstood, PeriodNotPossible
from domain.services.access import Action, OutsideCareTeam, RelationNotPermitted, RoleNotPermitted, ScopeNotPermitted
from domain.services.context import Context
from domain.services.context_choice import Chosen
from domain.services.rendering import instant_as_json

router = APIRouter(prefix="/v1/clients", tags=["Context"], route_class=Operation)


@router.post(
    "/{client_id}/context",
    **reads(
        "Choose what a model is shown",
        ContextOut,
        ClientNotFound,
        Erased,
        RoleNotPermitted,
        OutsideCareTeam,
        RelationNotPermitted,
        ScopeNotPermitted,
        ViewBehind,
        LookBackNotUnderstood,
        PeriodNotPossible,
        ImpossibleTime,
        ZonelessTime,
        OutOfRange,
        TextNotAllowed,
        action=Action.CONTEXT_READ,
    ),
)
def choose_context(client_id: UUID, body: ContextIn, ask: Reader) -> Response:
    """Records in order of time, chosen for a budget of tokens by how recent they are, the goals and themes they name, the words
    they say and, where the deployment has an encoder, their meaning; each with why. It is a POST because `words` is what a
    person typed, which belongs in no address; it writes nothing but that these records were read, by their ids.

    Whatever the period and the filters: risk flags that are not resolved and the safety plan are looked at first, and goals,
    plans, diagnoses and medications that stand now belong to it. Then the newest session and the newest result with each
    instrument, told with the course to it. Appointments of the last 90 days and those to come; transcripts by the lines that
    say the words. What was entered in error is never there, nor who the client is, nor psychotherapy notes. Sessions that are
    not signed yet say so. The same record and request give the same choice.
    """
    context = ask.services.context.select(ask.call(), client_id, body.wanted(), at_least=ask.at_least)
    return found(_as_json(context))


def _as_json(context: Context) -> dict[str, Any]:
    return {
        "client_id": context.client_id,
        "since": instant_as_json(context.since),
        "until": instant_as_json(context.until),
        "budget": context.budget_tokens,
        "tokens": context.tokens,
        "counted_by": context.counted_by,
        "chosen_by": context.chosen_by,
        "items": [_item_as_json(item) for item in context.items],
        "left_out": dict(context.left_out),
        "entered_in_error": context.entered_in_error,
    }


def _item_as_json(item: Chosen) -> dict[str, Any]:
    return {
        "kind": item.kind,
        "id": item.id,
        "happened_at": instant_as_json(item.happened_at),
        "state": item.state,
        "text": item.text,
        "whole": item.whole,
        "tokens": item.tokens,
        "score": item.score,
        "parts": dict(item.parts),
        "because": [{"code": reason.code, "text": reason.text} for reason in item.because],
        "sources": [{"kind": source.kind, "id": source.id, "positions": source.positions} for source in item.sources],
    }
