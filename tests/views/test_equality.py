"""A rebuild gives, row for row, what following the log gave, however it was cut into batches."""

from datetime import timedelta
from uuid import uuid4

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from views_world import CLINICIAN, T0, World, content, identity_of, moment, planned, recorded, registered

from domain.errors import AnamnesisError
from domain.model.appointment import CancellationReason, CancelledBy, MissReason
from domain.model.identity import IdentityContent
from domain.model.values import Modality, PersonName
from domain.ports.access import Relation
from domain.ports.audit import AuditEntry
from domain.ports.call import Purpose
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

    def miss(self, which, _at) -> None:
        self._save("miss", self._one(self.appointments, which), reason=MissReason.OTHER)


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
