"""A rebuild gives, row for row, what following the log gave, however it was cut into batches."""

from collections import Counter
from dataclasses import replace
from datetime import timedelta
from uuid import uuid4

from entries import (
    diagnosed,
    flagged,
    goal_set,
    measured,
    medicated,
    plan_written,
    safety_written,
    transcribed,
)
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from views_world import CLINICIAN, T0, World, content, identity_of, moment, planned, recorded, registered

from domain.errors import AnamnesisError
from domain.model.appointment import CancellationReason, CancelledBy, MissReason
from domain.model.goal import Goal
from domain.model.identity import IdentityContent
from domain.model.risk_flag import RiskFlag
from domain.model.transcript import Transcript
from domain.model.values import Modality, PersonName
from domain.ports.access import Relation
from domain.ports.audit import AuditEntry
from domain.ports.call import Purpose
from domain.ports.views import JOURNEY_KINDS
from domain.services.rendering import appointment_as_json, client_as_json, session_as_json

BY = CLINICIAN.id
LATER = T0 + timedelta(days=400)


class History:
    """Plays commands on aggregates; those that the domain refuses change nothing."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.clients = [registered()]
        self.identities = {}
        self.sessions = []
        self.appointments = []
        self.entries = []
        world.write(*self.clients)

    def play(self, command: str, which: int, day: int) -> None:
        getattr(self, command)(which, T0 + timedelta(days=day))

    def _one(self, things, which):
        return things[which % len(things)] if things else None

    def _save(self, command: str, thing, *arguments, **named) -> None:
        if thing is None:
            return
        try:
            getattr(thing, command)(*arguments, at=LATER, by=BY, **named)
        except AnamnesisError:
            return
        entry = AuditEntry(action=command, client_id=thing.subject, resources=(thing.id,))
        self.world.write(thing, entries=[entry])

    def register(self, _which, at) -> None:
        client = registered(at)
        self.clients.append(client)
        self.identities[client.id] = identity_of(client, at)
        self.world.write(client, self.identities[client.id])

    def correct(self, which, at) -> None:
        identity = self._one(list(self.identities.values()), which)
        name = PersonName(given=f"Name {at:%j}")
        self._save("correct", identity, content=IdentityContent(names=(name,)))

    def join(self, which, _at) -> None:
        self._save("join_care_team", self._one(self.clients, which), account_id=uuid4(), relation=Relation.CLINICIAN)

    def leave(self, which, _at) -> None:
        client = self._one(self.clients, which)
        self._save("leave_care_team", client, account_id=self._one(list(client.care_team), which))

    def consent(self, which, at) -> None:
        client = self._one(self.clients, which)
        self._save(
            "give_consent", client, consent_id=uuid4(), purpose=Purpose.RESEARCH, document="research/1", given_at=at
        )

    def withdraw(self, which, _at) -> None:
        client = self._one(self.clients, which)
        self._save("withdraw_consent", client, consent_id=self._one(list(client.consents), which))

    def wrong_chart(self, which, _at) -> None:
        self._save("mark_entered_in_error", self._one(self.clients, which), reason="wrong person")

    def record(self, which, at) -> None:
        self.sessions.append(recorded(self._one(self.clients, which), at))
        self.world.write(self.sessions[-1], entries=[AuditEntry(action="session.record")])

    def record_and_sign_at_once(self, which, at) -> None:
        session = recorded(self._one(self.clients, which), at)
        session.sign(at=LATER, by=session.author_id)
        self.sessions.append(session)
        self.world.write(session)

    def amend(self, which, at) -> None:
        self._save("amend", self._one(self.sessions, which), content=content(at, summary=f"Amended {at:%j}"))

    def sign(self, which, _at) -> None:
        self._save("sign", self._one(self.sessions, which), supervisor_id=uuid4() if which % 2 else None)

    def return_to_author(self, which, _at) -> None:
        self._save("return_to_author", self._one(self.sessions, which), comment="more", standing_in=True)

    def addendum(self, which, _at) -> None:
        self._save("add_addendum", self._one(self.sessions, which), addendum_id=uuid4(), text="also")

    def wrong_session(self, which, _at) -> None:
        self._save("mark_entered_in_error", self._one(self.sessions, which), reason="wrong chart")

    def plan(self, which, at) -> None:
        self.appointments.append(planned(self._one(self.clients, which), at, at))
        self.world.write(self.appointments[-1])

    def move(self, which, at) -> None:
        appointment = self._one(self.appointments, which)
        start = moment(LATER + (at - T0))
        self._save("reschedule", appointment, start=start, duration_min=30, modality=Modality.IN_PERSON)

    def hold(self, which, _at) -> None:
        self._save("hold", self._one(self.appointments, which))

    def hold_with_a_note(self, which, _at) -> None:
        self._save("hold", self._one(self.appointments, which), session_id=uuid4())

    def cancel(self, which, _at) -> None:
        appointment = self._one(self.appointments, which)
        self._save("cancel", appointment, cancelled_by=CancelledBy.CLIENT, reason=CancellationReason.ILLNESS)

    def enter(self, which, at) -> None:
        """A goal, a measure, a flag, a diagnosis or a medication; a plan once a client."""
        client = self._one(self.clients, which)
        made = MAKERS[which % len(MAKERS)](client, at)
        if made.id not in {entry.id for entry in self.entries}:
            self.entries.append(made)
            self.world.write(made, entries=[AuditEntry(action="entry.record")])

    def transcribe(self, which, _at) -> None:
        session = self._one(self.sessions, which)
        if session is not None and Transcript.stream_of(session.id) not in {entry.id for entry in self.entries}:
            self.entries.append(transcribed(session))
            self.world.write(self.entries[-1])

    def wrong_entry(self, which, _at) -> None:
        self._save("mark_entered_in_error", self._one(self.entries, which), reason="wrong chart")

    def acknowledge(self, which, _at) -> None:
        flags = [entry for entry in self.entries if isinstance(entry, RiskFlag)]
        self._save("acknowledge", self._one(flags, which))

    def complete(self, which, _at) -> None:
        goals = [entry for entry in self.entries if isinstance(entry, Goal)]
        self._save("complete", self._one(goals, which))

    def miss(self, which, _at) -> None:
        self._save("miss", self._one(self.appointments, which), reason=MissReason.OTHER)


MAKERS = (measured, goal_set, flagged, plan_written, safety_written, diagnosed, medicated)
COMMANDS = sorted(name for name in vars(History) if not name.startswith("_") and name != "play")
HISTORIES = st.lists(
    st.tuples(st.sampled_from(COMMANDS), st.integers(0, 7), st.integers(0, 300), st.integers(0, 5)),
    min_size=5,
    max_size=40,
)


# The deployment is shared by all examples on purpose: each history comes on top of those before.
@settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(history=HISTORIES)
def test_following_the_log_and_rebuilding_give_the_same_rows(world, history) -> None:
    played = History(world)
    for command, which, day, batch in history:
        played.play(command, which, day)
        if batch:
            world.new_runner(most_rows=batch).catch_up()
    world.runner.catch_up()
    followed = world.stored()
    assert all(health.parked == 0 for health in world.runner.health())
    world.new_runner(most_rows=1000).rebuild()
    assert world.stored() == followed
    _check_against_the_aggregates(world, played)


def _check_against_the_aggregates(world: World, played: History) -> None:
    """The journey shows what the resource's own read gives, and the caseload counts what the journey shows."""
    shown = {}
    for client in played.clients:
        items = world.journey.of_client(client.id, limit=2000).items
        shown |= {item.id: item.content for item in items if item.kind in ("client", "session", "appointment")}
        sessions = [item for item in items if item.kind == "session" and item.state != "entered_in_error"]
        (row,) = world.caseload.of_clients([client.id])
        assert row.sessions == len(sessions)
        assert row.unsigned_sessions == sum(item.state != "signed" for item in sessions)
        assert row.last_session_at == max((item.happened_at for item in sessions), default=None)
        assert row.status == client.status
    expected = {client.id: client_as_json(client) for client in played.clients}
    expected |= {session.id: session_as_json(session) for session in played.sessions}
    expected |= {appointment.id: appointment_as_json(appointment) for appointment in played.appointments}
    assert shown == expected


