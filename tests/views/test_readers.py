"""What readers get: everything once, in order, as of the position they ask for."""

from dataclasses import replace
from datetime import timedelta
from uuid import UUID, uuid4

import pytest
from views_world import CLINICIAN, T0, call, content, identity_of, planned, recorded, registered

from domain.errors import Invalid, SealBroken, ViewBehind
from domain.model.appointment import CancellationReason, CancelledBy
from domain.ports.access import Relation
from domain.ports.audit import AuditEntry, Outcome
from domain.ports.call import Actor, Purpose, Role
from domain.services.rendering import appointment_as_json, session_as_json

BY = CLINICIAN.id
WEEK = timedelta(days=7)


def all_pages(search, limit, between=lambda: None):
    items, after = [], None
    while True:
        page = search(after=after, limit=limit)
        assert len(page.items) <= limit
        items += page.items
        after = page.after
        if after is None:
            return items
        between()


# The journey -----------------------------------------------------------------------------------------------------------


def test_the_journey_shows_everything_in_the_order_it_happened_as_the_resource_reads(world) -> None:
    client = registered(T0 - 10 * WEEK)
    late, early = recorded(client, T0), recorded(client, T0 - WEEK)
    appointment = planned(client, T0 + WEEK)
    client.give_consent(
        at=T0, by=BY, consent_id=uuid4(), purpose=Purpose.RESEARCH, document="research/1", given_at=T0 - 2 * WEEK
    )
    position = world.write(client, late, early, appointment)
    world.runner.catch_up()
    items = world.journey.of_client(client.id, at_least=position).items
    assert [item.kind for item in items] == ["client", "care_team", "consent", "session", "session", "appointment"]
    assert [item.id for item in items[3:]] == [early.id, late.id, appointment.id]
    assert items[4].content == session_as_json(late)
    assert items[5].content == appointment_as_json(appointment)
    assert items[4].happened_at == T0
    assert [item.positions for item in items] == [(1, 2, 3), (2,), (3,), (5,), (4,), (6,)]
    assert items[0].recorded_at == items[5].recorded_at  # one append


def test_an_item_shows_its_state_as_of_now_and_all_positions_it_came_from(world) -> None:
    client = registered()
    session = recorded(client)
    world.write(client, session)
    world.runner.catch_up()
    session.amend(at=T0, by=BY, content=content(T0 - WEEK, summary="Amended."))
    world.write(session)
    world.runner.catch_up()
    session.sign(at=T0, by=BY)
    session.add_addendum(at=T0, by=BY, addendum_id=uuid4(), text="Also.")
    session.mark_entered_in_error(at=T0, by=BY, reason="Wrong chart.")
    world.write(session)
    world.runner.catch_up()
    (item,) = world.journey.of_client(client.id, kinds=["session"]).items
    assert (item.state, item.version, item.positions) == ("entered_in_error", 5, (3, 4, 5, 6, 7))
    assert item.happened_at == T0 - WEEK
    assert item.content == session_as_json(session)
    assert item.content["addenda"][0]["text"] == "Also."


def test_care_team_changes_are_items_of_their_own(world) -> None:
    client = registered()
    colleague = uuid4()
    client.join_care_team(at=T0 + WEEK, by=BY, account_id=colleague, relation=Relation.SUPERVISOR)
    client.leave_care_team(at=T0 + 2 * WEEK, by=BY, account_id=colleague)
    world.write(client)
    world.runner.catch_up()
    items = world.journey.of_client(client.id, kinds=["care_team"]).items
    assert [(item.state, item.content["account_id"]) for item in items] == [
        ("joined", str(BY)),
        ("joined", str(colleague)),
        ("left", str(colleague)),
    ]
    assert items[1].content["relation"] == "supervisor"
    assert len({item.id for item in items}) == 3


