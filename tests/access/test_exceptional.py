"""Rows of exceptional access and places with an end: written with their events, vouched for, and made anew from the log."""

from datetime import timedelta
from uuid import uuid4

import pytest
from sqlalchemy import select, update

from adapters.access.exceptional import SqlExceptionalList
from adapters.access.instants import microseconds
from adapters.access.rebuild import rebuild_access_state
from adapters.access.tables import care_team, exceptional_access
from adapters.memory.access import InMemoryAccessState
from adapters.memory.exceptional import InMemoryExceptionalList
from domain.errors import SealBroken
from domain.model.exceptional_access import ExceptionalAccess
from domain.model.values import RepresentativeAuthority
from domain.ports.access import Relation
from domain.ports.exceptional import AccessWay, Verdict
from tests.seal.kit import AT, a_client

WITHIN = timedelta(hours=72)
NOW_US = microseconds(AT)
MINUTE_US = 60_000_000


@pytest.fixture
def client(kit):
    client = a_client()
    kit.save(client)
    return client


def broken(client, by, at=AT, minutes=60):
    return ExceptionalAccess.break_glass(
        uuid4(), at=at, by=by, client_id=client.id, reason="Danger.", minutes=minutes, review_within=WITHIN
    )


def relation(kit, account, client, at_us, *, emergency=True):
    return kit.state.standing(account, client.id, at_us, emergency=emergency).relation


def test_a_broken_glass_counts_until_its_end_in_an_emergency_for_its_account(kit, client):
    account = uuid4()
    kit.save(broken(client, account))
    end_us = NOW_US + 60 * MINUTE_US
    assert relation(kit, account, client, end_us - 1) is Relation.BREAK_GLASS
    assert relation(kit, account, client, end_us) is Relation.NONE
    assert relation(kit, account, client, NOW_US, emergency=False) is Relation.NONE
    assert relation(kit, uuid4(), client, NOW_US) is Relation.NONE
    assert kit.state.standing(account, client.id, emergency=True).relation is Relation.NONE  # without a time


def test_one_that_was_ended_counts_no_more(kit, client):
    account = uuid4()
    glass = broken(client, account)
    kit.save(glass)
    glass.end(at=AT + timedelta(minutes=5), by=account)
    kit.save(glass)
    assert relation(kit, account, client, NOW_US + 5 * MINUTE_US - 1) is Relation.BREAK_GLASS
    assert relation(kit, account, client, NOW_US + 5 * MINUTE_US) is Relation.NONE


@pytest.mark.parametrize(
    "change",
    [
        {"until_us": NOW_US + 10**15},
        {"account_id": uuid4()},
        {"client_id": uuid4()},
        {"way": AccessWay.BREAK_GLASS.value, "until_us": NOW_US + MINUTE_US},
    ],
    ids=lambda change: next(iter(change)),
)
def test_a_row_that_was_altered_opens_nothing(kit, client, change):
    account, other = uuid4(), a_client(change.get("client_id"))
    if "client_id" in change:
        kit.save(other)
    glass = broken(client, account)
    if change.get("way"):
        glass = ExceptionalAccess.hand_over(
            at=AT, by=uuid4(), client_id=client.id, version=3, account_id=account, review_within=WITHIN
        )
    kit.save(glass)
    with kit.databases.events.begin() as connection:
        connection.execute(update(exceptional_access).values(**change))
    who = change.get("account_id", account)
    with pytest.raises(SealBroken):
        relation(kit, who, other if "client_id" in change else client, NOW_US)


def test_a_handover_gives_nothing_of_itself(kit, client):
    account = uuid4()
    kit.save(
        ExceptionalAccess.hand_over(
            at=AT, by=uuid4(), client_id=client.id, version=3, account_id=account, review_within=WITHIN
        )
    )
    assert relation(kit, account, client, NOW_US - 1) is Relation.NONE


