"""The product's own writers need no more than the application's role has: each of them at work under it."""

import sys
import time
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import pytest
from sqlalchemy import delete, insert, select

from adapters.access.tables import drafts
from adapters.db.engines import open_databases
from adapters.event_store.rows import Append, CommandRow, StateWrite
from adapters.keys.checks import sweep_orphans
from adapters.keys.root_file import FileRootKey
from adapters.keys.tables import keys
from adapters.views.fences import fence
from domain.ports.audit import AuditEntry
from domain.ports.keys import RecordClass

# How the tests of the views make history.
sys.path.insert(0, str(Path(__file__).parents[1] / "views"))

from views_world import World, identity_of, nonsense, planned, recorded, registered

HOUR_US = 3_600_000_000


@pytest.fixture
def database_kind() -> str:
    return "postgresql"


@pytest.fixture
def world(database_urls, tmp_path) -> Iterator[World]:
    with open_databases(*database_urls, application_role="anamnesis_app") as databases:
        yield World(databases, FileRootKey.create(tmp_path / "root.key"))


def test_history_is_written_sealed_and_projected(world):
    client = registered()
    session = recorded(client)
    world.write(client, identity_of(client), session, entries=[AuditEntry(action="session.record")])
    last = world.write(planned(client, start=session.content.took_place.instant))
    assert world.runner.catch_up() == last
    stored = world.stored()
    assert len(stored["caseload"]) == len(stored["audit_entries"]) == 1
    world.runner.rebuild()
    assert world.stored() == stored


def test_drafts_are_kept_and_discarded_beside_events(world):
    draft = {"id": uuid4(), "client_id": uuid4(), "author_id": uuid4(), "saved_at_us": 1, "state": b"sealed"}

    def store(*writes: StateWrite) -> int:
        command = CommandRow(id=uuid4())
        return world.recorder.append(Append(rows=[nonsense()], command=command, writes=writes)).last

    store(StateWrite(statement=insert(drafts), parameters=draft))
    with world.databases.events.connect() as connection:
        assert connection.execute(select(drafts.c.state)).scalars().all() == [b"sealed"]
    assert store(StateWrite(statement=delete(drafts))) == 2


def test_keys_without_use_are_swept(world):
    world.ring.key_id(uuid4(), RecordClass.JOURNAL)
    now_us = time.time_ns() // 1000
    swept = sweep_orphans(world.ring.book, lambda _: False, now_us=now_us + 3 * HOUR_US, older_than_us=2 * HOUR_US)
    assert swept == 2  # the client's key, and the data key that it wraps
    with world.databases.keys.connect() as connection:
        owners = set(connection.execute(select(keys.c.owner)).scalars())
    assert all(owner.int == 0 for owner in owners)


def test_rows_of_a_client_under_erasure_leave_the_views(world):
    client = registered()
    world.write(client, identity_of(client))
    world.runner.catch_up()
    assert world.stored()["caseload"]
    fence(world.tracking, client.id, 10)
    assert not world.stored()["caseload"]
