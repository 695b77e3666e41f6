"""A client's journey: everything that happened, in the order it happened."""

from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Query
from starlette.responses import Response

from api.answers import found
from api.asks import Reader
from api.declare import reads
from api.dispatch import Operation
from api.errors import CursorInvalid
from api.models.journey import JourneyClass, JourneyKind, JourneyOut
from api.models.pages import Cursor, LookBack, Since, Until
from domain.errors import Erased, ViewBehind
from domain.model.checks import ImpossibleTime, TextNotAllowed
from domain.model.client import ClientNotFound
from domain.model.goal import GoalNotFound
from domain.ports.views import JourneyItem
from domain.progress.period import LookBackNotUnderstood, PeriodNotPossible
from domain.services.access import Action, OutsideCareTeam, RelationNotPermitted, RoleNotPermitted
from domain.services.journey import Wanted
from domain.services.rendering import instant_as_json

router = APIRouter(prefix="/v1/clients", tags=["Journey"], route_class=Operation)


@router.get(
    "/{client_id}/journey",
    **reads(
        "Read a client's journey",
        JourneyOut,
        ClientNotFound,
        Erased,
        RoleNotPermitted,
        OutsideCareTeam,
        RelationNotPermitted,
        ViewBehind,
        CursorInvalid,
        ImpossibleTime,
        LookBackNotUnderstood,
        PeriodNotPossible,
        GoalNotFound,
        TextNotAllowed,
        action=Action.JOURNEY_READ,
    ),
)
def read_journey(  # noqa: PLR0917 - FastAPI passes them by name
    client_id: UUID,
    ask: Reader,
    since: Since = None,
    until: Until = None,
    look_back: LookBack = None,
    kind: Annotated[tuple[JourneyKind, ...], Query(description="Only these kinds; may be given several times.")] = (),
    goal: Annotated[
        UUID | None,
        Query(description="Only this goal, the sessions that touched it and the measures it is counted by."),
    ] = None,
    theme: Annotated[
        str, Query(max_length=200, description="Only sessions that name this theme, in upper or lower case.")
    ] = "",
    record_class: Annotated[
        JourneyClass | None, Query(alias="class", description="Only measures, or only the journal: all else.")
    ] = None,
    limit: Annotated[int, Query(ge=1, le=2_000, description="Most items of a page.")] = 100,
    cursor: Cursor = None,
) -> Response:
    """Sessions, appointments, goals, measures, risk flags, plans, diagnoses, medications, transcripts, consents and changes
    of the care team, oldest first. `happened_at` is when it took place, `recorded_at` when the store took it. Goals, plans,
    diagnoses and medications stand where they were first recorded. A transcript's `utterances` are null here: its own route
    gives them.

    Filters hold together. `look_back` counts from `until`, or from now, to the beginning of a day of the clinic; what is
    planned ahead is shown with it. Clients see signed sessions and their transcripts, no risk flags, and nothing entered in
    error. Each page is full but the last, which has no `next`.
    """
    kinds = tuple(sorted(set(kind)))
    wanted = Wanted(
        since=since,
        until=until,
        look_back=look_back or "",
        kinds=kinds,
        goal_id=goal,
        theme=theme,
        record_class=record_class or "",
    )
    query = {
        "of": "journey",
        "client": client_id,
        "since": since,
        "until": until,
        "look_back": look_back,
        "kinds": kinds,
        "goal": goal,
        "theme": theme,
        "class": record_class,
    }
    page = ask.services.journey.read(
        ask.call(),
        client_id,
        wanted,
        after=ask.cursors.open(ask.actor.id, query, cursor),
        limit=limit,
        at_least=ask.at_least,
    )
    onward = ask.cursors.seal(ask.actor.id, query, page.after) if page.after is not None else None
    return found({"items": [_item_as_json(item) for item in page.items], "next": onward})


def _item_as_json(item: JourneyItem) -> dict[str, Any]:
    return {
        "kind": item.kind,
        "id": str(item.id),
        "client_id": str(item.client_id),
        "state": item.state,
        "version": item.version,
        "happened_at": instant_as_json(item.happened_at),
        "recorded_at": instant_as_json(item.recorded_at),
        "positions": item.positions,
        "content": item.content,
    }