KINDS = st.lists(st.sampled_from(JOURNEY_KINDS), max_size=4, unique=True)
DAYS = st.none() | st.integers(-10, 420)


# As above: one deployment, and each example's history on top of those before.
@settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(history=HISTORIES, kinds=KINDS, first=DAYS, days=DAYS, limit=st.integers(1, 9), whole=st.booleans())
def test_the_stored_journey_reads_as_the_one_computed_from_the_log(  # noqa: PLR0917 - what can be asked
    world, history, kinds, first, days, limit, whole
) -> None:
    played = History(world)
    for command, which, day, _ in history:
        played.play(command, which, day)
    world.runner.catch_up()
    since = None if first is None else T0 + timedelta(days=first)
    asked = {"since": since, "until": None if days is None else T0 + timedelta(days=days), "kinds": kinds}
    ids = [client.id for client in played.clients]
    stored = world.journey.history(ids, **asked, whole=whole)
    computed = world.computed.history(ids, **asked, whole=whole)
    for client_id in ids:
        assert as_computed(stored[client_id]) == as_computed(computed[client_id])
        paged = pages(world.journey, client_id, asked, limit, whole)
        assert as_computed(paged) == as_computed(computed[client_id])
        even = [item for item in computed[client_id] if not item.version % 2]
        assert as_computed(pages(world.journey, client_id, asked, limit, whole, evenly)) == as_computed(even)


def evenly(item) -> bool:
    return item.version % 2 == 0


def as_computed(items):
    """Without when the store took them, which only the store knows."""
    return [replace(item, recorded_at=T0, content=dict(item.content)) for item in items]


def pages(view, client_id, asked, limit, whole, keep=None):  # noqa: PLR0917 - what can be asked
    """All pages; each is full but the last."""
    items, after, sizes = [], None, []
    while True:
        page = view.of_client(client_id, **asked, limit=limit, whole=whole, keep=keep, after=after)
        items += page.items
        sizes.append(len(page.items))
        after = page.after
        if after is None:
            assert Counter(sizes[:-1]).keys() <= {limit}
            return items
