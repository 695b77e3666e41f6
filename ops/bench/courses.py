"""Whole courses of treatment for benchmarks of what is read from them: sessions of two kilobytes, results, goals."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import accumulate
from typing import Any, Final
from uuid import UUID

from domain.instruments import instrument
from domain.model.appointment import Appointment, MissReason
from domain.model.goal import Goal, GoalContent, GoalMetric
from domain.model.measure import CompletedBy, Measure
from domain.model.session import Session, SessionContent
from domain.model.values import Modality, MomentInZone
from ops.bench.samples import ZONE, Piece, Samples, ordered_id

MISSED_EVERY: Final = 11
"""Weeks between two appointments that the client did not keep."""
GAD_7_EVERY: Final = 4
GOAL_WEEKS: Final = 52
_SUMMARY_WORDS: Final = 320
_SYLLABLES: Final = [first + last for first in "bdfgklmnprst" for last in ("a", "en", "i", "or", "u")]
_WORDS: Final = ["sleep", "worry", "sister", "calls"]
_VOCABULARY: Final = [one + two for one in _SYLLABLES for two in _SYLLABLES][:2996] + _WORDS
_OFTEN: Final = list(accumulate(1 / rank for rank in range(3, len(_VOCABULARY) + 3)))
"""Natural language has few words that come often and many that don't (Zipf's law)."""


class Courses(Samples):
    """A week is one append: an appointment, held or missed, a session, signed, and a PHQ-9; a GAD-7 every fourth; a goal a
    year, with what was reached each week.
    """

    def weeks(self, client_id: UUID, weeks: int) -> Iterator[Piece]:
        start = datetime.now(UTC) - timedelta(weeks=weeks, hours=1)
        yield self.registration(client_id, start)
        goal: Goal | None = None
        for number in range(weeks):
            at = start + timedelta(weeks=number, days=2)
            if number % GOAL_WEEKS == 0:
                goal = self._goal(client_id, at, number // GOAL_WEEKS)
            yield self._week(client_id, at, number, goal)

    def content(self, at: datetime) -> SessionContent:
        """As others, with a summary as long as people write them, and as rich in words."""
        words = self._random.choices(_VOCABULARY, cum_weights=_OFTEN, k=_SUMMARY_WORDS)
        sentences = [" ".join(words[place : place + 14]).capitalize() for place in range(0, len(words), 14)]
        return replace(super().content(at), summary=". ".join(sentences) + ".")

    def _week(self, client_id: UUID, at: datetime, number: int, goal: Goal | None) -> Piece:
        appointment = self._appointment(client_id, at)
        if number % MISSED_EVERY == MISSED_EVERY - 1:
            appointment.miss(at=at, by=self.clinician_of(client_id).id, reason=MissReason.CLIENT_NO_SHOW)
            return self.piece("appointment.miss", client_id, at, appointment)
        by = self.clinician_of(client_id).id
        recorded = self.session(client_id, at)
        session: Session = recorded.aggregates[0]
        session.sign(at=at, by=by)
        appointment.hold(at=at, by=by, session_id=session.id)
        more: list[Any] = [self._measure(client_id, at, "phq-9", number)]
        if number % GAD_7_EVERY == 0:
            more.append(self._measure(client_id, at, "gad-7", number))
        if goal is not None:
            value = min(100.0, 100.0 * (number % GOAL_WEEKS) / GOAL_WEEKS)
            goal.record_progress(at=at, by=by, value=value, took_place=_an_hour_before(at), session_id=session.id)
            more.append(goal)
        return replace(recorded, aggregates=(session, appointment, *more))

    def _appointment(self, client_id: UUID, at: datetime) -> Appointment:
        by = self.clinician_of(client_id).id
        return Appointment.plan(
            ordered_id(),
            at=at - timedelta(days=2),
            by=by,
            client_id=client_id,
            clinician_id=by,
            start=_an_hour_before(at),
            duration_min=50,
            modality=Modality.IN_PERSON,
        )

    def _measure(self, client_id: UUID, at: datetime, key: str, number: int) -> Measure:
        """About the middle of the scale, to and fro and slowly better; the item about death is left at none."""
        questions = instrument(key)
        middle = 2 - (number % 40) / 30
        answers = [min(3, max(0, round(self._random.gauss(middle, 0.8)))) for _ in questions.items]
        if key == "phq-9":
            answers[8] = 0
        return Measure.record(
            ordered_id(),
            at=at,
            by=self.clinician_of(client_id).id,
            client_id=client_id,
            instrument=questions,
            taken_at=_an_hour_before(at),
            answers=tuple(answers),
            completed_by=CompletedBy.CLIENT,
        )

    def _goal(self, client_id: UUID, at: datetime, number: int) -> Goal:
        content = GoalContent(
            statement=f"{self._text(8)} ({number + 1})", metric=GoalMetric.PERCENTAGE, baseline=0.0, target=100.0
        )
        by = self.clinician_of(client_id).id
        return Goal.set_goal(ordered_id(), at=at - timedelta(hours=2), by=by, client_id=client_id, content=content)


def _an_hour_before(at: datetime) -> MomentInZone:
    return MomentInZone.of(at - timedelta(hours=1), ZONE)
