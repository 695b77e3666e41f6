"""Goals: agree on one, revise it, say how far it got, and what became of it."""

from uuid import UUID

from fastapi import APIRouter
from starlette.responses import Response

from api.answers import found, written
from api.asks import Editor, Reader, Writer
from api.declare import changes, creates, reads
from api.dispatch import Operation
from api.errors import CursorInvalid
from api.models.common import ReasonIn
from api.models.goals import (
    GoalAbandonedIn,
    GoalCompletedIn,
    GoalIn,
    GoalOut,
    GoalProgressIn,
    GoalsOut,
    MilestoneReachedIn,
    NewGoalIn,
)
from api.models.pages import Cursor
from api.models.records import PageLimit
from api.pages import page_of
from domain.errors import Erased, Invalid, ViewBehind
from domain.instruments import InstrumentUnknown
from domain.model.checks import ImpossibleTime, OutOfRange, TextNotAllowed
from domain.model.client import ClientEnteredInError, ClientNotFound
from domain.model.goal import (
    GoalAlreadyActive,
    GoalEnteredInError,
    GoalNotActive,
    GoalNotFound,
    GoalProgressNotByHand,
    GoalWithoutTarget,
    MilestoneAlreadyReached,
    MilestoneNotFound,
    MilestonesOutOfOrder,
)
from domain.model.moment import UnknownZone, ZonelessTime
from domain.model.session import SessionEnteredInError, SessionNotFound
from domain.services.access import Action, ConsentMissing, OutsideCareTeam, RelationNotPermitted, RoleNotPermitted
from domain.services.rendering_outcomes import goal_as_json

router = APIRouter(prefix="/v1", tags=["Goals"], route_class=Operation)

_DENIED = (RoleNotPermitted, OutsideCareTeam, RelationNotPermitted, ConsentMissing)
_THERE = (GoalNotFound, Erased, *_DENIED)
_SESSIONS = (SessionNotFound, SessionEnteredInError)
_CONTENT = (
    GoalWithoutTarget,
    MilestonesOutOfOrder,
    InstrumentUnknown,
    Invalid,
    ImpossibleTime,
    OutOfRange,
    TextNotAllowed,
    *_SESSIONS,
)
_ACTIVE = (GoalNotActive, GoalEnteredInError)


@router.post(
    "/clients/{client_id}/goals",
    **creates("Set a goal", ClientNotFound, ClientEnteredInError, Erased, *_DENIED, *_CONTENT, action=Action.GOAL_SET),
)
def set_goal(client_id: UUID, body: NewGoalIn, ask: Writer) -> Response:
    """Counted by hand in percent, by an instrument's scores, or by milestones reached. A goal needs a target."""
    goal_id = ask.runtime.ids.ordered()
    location = f"/v1/goals/{goal_id}"
    receipt = ask.services.goals.set_goal(
        ask.writing(201, location),
        goal_id,
        client_id,
        body.content(ask.runtime.ids.ordered),
        substance_use=body.substance_use,
    )
    return written(receipt, location=location)


@router.get(
    "/clients/{client_id}/goals",
    **reads(
        "List a client's goals",
        GoalsOut,
        ClientNotFound,
        Erased,
        ViewBehind,
        CursorInvalid,
        *_DENIED,
        action=Action.GOAL_READ,
    ),
)
def list_goals(client_id: UUID, ask: Reader, limit: PageLimit = 100, cursor: Cursor = None) -> Response:
    """In the order they were set; those entered in error are marked, and not shown to clients."""
    return page_of(ask, client_id, "goals", ask.services.goals.of_client, limit=limit, cursor=cursor)


@router.get("/goals/{goal_id}", **reads("Read a goal", GoalOut, *_THERE, versioned=True, action=Action.GOAL_READ))
def read_goal(goal_id: UUID, ask: Reader) -> Response:
    """With the values recorded by hand and the milestones reached, always as of now."""
    goal = ask.services.goals.read(ask.call(), goal_id)
    return found(goal_as_json(goal), version=goal.version)