def test_consents_show_whether_they_stand(world) -> None:
    client = registered()
    consent_id = uuid4()
    client.give_consent(
        at=T0, by=BY, consent_id=consent_id, purpose=Purpose.RESEARCH, document="research/1", given_at=T0
    )
    world.write(client)
    world.runner.catch_up()
    assert [item.state for item in world.journey.of_client(client.id, kinds=["consent"]).items] == ["given"]
    client.withdraw_consent(at=T0 + WEEK, by=BY, consent_id=consent_id)
    world.write(client)
    world.runner.catch_up()
    (item,) = world.journey.of_client(client.id, kinds=["consent"]).items
    assert (item.id, item.state, item.positions) == (consent_id, "withdrawn", (3, 4))
    assert item.content["withdrawn_at"] is not None


def test_the_same_consent_id_under_two_clients_is_two_consents(world) -> None:
    consent_id = uuid4()
    clients = [registered(), registered()]
    for client in clients:
        client.give_consent(
            at=T0, by=BY, consent_id=consent_id, purpose=Purpose.RESEARCH, document="research/1", given_at=T0
        )
    world.write(*clients)
    world.runner.catch_up()
    for client in clients:
        assert [item.id for item in world.journey.of_client(client.id, kinds=["consent"]).items] == [consent_id]


