"""Facts for the work list: good until the journey moves on, and gone with the client. The same over plain objects."""

from dataclasses import dataclass
from typing import Any
from uuid import UUID, uuid4

import pytest
from entries import measured
from sqlalchemy import func, select
from views_world import CANARY, World, identity_of, recorded, registered

from adapters.memory.worklist import InMemoryFacts
from adapters.views.fences import fence
from adapters.views.tables import worklist, worklist_accounts
from domain.errors import SealBroken, ViewBehind
from domain.ports.worklist import ClientFacts, FactsStore


@dataclass
class Kept:
    """A world, and where its facts are kept."""

    world: World
    store: FactsStore

    def write(self, *aggregates: Any) -> int:
        last = self.world.write(*aggregates)
        self.world.runner.catch_up()
        return last

    def fence(self, client_id: UUID) -> None:
        fence(self.world.tracking, client_id, 1)
        self.world.log.fences.add(client_id)


@pytest.fixture(params=["stored", "computed"])
def kept(request, world) -> Kept:
    return Kept(world, world.facts if request.param == "stored" else InMemoryFacts(world.log))


def facts(client_id: UUID, as_of: int, said: str = CANARY, *accounts: UUID) -> ClientFacts:
    return ClientFacts(client_id=client_id, as_of=as_of, facts={"said": said}, accounts=frozenset(accounts))


def test_a_client_without_facts_is_outdated_as_of_its_newest_event(kept) -> None:
    client = registered()
    kept.write(client, identity_of(client))
    last = kept.write(measured(client))
    assert list(kept.store.outdated(limit=10)) == [(client.id, last)]
    assert kept.store.of_clients([client.id]) == {}


def test_facts_hold_until_the_journey_moves_on(kept) -> None:
    client = registered()
    last = kept.write(client)
    kept.store.keep([facts(client.id, last)])
    assert list(kept.store.outdated(limit=10)) == []
    assert kept.store.of_clients([client.id])[client.id].facts == {"said": CANARY}
    moved = kept.write(recorded(client))
    assert kept.store.of_clients([client.id]) == {}
    assert list(kept.store.outdated(limit=10)) == [(client.id, moved)]
    assert [each.as_of for each in kept.store.page(limit=10)] == [last]


def test_what_another_clients_journey_does_changes_nothing(kept) -> None:
    mine, other = registered(), registered()
    kept.write(mine)
    last = kept.write(other)
    kept.store.keep([facts(mine.id, last)])
    kept.write(recorded(other))
    assert list(kept.store.of_clients([mine.id, other.id])) == [mine.id]


def test_older_facts_never_replace_newer_ones(kept) -> None:
    client = registered()
    kept.write(client)
    last = kept.write(recorded(client))
    for as_of, said in ((last, "new"), (last - 1, "old")):
        kept.store.keep([facts(client.id, as_of, said)])
    assert kept.store.of_clients([client.id])[client.id].facts == {"said": "new"}
    kept.store.keep([facts(client.id, last, "again")])
    assert kept.store.of_clients([client.id])[client.id].facts == {"said": "again"}


def test_outdated_clients_and_all_facts_come_in_portions_by_id(kept) -> None:
    clients = [registered() for _ in range(7)]
    last = kept.write(*clients)
    ids = sorted(client.id for client in clients)
    seen, after = [], None
    while some := kept.store.outdated(after=after, limit=3):
        seen += [client_id for client_id, _ in some]
        after = seen[-1]
    assert seen == ids
    kept.store.keep([facts(client_id, last) for client_id in ids])
    seen, after = [], None
    while page := kept.store.page(after=after, limit=3):
        seen += [each.client_id for each in page]
        after = seen[-1]
    assert seen == ids


def test_whom_something_waits_for_finds_the_client_until_it_waits_no_longer(kept) -> None:
    client, me, other = registered(), uuid4(), uuid4()
    last = kept.write(client)
    kept.store.keep([facts(client.id, last, "", me, other)])
    assert list(kept.store.waiting_for(me)) == [client.id]
    kept.store.keep([facts(client.id, last, "", other)])
    assert list(kept.store.waiting_for(me)) == []
    assert list(kept.store.waiting_for(other)) == [client.id]


