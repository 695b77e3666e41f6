"""Writes the sample clients through the real services, once: every step is a command of its own, so that a load that was
interrupted goes on where it stopped.
"""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import date, timedelta
from functools import partial
from typing import Any, Final
from uuid import UUID, uuid5

from domain.model.appointment import CancellationReason, CancelledBy, MissReason
from domain.ports.access import Relation
from domain.ports.call import Actor, Call, Command, Purpose, Role
from domain.ports.ids import Clock, IdSource
from domain.ports.ledger import Ledger
from domain.services import Services
from ops.samples.course import Course, Outcome, Visit, courses
from ops.samples.people import PEOPLE, Person, password

ORIGIN: Final = "demo"
_NOTICE: Final = timedelta(hours=26)
_ADDENDUM: Final = (
    "Correction to the entry above: the telephone call described took place on the evening before, not on the day itself. "
    "The client noticed it when we read the entry together."
)
_DRAFT: Final = (
    '{"summary": "To prepare: the card, the review of the hierarchy.", "next_plan": "Plan the longer ride."}'
)


@dataclass(frozen=True, slots=True)
class Step:
    """One command of one actor. `key` names it within the demo, for ever."""

    key: str
    actor: Actor
    purpose: Purpose
    run: Callable[[Call], object]


class SampleLoader:
    """`seed` makes the demo's ids: random for each demo, kept beside its data. `today` is the day it was begun."""

    def __init__(  # noqa: PLR0913 - wiring
        self, services: Services, ledger: Ledger, clock: Clock, ids: IdSource, *, seed: UUID, today: date, zone: str
    ) -> None:
        self._services = services
        self._ledger = ledger
        self._clock = clock
        self._ids = ids
        self._seed = seed
        self._courses = courses(today, zone)

    def load(self, began: Callable[[int], None], advance: Callable[[int], None]) -> None:
        """Write what isn't written yet. `began` is told how many steps there are, `advance` how many more are done."""
        accounts = list(self._accounts())
        charts = [list(self._chart(course)) for course in self._courses]
        last = list(self._client_account())
        began(len(accounts) + sum(map(len, charts)) + len(last))
        self._write(accounts, advance)
        # Clients have nothing to do with each other: their writers share commits.
        with ThreadPoolExecutor(len(charts)) as pool:
            for done in [pool.submit(self._write, chart, advance) for chart in charts]:
                done.result()
        self._write(last, advance)

    def account_id(self, person: Person) -> UUID:
        return self._id(f"account/{person.key}")

    def client_id(self, key: str) -> UUID:
        return self._id(f"client/{key}")

    def host_call(self) -> Call:
        """A call of whoever runs commands on this machine."""
        return self._call(Actor(id=self._id("host"), role=Role.SERVICE), Purpose.OPERATIONS, None)

    def _write(self, steps: Sequence[Step], advance: Callable[[int], None]) -> None:
        for step in steps:
            call = self._call(step.actor, step.purpose, Command(id=self._id(f"step/{step.key}")))
            if self._ledger.replay(call) is None:
                step.run(call)
            advance(1)

    def _call(self, actor: Actor, purpose: Purpose, command: Command | None) -> Call:
        return Call(
            actor=actor,
            request_id=self._ids.ordered(),
            at=self._clock.now(),
            origin=ORIGIN,
            purpose=purpose,
            command=command,
        )

    def _id(self, name: str) -> UUID:
        """An id that nobody can guess without the seed, the same at every run; marked as random, which it looks."""
        return UUID(bytes=uuid5(self._seed, name).bytes, version=4)

    # Accounts

    def _actor(self, key: str) -> Actor:
        person = next(person for person in PEOPLE if person.key == key)
        supervisor_id = self._id("account/supervisor") if key == "trainee" else None
        return Actor(id=self.account_id(person), role=person.role, supervisor_id=supervisor_id)

    def _accounts(self) -> Iterator[Step]:
        host = self.host_call().actor
        for person in PEOPLE:
            if person.role is Role.CLIENT:
                continue
            facts = _facts(person)
            if person.role is Role.OPERATOR:
                run = partial(self._services.accounts.bootstrap, account_id=self.account_id(person), **facts)
                yield Step(f"account/{person.key}", host, Purpose.OPERATIONS, run)
                continue
            supervisor_id = self._actor(person.key).supervisor_id
            make = partial(
                self._services.accounts.create,
                account_id=self.account_id(person),
                supervisor_id=supervisor_id,
                **facts,
            )
            yield Step(f"account/{person.key}", self._actor("operator"), Purpose.OPERATIONS, make)

    def _client_account(self) -> Iterator[Step]:
        """The account of the first sample client, who must be on record first."""
        person = next(person for person in PEOPLE if person.role is Role.CLIENT)
        make = partial(
            self._services.accounts.create,
            account_id=self.account_id(person),
            client_id=self.client_id(self._courses[0].key),
            **_facts(person),
        )
        yield Step(f"account/{person.key}", self._actor("operator"), Purpose.OPERATIONS, make)

    # Charts

    def _chart(self, course: Course) -> Iterator[Step]:
        author = self._actor(course.clinician)
        client_id = self.client_id(course.key)

        def step(name: str, run: Callable[[Call], object], actor: Actor = author) -> Step:
            return Step(f"{course.key}/{name}", actor, Purpose.TREATMENT, run)

        clients = self._services.clients
        yield step("register", partial(clients.register, client_id=client_id, identity=course.identity))
        consent = partial(
            clients.give_consent,
            client_id=client_id,
            consent_id=self._id(f"consent/{course.key}"),
            purpose=Purpose.TREATMENT,
            document="treatment-agreement-2026-1",
            given_at=course.visits[0].start.instant,
        )
        yield step("consent", consent)
        if author.supervisor_id is not None:
            join = partial(
                clients.join_care_team,
                client_id=client_id,
                account_id=author.supervisor_id,
                relation=Relation.SUPERVISOR,
            )
            yield step("supervisor", join)
        for visit in course.visits:
            yield from self._visit(course, visit, step)
        yield from self._specials(course, step)

    def _visit(self, course: Course, visit: Visit, step: Callable[..., Step]) -> Iterator[Step]:
        appointments = self._services.appointments
        appointment_id = self._id(f"appointment/{course.key}/{visit.number}")
        plan = partial(
            appointments.plan,
            appointment_id=appointment_id,
            client_id=self.client_id(course.key),
            start=visit.start,
            duration_min=50,
            modality=visit.modality,
        )
        yield step(f"{visit.number}/plan", plan)
        if visit.outcome is Outcome.HELD:
            yield from self._session(course, visit, step)
            session_id = self._session_id(course, visit)
            yield step(
                f"{visit.number}/hold",
                partial(appointments.hold, appointment_id=appointment_id, session_id=session_id),
            )
        elif visit.outcome is Outcome.MISSED:
            miss = partial(appointments.miss, appointment_id=appointment_id, reason=MissReason.CLIENT_NO_SHOW)
            yield step(f"{visit.number}/miss", miss)
        elif visit.outcome is not Outcome.TO_COME:
            yield step(f"{visit.number}/cancel", partial(appointments.cancel, **_cancellation(visit, appointment_id)))

    def _session(self, course: Course, visit: Visit, step: Callable[..., Step]) -> Iterator[Step]:
        """Recorded, signed and, a trainee's, co-signed: all but the newest, where something is left to do."""
        sessions = self._services.sessions
        session_id = self._session_id(course, visit)
        newest = visit is course.held[-1]
        record = partial(
            sessions.record,
            session_id=session_id,
            client_id=self.client_id(course.key),
            content=visit.entry,
        )
        yield step(f"{visit.number}/record", record)
        if newest and course is self._courses[-1]:
            return
        yield step(f"{visit.number}/sign", partial(sessions.sign, session_id=session_id))
        if course.clinician == "trainee" and not newest:
            cosign = partial(sessions.cosign, session_id=session_id)
            yield step(f"{visit.number}/cosign", cosign, self._actor("supervisor"))

    def _specials(self, course: Course, step: Callable[..., Step]) -> Iterator[Step]:
        """What happens rarely: an entry in the wrong chart, an addendum, an unfinished draft."""
        sessions = self._services.sessions
        if course.key == self._courses[0].key:
            wrong_id = self._id(f"session/{course.key}/wrong-chart")
            other = self._courses[1].held[-2]
            record = partial(
                sessions.record, session_id=wrong_id, client_id=self.client_id(course.key), content=other.entry
            )
            yield step("wrong-chart/record", record)
            reason = "Written into the wrong chart; the entry stands in the right one."
            yield step("wrong-chart/mark", partial(sessions.mark_entered_in_error, session_id=wrong_id, reason=reason))
            draft = partial(
                self._services.drafts.save,
                draft_id=self._id(f"draft/{course.key}"),
                client_id=self.client_id(course.key),
                content_json=_DRAFT,
            )
            yield step("draft", draft)
        if course.key == self._courses[2].key:
            addendum = partial(
                sessions.add_addendum,
                session_id=self._session_id(course, course.held[4]),
                addendum_id=self._id(f"addendum/{course.key}"),
                text=_ADDENDUM,
            )
            yield step("addendum", addendum)

    def _session_id(self, course: Course, visit: Visit) -> UUID:
        return self._id(f"session/{course.key}/{visit.number}")


def _facts(person: Person) -> dict[str, Any]:
    """What an account is made with. Nobody learns this password: each start of the demo sets a new one."""
    return {
        "login": person.login,
        "password": password(),
        "display_name": person.display_name,
        "role": person.role,
    }


def _cancellation(visit: Visit, appointment_id: UUID) -> dict[str, Any]:
    by_client = visit.outcome is Outcome.CANCELLED_BY_CLIENT
    return {
        "appointment_id": appointment_id,
        "cancelled_by": CancelledBy.CLIENT if by_client else CancelledBy.CLINICIAN,
        "reason": CancellationReason.ILLNESS if by_client else CancellationReason.HOLIDAY,
        "notified_at": visit.start.instant - _NOTICE,
    }
