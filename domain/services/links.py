"""What one record may name of another: only of the same client, and nothing that was entered in error.

A record of another client is told of as if it did not exist: whoever writes here may not know of it.
"""

from collections.abc import Iterable
from uuid import UUID

from domain.model.goal import Goal, GoalEnteredInError, GoalNotFound
from domain.model.session import Session, SessionEnteredInError, SessionNotFound, SessionStatus
from domain.ports.stores import AggregateStore


def check_sessions(sessions: AggregateStore[Session], client_id: UUID, *session_ids: UUID) -> None:
    """Raises SessionNotFound, SessionEnteredInError."""
    for session_id in session_ids:
        session = sessions.get(session_id)
        if session.client_id != client_id:
            raise SessionNotFound(session_id=session_id)
        if session.status is SessionStatus.ENTERED_IN_ERROR:
            raise SessionEnteredInError(session_id=session_id)


def check_goals(goals: AggregateStore[Goal], client_id: UUID, goal_ids: Iterable[UUID]) -> None:
    """Completed and abandoned ones may be named too: a session may be about what became of them.

    Raises GoalNotFound, GoalEnteredInError.
    """
    for goal_id in goal_ids:
        goal = goals.get(goal_id)
        if goal.client_id != client_id:
            raise GoalNotFound(goal_id=goal_id)
        if goal.in_error:
            raise GoalEnteredInError(goal_id=goal_id)