def test_nothing_is_kept_or_read_of_a_client_under_erasure(kept) -> None:
    client, other, me = registered(), registered(), uuid4()
    last = kept.write(client, other)
    kept.store.keep([facts(client.id, last, CANARY, me), facts(other.id, last)])
    kept.fence(client.id)
    kept.store.keep([facts(client.id, last, "late", me), facts(other.id, last, "late")])
    assert list(kept.store.of_clients([client.id, other.id])) == [other.id]
    assert list(kept.store.waiting_for(me)) == []
    assert [each.client_id for each in kept.store.page(limit=10)] == [other.id]
    assert list(kept.store.outdated(limit=10)) == []


def test_who_asks_for_more_than_there_is_is_told(kept) -> None:
    last = kept.write(registered())
    for read in (
        lambda: kept.store.of_clients([], at_least=last + 1),
        lambda: kept.store.waiting_for(uuid4(), at_least=last + 1),
    ):
        with pytest.raises(ViewBehind):
            read()


def test_facts_are_sealed_and_bound_to_their_client(world) -> None:
    clients = [registered(), registered()]
    last = world.write(*clients)
    world.runner.catch_up()
    world.facts.keep([facts(client.id, last) for client in clients])
    with world.databases.views.begin() as connection:
        rows = connection.execute(select(worklist.c.client_id, worklist.c.facts)).all()
        assert not any(CANARY.encode() in row.facts for row in rows)
        connection.execute(worklist.update().where(worklist.c.client_id == clients[0].id).values(facts=rows[0].facts))
        connection.execute(worklist.update().where(worklist.c.client_id == clients[1].id).values(facts=rows[0].facts))
    with pytest.raises(SealBroken):
        world.facts.of_clients([client.id for client in clients])


def test_the_length_of_the_facts_does_not_tell_who_has_an_open_flag(world) -> None:
    calm, alarmed = registered(), registered()
    world.write(calm, alarmed)
    flags = [{"id": str(uuid4()), "level": "imminent", "since": 1, "due": 2, "escalated": 3, "to": str(uuid4())}]
    for client, open_flags in ((calm, []), (alarmed, flags)):
        world.facts.keep([ClientFacts(client_id=client.id, as_of=2, facts={"flags": open_flags})])
    with world.databases.views.begin() as connection:
        lengths = connection.execute(select(func.length(worklist.c.facts))).scalars().all()
    assert len(lengths) == 2
    assert len(set(lengths)) == 1


def test_erasure_leaves_no_row_and_a_rebuild_begins_anew(world) -> None:
    client, other = registered(), registered()
    last = world.write(client, other)
    world.runner.catch_up()
    world.facts.keep([facts(client.id, last, "", uuid4()), facts(other.id, last, "", uuid4())])
    fence(world.tracking, client.id, last)
    assert counts(world) == (1, 1)
    world.runner.rebuild()
    assert counts(world) == (0, 0)
    assert [client_id for client_id, _ in world.facts.outdated(limit=10)] == [other.id]


def test_facts_of_a_client_whose_keys_are_gone_are_passed_over(world) -> None:
    client, other = registered(), registered()
    last = world.write(client, other)
    world.runner.catch_up()
    world.facts.keep([facts(client.id, last), facts(other.id, last)])
    world.destroy_keys(client)
    assert list(world.facts.of_clients([client.id, other.id])) == [other.id]
    assert [each.client_id for each in world.facts.page(limit=1)] == [other.id]
    world.facts.keep([facts(client.id, last + 1), facts(other.id, last + 1, "new")])
    assert world.facts.of_clients([other.id])[other.id].facts == {"said": "new"}


def counts(world: World) -> tuple[int, int]:
    with world.databases.views.begin() as connection:
        return tuple(
            connection.scalar(select(func.count()).select_from(table)) for table in (worklist, worklist_accounts)
        )