def test_a_representative_counts_until_the_end_and_an_altered_end_for_nothing(kit, client):
    parent = uuid4()
    client.let_representative_in(
        at=AT, by=uuid4(), account_id=parent, authority=RepresentativeAuthority.PARENT, until=AT + timedelta(days=1)
    )
    kit.save(client)
    end_us = NOW_US + 24 * 60 * MINUTE_US
    assert relation(kit, parent, client, end_us - 1, emergency=False) is Relation.REPRESENTATIVE
    assert relation(kit, parent, client, end_us, emergency=False) is Relation.NONE
    assert kit.state.relation(parent, client.id) is Relation.NONE
    for until_us in (0, end_us + 1):
        with kit.databases.events.begin() as connection:
            connection.execute(update(care_team).where(care_team.c.account_id == parent).values(until_us=until_us))
        with pytest.raises(SealBroken):
            relation(kit, parent, client, NOW_US, emergency=False)


def history(client):
    """Glasses broken and handed over, ended and reviewed; by whom, and all events in their order."""
    first, second = uuid4(), uuid4()
    accesses = [broken(client, first, AT + timedelta(minutes=number)) for number in range(3)]
    accesses.append(broken(client, second, AT + timedelta(minutes=4)))
    accesses.append(
        ExceptionalAccess.hand_over(
            at=AT + timedelta(minutes=5),
            by=uuid4(),
            client_id=client.id,
            version=3,
            account_id=first,
            review_within=WITHIN,
        )
    )
    accesses[0].end(at=AT + timedelta(minutes=9), by=first)
    accesses[0].review(at=AT + timedelta(hours=1), by=uuid4(), verdict=Verdict.JUSTIFIED, remark="")
    accesses[1].review(at=AT + timedelta(hours=1), by=uuid4(), verdict=Verdict.NEEDS_FOLLOW_UP, remark="")
    return first, accesses


def test_lists_and_counts_are_the_same_from_the_table_and_in_memory(kit, client):
    first, accesses = history(client)
    state = InMemoryAccessState()
    for access in accesses:
        for event in access.pending_events:
            state.apply(event)
    kit.save(*accesses)
    other = a_client()
    stored, memory = SqlExceptionalList(kit.databases.events), InMemoryExceptionalList(state)
    last = (NOW_US + MINUTE_US, accesses[1].id)
    for asked in (
        lambda one: one.page(limit=10),
        lambda one: one.page(limit=2),
        lambda one: one.page(waiting=True, limit=10),
        lambda one: one.page(waiting=False, limit=10),
        lambda one: one.page(after=last, limit=10),
        lambda one: one.of_clients((client.id,), waiting=True),
        lambda one: one.of_clients((other.id,)),
        lambda one: one.of_clients(()),
        lambda one: one.broken_since(first, NOW_US),
        lambda one: one.broken_since(first, NOW_US - 1),
        lambda one: one.counted(NOW_US + 30 * MINUTE_US),
        lambda one: one.counted(NOW_US + 100 * 60 * MINUTE_US),
    ):
        left, right = asked(stored), asked(memory)
        assert (list(left) if not isinstance(left, int) else left) == (
            list(right) if not isinstance(right, int) else right
        )
    assert stored.broken_since(first, NOW_US - 1) == 3
    assert stored.counted(NOW_US + 100 * 60 * MINUTE_US) == (0, 4, 4)


def test_the_tables_are_made_anew_from_the_events(kit, client):
    _, accesses = history(client)
    kit.save(*accesses)
    client.let_representative_in(
        at=AT, by=uuid4(), account_id=uuid4(), authority=RepresentativeAuthority.GUARDIAN, until=AT + timedelta(days=9)
    )
    kit.save(client)
    assert content_of(kit)
    before = content_of(kit)
    rebuild_access_state(kit.databases.events, kit.recorder, kit.mapper, kit.writes)
    assert content_of(kit) == before


def content_of(kit):
    with kit.databases.events.connect() as connection:
        return [
            sorted(map(tuple, connection.execute(select(table))), key=repr) for table in (exceptional_access, care_team)
        ]
