"""A sample client's whole record, built by the aggregates' own commands at the times of the story."""

import random
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any, Final
from uuid import UUID

from domain.instruments import Instrument, instrument
from domain.model.appointment import Appointment, CancellationReason, CancelledBy, MissReason
from domain.model.client import Client
from domain.model.identity import Identity
from domain.model.measure import CompletedBy, Measure
from domain.model.session import Session, SessionContent
from domain.model.values import Modality, MomentInZone, RiskImpression, RiskLevel
from domain.ports.access import Relation
from domain.ports.call import Purpose
from domain.services.measures import flag_id_of, flag_of
from ops.samples.faces import Face
from ops.samples.noise import answers, leanings, level, scores
from ops.samples.scripts import Script
from ops.samples.visits import DURATION_MIN, Outcome, Visit, held, visits
from ops.samples.words import Teller, spoken, told

_REGISTERED_BEFORE: Final = timedelta(days=6)
_FILLED_IN_BEFORE: Final = timedelta(minutes=12)
_AT_HOME_BEFORE: Final = timedelta(days=3)
_NOTICE: Final = timedelta(hours=26)
NO_DANGER: Final = RiskImpression(level=RiskLevel.NONE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Cast:
    """Who works in the practice, and how things are named: `id` gives the same id for the same name."""

    clinician: UUID
    trainee: UUID
    supervisor: UUID
    id: Callable[[str], UUID]


@dataclass(slots=True, kw_only=True)
class Chart:
    """`aggregates` hold their events, pending, in the order they were begun."""

    script: Script
    face: Face
    cast: Cast
    today: date
    zone: str
    chance: random.Random
    aggregates: list[Any] = field(default_factory=list)
    sessions: dict[int, Session] = field(default_factory=dict)
    measures: dict[int, Measure] = field(default_factory=dict)
    visits: tuple[Visit, ...] = ()
    instrument: Instrument = field(init=False)
    teller: Teller = field(init=False)

    def __post_init__(self) -> None:
        self.instrument = instrument(self.script.instrument)
        self.teller = Teller(topic=self.script.topic, face=self.face, chance=self.chance)
        self.visits = visits(self.script, self.today, self.zone, self.chance)

    @property
    def client_id(self) -> UUID:
        return self.named("client")

    @property
    def author(self) -> UUID:
        return self.cast.trainee if self.supervisor else self.cast.clinician

    @property
    def supervisor(self) -> UUID | None:
        """Who co-signs."""
        return self.cast.supervisor if self.script.clinician == "trainee" else None

    @property
    def held(self) -> tuple[Visit, ...]:
        return held(self.visits)

    def named(self, *names: object) -> UUID:
        """The id of something of this client's."""
        return self.cast.id("/".join(map(str, (*names, self.script.key))))

    def add(self, aggregate: Any) -> Any:
        self.aggregates.append(aggregate)
        return aggregate

    def build(self) -> None:
        """Registration and visits, with what is written and filled in at them."""
        self._register()
        self._measure()
        for visit in self.visits:
            self._visit(visit)

    def level(self, visit: Visit) -> float:
        return level(self.script.course, visit.part)

    def _register(self) -> None:
        at = self._first_contact()
        client = self.add(Client.register(self.client_id, at=at, by=self.author))
        self.add(Identity.record(self.client_id, at=at, by=self.author, content=self.face.identity))
        if self.supervisor is not None:
            client.join_care_team(at=at, by=self.author, account_id=self.supervisor, relation=Relation.SUPERVISOR)
        if self.script.marks & {"nothing", "one_session"}:
            return
        self._consent(client, Purpose.TREATMENT, "treatment-agreement-2024-1", at)
        if self.chance.random() < 0.3:
            self._consent(client, Purpose.RESEARCH, "research-consent/2024-02", at)

    def _consent(self, client: Client, purpose: Purpose, document: str, at: datetime) -> None:
        consent_id = self.named("consent", purpose.value)
        client.give_consent(
            at=at, by=self.author, consent_id=consent_id, purpose=purpose, document=document, given_at=at
        )

    def _first_contact(self) -> datetime:
        if self.visits:
            return self.visits[0].start.instant - _REGISTERED_BEFORE
        return MomentInZone.of(f"{self.today - timedelta(days=1)}T14:30:00Z", self.zone).instant

    def _measure(self) -> None:
        """The questionnaires: in the waiting room before their visits, and the one that nobody was there to look at."""
        if self.script.marks & {"one_session"}:
            return
        due = [*self.held[:: self.script.measured][: self.script.measures_most], *self._unseen()]
        worst = max(due, key=self.level, default=None)
        lean = leanings(self.instrument, self.chance)
        drawn = scores(self.instrument, [self.level(each) for each in due], self.chance)
        for visit, total in zip(due, drawn, strict=True):
            unseen = visit.outcome is not Outcome.HELD
            answered = 2 if unseen or ("crisis" in self.script.marks and visit is worst) else 0
            critical = dict.fromkeys([item.number for item in self.instrument.critical_items], answered)
            at = visit.start.instant - (_AT_HOME_BEFORE if unseen else _FILLED_IN_BEFORE)
            self._filled_in(visit, at, answers(self.instrument, total, lean, critical, self.chance))

    def _unseen(self) -> tuple[Visit, ...]:
        """The client filled it in at home; then the clinician called the visit off."""
        if "overdue_flag" not in self.script.marks:
            return ()
        return (next(visit for visit in reversed(self.visits) if visit.outcome is not Outcome.TO_COME),)

    def _filled_in(self, visit: Visit, at: datetime, given: tuple[int, ...]) -> None:
        """The questionnaire, and the flag that it raises."""
        measure_id = self.named("measure", visit.number)
        measure = Measure.record(
            measure_id,
            at=at,
            by=self.author,
            client_id=self.client_id,
            instrument=self.instrument,
            taken_at=MomentInZone.of(at, self.zone),
            answers=given,
            completed_by=CompletedBy.CLIENT,
            flag_id=flag_id_of(measure_id, self.instrument, given),
        )
        self.measures[visit.number] = self.add(measure)
        if (flag := flag_of(measure, self.instrument)) is not None:
            self.add(flag)

    def _visit(self, visit: Visit) -> None:
        before = self.visits[visit.number - 1].end if visit.number else self._first_contact()
        planned_at = min(before, MomentInZone.of(f"{self.today}T00:00:00Z", self.zone).instant)
        appointment = Appointment.plan(
            self.named("appointment", visit.number),
            at=planned_at,
            by=self.author,
            client_id=self.client_id,
            clinician_id=self.author,
            start=visit.start,
            duration_min=DURATION_MIN,
            modality=Modality(self.script.modality),
        )
        if "one_session" not in self.script.marks:
            self.add(appointment)
        match visit.outcome:
            case Outcome.HELD:
                session = self._session(visit)
                appointment.hold(at=visit.end, by=self.author, session_id=session.id)
            case Outcome.MISSED:
                appointment.miss(at=visit.end, by=self.author, reason=MissReason.CLIENT_NO_SHOW)
            case Outcome.CANCELLED_BY_CLIENT | Outcome.CANCELLED_BY_CLINICIAN:
                self._cancel(appointment, visit)

    def _cancel(self, appointment: Appointment, visit: Visit) -> None:
        by_client = visit.outcome is Outcome.CANCELLED_BY_CLIENT
        short = by_client and self.chance.random() < 0.4
        appointment.cancel(
            at=visit.start.instant - (timedelta(hours=3) if short else _NOTICE),
            by=self.author,
            cancelled_by=CancelledBy.CLIENT if by_client else CancelledBy.CLINICIAN,
            reason=self.chance.choice((CancellationReason.ILLNESS, CancellationReason.WORK, CancellationReason.FAMILY))
            if by_client
            else CancellationReason.HOLIDAY,
        )

    def _session(self, visit: Visit) -> Session:
        """Written after the visit; signed and, a trainee's, co-signed by `ops.samples.marks`."""
        entry = self.teller.entry(self.level(visit), self._remark(visit))
        content = SessionContent(
            took_place=visit.start,
            duration_min=DURATION_MIN + self.chance.choice((-5, 0, 0, 0, 5)),
            modality=Modality(self.script.modality),
            summary=self._crisis(visit) or f"{self._after_crisis(visit)}{entry.summary}",
            themes=entry.themes,
            emotions=entry.emotions,
            interventions=entry.interventions,
            homework=entry.homework,
            risk=self._risk(visit),
            next_plan=entry.next_plan,
            goal_ids=tuple(self.named("goal", name) for name in self._goals_touched(visit)),
        )
        session = Session.record(
            self.named("session", visit.number),
            at=visit.end + timedelta(minutes=8),
            client_id=self.client_id,
            author_id=self.author,
            content=content,
            supervisor_id=self.supervisor,
        )
        self.sessions[visit.number] = self.add(session)
        return session

    def _goals_touched(self, visit: Visit) -> tuple[str, ...]:
        """Goals are agreed on in the third session that is held."""
        if len(self.held) < 6 or visit.number <= self.held[2].number:
            return ()
        return tuple(name for name in ("measure", "percentage", "milestones") if self.chance.random() < 0.35)

    def _remark(self, visit: Visit) -> str:
        measure = self.measures.get(visit.number)
        if measure is None:
            return ""
        return f"{self.instrument.key.upper()} before the session: {measure.score:g} ({measure.severity})."

    def _crisis(self, visit: Visit) -> str:
        """What is written of the session in which an answer about death was talked about."""
        measure = self.measures.get(visit.number)
        flagged = measure is not None and measure.flag_id is not None
        return spoken(told()["crisis"]["flagged"], self.face.pronouns) if flagged else ""

    def _after_crisis(self, visit: Visit) -> str:
        """The safety plan comes first in the two sessions after it."""
        numbers = [each.number for each in self.held if each.number < visit.number][-2:]
        flagged = any(number in self.measures and self.measures[number].flag_id for number in numbers)
        return f"{told()['crisis']['after']} " if flagged else ""

    def _risk(self, visit: Visit) -> RiskImpression:
        if self._crisis(visit):
            return RiskImpression(
                level=RiskLevel.HIGH,
                text="Thoughts of death on most days, a way thought of and not prepared; wants help; names people to live for.",
            )
        if self._after_crisis(visit):
            return RiskImpression(
                level=RiskLevel.MODERATE, text="Thoughts of death are fewer, no plan; safety plan held; seen weekly."
            )
        if "low_risk" in self.script.marks and visit.number < 5:
            return RiskImpression(
                level=RiskLevel.LOW,
                text="Passive thoughts of not waking up; no plan, no intent; family named as reasons; crisis numbers gone through.",
            )
        return NO_DANGER