@pytest.mark.parametrize("limit", [1, 3, 7, 100])
def test_pages_of_the_journey_hold_everything_once_while_new_items_arrive(world, limit) -> None:
    client = registered(T0 - WEEK)
    sessions = [recorded(client, T0 + timedelta(hours=n // 3)) for n in range(10)]  # three at each instant
    world.write(client, *sessions)
    world.runner.catch_up()

    def more() -> None:
        world.write(recorded(client, T0 + WEEK))
        if len(arrived) < 3:
            arrived.append(1)
            world.runner.catch_up()

    arrived = []
    items = all_pages(lambda **page: world.journey.of_client(client.id, kinds=["session"], **page), limit, more)
    assert len({item.id for item in items}) == len(items)
    assert [item.id for item in items][:10] == [session.id for session in sessions]
    assert [(item.happened_at, item.positions) for item in items] == sorted(
        (item.happened_at, item.positions) for item in items
    )


def test_the_journey_can_be_cut_by_time_and_kind(world) -> None:
    client = registered(T0)
    sessions = [recorded(client, T0 + n * WEEK) for n in range(5)]
    world.write(client, *sessions, planned(client, T0 + WEEK))
    world.runner.catch_up()
    cut = world.journey.of_client(client.id, since=T0 + WEEK, until=T0 + 3 * WEEK, kinds=["session"])
    assert [item.id for item in cut.items] == [sessions[1].id, sessions[2].id]
    both = world.journey.of_client(client.id, since=T0 + WEEK, until=T0 + 2 * WEEK, kinds=["session", "appointment"])
    assert [item.kind for item in both.items] == ["session", "appointment"]


def test_a_clients_journey_holds_nothing_of_others(world) -> None:
    mine, other = registered(), registered()
    world.write(mine, other, recorded(other))
    world.runner.catch_up()
    assert {item.client_id for item in world.journey.of_client(mine.id).items} == {mine.id}
    assert world.journey.of_client(uuid4()).items == ()


@pytest.mark.parametrize(
    "asked", [{"limit": 0}, {"limit": 2001}, {"kinds": ["draft"]}, {"after": (1,)}, {"after": (1, 2, 3)}]
)
def test_what_the_journey_cannot_answer_is_refused(world, asked) -> None:
    with pytest.raises(Invalid):
        world.journey.of_client(uuid4(), **asked)


def test_a_row_moved_to_another_client_does_not_open(world) -> None:
    mine, other = registered(), registered()
    world.write(mine, other)
    world.runner.catch_up()
    with world.databases.views.begin() as connection:
        from adapters.views.tables import journey_items

        chart = journey_items.c.kind == "client"
        connection.execute(journey_items.delete().where(chart, journey_items.c.client_id == mine.id))
        connection.execute(journey_items.update().where(chart).values(client_id=mine.id))
    with pytest.raises(SealBroken):
        world.journey.of_client(mine.id)


# The caseload ----------------------------------------------------------------------------------------------------------


def test_the_caseload_shows_each_client_in_the_order_asked(world) -> None:
    anna, ben, unnamed = registered(), registered(), registered()
    world.write(anna, identity_of(anna, given="Anna"), ben, identity_of(ben, given="Ben"), unnamed)
    world.runner.catch_up()
    shown = world.caseload.of_clients([ben.id, uuid4(), unnamed.id, anna.id, ben.id])
    assert [(item.client_id, item.name) for item in shown] == [
        (ben.id, "Ben Prüfer"),
        (unnamed.id, ""),
        (anna.id, "Anna Prüfer"),
    ]
    assert [item.birth_date for item in shown] == ["1984-05-17", "", "1984-05-17"]
    assert [item.status for item in shown] == ["active"] * 3
    assert world.caseload.of_clients([]) == ()


def test_the_caseload_knows_the_next_appointment_as_of_now(world) -> None:
    client = registered()
    appointments = [planned(client, T0 + n * WEEK) for n in range(1, 4)]
    appointments[0].cancel(at=T0, by=BY, cancelled_by=CancelledBy.CLIENT, reason=CancellationReason.ILLNESS)
    world.write(client, *appointments, planned(client, T0 - WEEK))
    world.runner.catch_up()
    assert world.caseload.of_clients([client.id])[0].next_appointment_at == T0 + 2 * WEEK
    world.clock.at = T0 + 2 * WEEK + timedelta(seconds=1)
    assert world.caseload.of_clients([client.id])[0].next_appointment_at == T0 + 3 * WEEK
    world.clock.at = T0 + 4 * WEEK
    assert world.caseload.of_clients([client.id])[0].next_appointment_at is None


def test_the_newest_session_moves_back_when_it_is_marked_as_an_error(world) -> None:
    client = registered()
    older, newer = recorded(client, T0 - WEEK), recorded(client, T0)
    world.write(client, older, newer)
    world.runner.catch_up()
    (item,) = world.caseload.of_clients([client.id])
    assert (item.sessions, item.unsigned_sessions, item.last_session_at) == (2, 2, T0)
    newer.mark_entered_in_error(at=T0, by=BY, reason="Wrong chart.")
    older.sign(at=T0, by=BY)
    world.write(newer, older)
    world.runner.catch_up()
    (item,) = world.caseload.of_clients([client.id])
    assert (item.sessions, item.unsigned_sessions, item.last_session_at) == (1, 0, T0 - WEEK)


def test_a_caseload_of_many_clients_is_read_whole(world) -> None:
    clients = [registered() for _ in range(40)]
    world.write(*clients)
    world.runner.catch_up()
    asked = [client.id for client in clients] + [uuid4() for _ in range(1500)]
    assert [item.client_id for item in world.caseload.of_clients(asked)] == [client.id for client in clients]


def test_readers_are_told_when_their_position_is_not_reached(world) -> None:
    position = world.write(registered())
    world.runner.catch_up()
    for read in (
        lambda: world.journey.of_client(uuid4(), at_least=position + 1),
        lambda: world.caseload.of_clients([], at_least=position + 1),
        lambda: world.audit.search(at_least=position + 1),
    ):
        with pytest.raises(ViewBehind):
            read()


# The audit trail -------------------------------------------------------------------------------------------------------

ACTORS = [replace(CLINICIAN, id=UUID(int=n + 1), role=role) for n, role in enumerate((Role.CLINICIAN, Role.OPERATOR))]
CLIENTS = [UUID(int=n + 100) for n in range(3)]


def written(world) -> list[tuple[Actor, AuditEntry]]:
    """Each combination of actor, client, action and outcome once, an append each."""
    entries = [
        (
            actor,
            AuditEntry(
                action=action, client_id=client, outcome=outcome, reason=reason, resources=(client,) * bool(client)
            ),
        )
        for actor in ACTORS
        for client in (*CLIENTS, None)
        for action in ("session.read", "session.sign")
        for outcome, reason in ((Outcome.ALLOWED, ""), (Outcome.DENIED, "outside_care_team"))
    ]
    for actor, entry in entries:
        world.write(entries=[entry], by=call(actor=actor))
    world.runner.catch_up()
    return entries


def test_the_audit_trail_is_searched_by_each_filter_and_any_of_them_together(world) -> None:
    entries = written(world)
    asked = [
        {},
        {"actor_id": ACTORS[0].id},
        {"client_id": CLIENTS[1]},
        {"action": "session.sign"},
        {"outcome": "denied"},
        {"outcome": "allowed"},
        {"outcome": "failed"},
        {"actor_id": ACTORS[1].id, "action": "session.read"},
        {"actor_id": ACTORS[1].id, "client_id": CLIENTS[0], "action": "session.read", "outcome": "denied"},
        {"actor_id": uuid4()},
    ]
    for filters in asked:
        expected = [
            (actor.id, entry.action, entry.client_id, str(entry.outcome))
            for actor, entry in reversed(entries)
            if filters.get("actor_id", actor.id) == actor.id
            and filters.get("client_id", entry.client_id) == entry.client_id
            and filters.get("action", entry.action) == entry.action
            and filters.get("outcome", entry.outcome) == entry.outcome
        ]
        found = all_pages(lambda f=filters, **page: world.audit.search(**f, **page), 5)
        assert [(item.actor_id, item.action, item.client_id, item.outcome) for item in found] == expected, filters


def test_an_entry_is_shown_whole_and_leads_back_to_the_log(world) -> None:
    by = call()
    client_id, session_id = uuid4(), uuid4()
    entry = AuditEntry(
        action="session.read",
        client_id=client_id,
        resources=(session_id, client_id),
        outcome=Outcome.DENIED,
        reason="r",
    )
    position = world.write(entries=[entry], by=by)
    world.runner.catch_up()
    (item,) = world.audit.search(at_least=position).items
    (row,) = world.recorder.read_log(position - 1, 1)
    assert (item.position, item.leaf) == (row.position, row.leaf)
    assert (item.request_id, item.actor_id, item.actor_role) == (by.request_id, BY, "clinician")
    assert (item.action, item.client_id, item.resources) == ("session.read", client_id, (session_id, client_id))
    assert (item.outcome, item.reason, item.purpose, item.origin) == ("denied", "r", "treatment", "192.0.2.7")
    assert item.recorded_at.timestamp() == pytest.approx(row.recorded_at_us / 1e6)


def test_the_audit_trail_is_cut_by_when_it_was_recorded(world) -> None:
    written(world)
    everything = world.audit.search(limit=1000).items
    times = sorted({item.recorded_at for item in everything})
    since, until = times[len(times) // 3], times[2 * len(times) // 3]
    for asked, wanted in [
        ({"since": since}, lambda at: at >= since),
        ({"until": until}, lambda at: at < until),
        ({"since": since, "until": until}, lambda at: since <= at < until),
        ({"since": times[-1] + WEEK}, lambda _: False),
        ({"until": times[0]}, lambda _: False),
        ({"until": times[-1] + WEEK}, lambda _: True),
    ]:
        found = world.audit.search(limit=1000, **asked).items
        assert [item.position for item in found] == [item.position for item in everything if wanted(item.recorded_at)]


@pytest.mark.parametrize("limit", [1, 4, 1000])
def test_pages_of_the_audit_trail_hold_everything_once_while_new_entries_arrive(world, limit) -> None:
    written(world)
    before = [item.position for item in world.audit.search(limit=1000).items]

    def more() -> None:
        world.write(entries=[AuditEntry(action="session.read")])
        world.runner.catch_up()

    found = [item.position for item in all_pages(world.audit.search, limit, more)]
    assert found == before


@pytest.mark.parametrize("asked", [{"limit": 0}, {"limit": 1001}, {"after": ()}, {"after": (1, 2)}])
def test_what_the_audit_trail_cannot_answer_is_refused(world, asked) -> None:
    with pytest.raises(Invalid):
        world.audit.search(**asked)