@router.put(
    "/goals/{goal_id}",
    **changes(
        "Revise a goal",
        *_THERE,
        *_CONTENT,
        *_ACTIVE,
        MilestoneAlreadyReached,
        ClientEnteredInError,
        action=Action.GOAL_REVISE,
    ),
)
def revise_goal(goal_id: UUID, body: GoalIn, ask: Editor) -> Response:
    """Send `content` as it was read, changed. Milestones keep their ids; one that was reached stays among them."""
    return written(ask.services.goals.revise(ask.writing(), goal_id, body.content(ask.runtime.ids.ordered)))


@router.post(
    "/goals/{goal_id}/progress",
    **changes(
        "Record progress towards a goal",
        *_THERE,
        *_ACTIVE,
        *_SESSIONS,
        GoalProgressNotByHand,
        ClientEnteredInError,
        ImpossibleTime,
        ZonelessTime,
        UnknownZone,
        OutOfRange,
        action=Action.GOAL_RECORD_PROGRESS,
    ),
)
def record_goal_progress(goal_id: UUID, body: GoalProgressIn, ask: Writer) -> Response:
    """Percent, for a goal counted by hand. Others take their values from measures and milestones. If-Match may be sent and
    is then checked.
    """
    return written(
        ask.services.goals.record_progress(
            ask.writing(), goal_id, body.value, body.took_place.moment("took_place"), body.session_id
        )
    )


@router.post(
    "/goals/{goal_id}/milestones/{milestone_id}/reached",
    **changes(
        "Say that a milestone was reached",
        *_THERE,
        *_ACTIVE,
        MilestoneNotFound,
        MilestoneAlreadyReached,
        ClientEnteredInError,
        ImpossibleTime,
        action=Action.GOAL_REACH_MILESTONE,
    ),
)
def reach_milestone(goal_id: UUID, milestone_id: UUID, body: MilestoneReachedIn, ask: Editor) -> Response:
    """In whatever order life took."""
    return written(ask.services.goals.reach_milestone(ask.writing(), goal_id, milestone_id, body.reached_on))


@router.post(
    "/goals/{goal_id}/completed",
    **changes("Complete a goal", *_THERE, *_ACTIVE, ImpossibleTime, action=Action.GOAL_COMPLETE),
)
def complete_goal(goal_id: UUID, body: GoalCompletedIn, ask: Editor) -> Response:
    """It was reached, whatever the numbers say: that is for people to judge."""
    return written(ask.services.goals.complete(ask.writing(), goal_id, body.completed_on))


@router.post(
    "/goals/{goal_id}/abandoned",
    **changes("Abandon a goal", *_THERE, *_ACTIVE, ImpossibleTime, TextNotAllowed, action=Action.GOAL_ABANDON),
)
def abandon_goal(goal_id: UUID, body: GoalAbandonedIn, ask: Editor) -> Response:
    """It is pursued no longer, and why."""
    return written(ask.services.goals.abandon(ask.writing(), goal_id, body.reason, body.abandoned_on))


@router.post(
    "/goals/{goal_id}/reopened",
    **changes(
        "Reopen a goal", *_THERE, GoalAlreadyActive, GoalEnteredInError, ClientEnteredInError, action=Action.GOAL_REOPEN
    ),
)
def reopen_goal(goal_id: UUID, ask: Editor) -> Response:
    """Pursue one again that was completed or abandoned."""
    return written(ask.services.goals.reopen(ask.writing(), goal_id))


@router.post(
    "/goals/{goal_id}/entered-in-error",
    **changes(
        "Mark a goal as entered in error",
        *_THERE,
        TextNotAllowed,
        GoalEnteredInError,
        action=Action.GOAL_MARK_ENTERED_IN_ERROR,
    ),
)
def mark_goal_entered_in_error(goal_id: UUID, body: ReasonIn, ask: Editor) -> Response:
    """For a wrong chart; a goal that is pursued no longer is abandoned instead."""
    return written(ask.services.goals.mark_entered_in_error(ask.writing(), goal_id, body.reason))
