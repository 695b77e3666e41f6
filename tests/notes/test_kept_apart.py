"""Processes without the second root go through a log with psychotherapy notes, and learn nothing; forged classes are found."""

from dataclasses import replace
from datetime import UTC, datetime
from hashlib import sha256
from uuid import uuid4

import pytest

from adapters.access.rebuild import rebuild_access_state
from adapters.event_store.envelope import associated_data
from adapters.event_store.feed import SqlChangeFeed, SqlEventReader
from adapters.event_store.mapper import Mapper, padded
from adapters.event_store.rows import Append, CommandRow, NewRow
from adapters.keys.errors import NotesRootNotLoaded
from adapters.keys.ring import KeyRing
from adapters.keys.root_file import FileRootKey
from domain.errors import SealBroken
from domain.model.note import Note
from domain.model.notes_folder import NotesFolder
from domain.model.session import Session
from domain.ports.keys import RecordClass
from tests.seal.kit import AT, DEPLOYMENT, Kit, a_client, a_content, ring_on
from tests.views.views_world import World, parked, recorded, registered

CANARY = "Seidenschwanz"


def a_note(client_id, author_id, **more):
    return Note.write(uuid4(), at=AT, client_id=client_id, by=author_id, text=f"Of the {CANARY}.", **more)


@pytest.fixture
def kit(databases):
    return Kit.on(databases)


@pytest.fixture
def kept(kit):
    """A client, a note about them and its folder, saved."""
    client, author = a_client(), uuid4()
    note = a_note(client.id, author)
    folder = NotesFolder.open(at=AT, client_id=client.id, author_id=author)
    folder.file(at=AT, note_id=note.id)
    folder.name_custodian(at=AT, by=author, custodian_id=uuid4())
    kit.save(client)
    kit.save(note, folder)
    return note, folder


@pytest.fixture
def outsider(kit):
    """The mapper of a process that holds the first root alone."""
    return Mapper(ring_on(kit.databases.keys, notes_root=None), DEPLOYMENT, kit.recorder.incarnation)


def row_of(kit, stream):
    return next(row for row in kit.rows() if row.originator_id == stream)


@pytest.mark.parametrize("substance_use", [False, True])
def test_notes_lie_under_a_class_and_root_of_their_own(kit, outsider, substance_use):
    client = a_client()
    note = a_note(client.id, uuid4(), substance_use=substance_use)
    kit.save(client, note)
    row = row_of(kit, note.id)
    assert row.record_class == ("sud-notes" if substance_use else "notes")
    assert kit.mapper.to_event(row).text == note.text
    with pytest.raises(NotesRootNotLoaded):
        outsider.to_event(row)


def test_the_feed_tells_of_a_note_as_of_any_record_without_opening_it(kit, kept, outsider):
    note, _ = kept
    feed = SqlChangeFeed(kit.databases.events, kit.recorder, outsider)
    told = next(change for change in feed.changes(0, 100).items if change.resource_id == note.id)
    assert (told.kind, told.client_id) == ("record", note.client_id)


def test_the_event_reader_does_not_open_a_note_for_anybody(kit, kept):
    note, _ = kept
    row = row_of(kit, note.id)
    told = SqlEventReader(kit.databases.events, kit.recorder, kit.mapper).event(row.position)
    assert (told.kind, told.data, told.record_class) == (None, None, "notes")


def test_access_state_is_made_anew_without_the_second_root(kit, kept, outsider):
    note, folder = kept
    before = kit.state.notes_places(note.author_id)
    assert [(place.client_id, place.custodian_id) for place in before] == [(note.client_id, folder.custodian_id)]
    rebuild_access_state(kit.databases.events, kit.recorder, outsider, kit.writes)
    assert kit.state.notes_places(note.author_id) == before == kit.state.notes_places(folder.custodian_id)
    assert kit.state.notes_places(uuid4()) == ()


@pytest.mark.parametrize("claimed", ["journal", "sud", "sud-notes", "no-such-class", ""])
def test_a_note_that_claims_another_class_does_not_open(kit, kept, claimed):
    note, _ = kept
    with pytest.raises(SealBroken):
        kit.mapper.to_event(replace(row_of(kit, note.id), record_class=claimed))


@pytest.mark.parametrize(("claimed", "true"), [("notes", RecordClass.JOURNAL), ("journal", RecordClass.SUD)])
def test_a_state_sealed_under_the_key_of_another_class_does_not_open_though_its_writer_held_the_key(kit, claimed, true):
    client, stream = a_client(), uuid4()
    key_id = kit.ring.key_id(client.id, true)
    plaintext = padded(b'{"kind":"note.revised","at":"2026-03-02T09:00:00+00:00","text":"x"}')
    context = associated_data(kit.mapper.log, stream, 1, "record.2", claimed, key_id, client.id)
    state = kit.ring.seal(key_id, plaintext, context)
    made = kit.mapper.sealed(stream, 1, "record.2", true, client.id, plaintext)
    kit.recorder.append(_append(replace(made, state=state, record_class=claimed)))
    with pytest.raises(SealBroken):
        kit.mapper.to_event(row_of(kit, stream))


def _append(row: NewRow):
    return Append(rows=[replace(row, state_hash=sha256(row.state).digest())], command=CommandRow(id=uuid4()))


@pytest.fixture
def world(databases, tmp_path):
    return World(databases, FileRootKey.create(tmp_path / "root.key"))


def test_projections_without_the_second_root_pass_notes_over_and_go_on(world):
    client = registered()
    world.write(client)
    with_root = Mapper(_ring_with_notes(world), world.ring.deployment, 1)
    note = Note.write(uuid4(), at=client.created_on, client_id=client.id, by=uuid4(), text=CANARY)
    world.append(*[with_root.to_row(event, note) for event in note.collect_events()])
    session = recorded(client)
    position = world.write(session)
    world.runner.catch_up(position)
    assert parked(world) == []
    shown = world.journey.of_client(client.id, at_least=position).items
    assert {item.kind for item in shown} == {"client", "care_team", "session"}
    assert CANARY not in str(world.stored())


def _ring_with_notes(world):
    return KeyRing(
        world.databases.keys,
        deployment=world.ring.deployment,
        root=world.root,
        notes_root=FileRootKey(bytes(range(32, 64))),
    )


def test_a_session_of_substance_use_treatment_is_an_entry_like_any_other_in_the_view(world):
    client = registered()
    world.write(client)
    session = Session.record(
        uuid4(),
        at=datetime(2026, 3, 2, 12, tzinfo=UTC),
        client_id=client.id,
        author_id=uuid4(),
        content=a_content(),
        substance_use=True,
    )
    position = world.write(session)
    world.runner.catch_up(position)
    row = next(row for row in world.stored()["journey_items"] if "session" in str(row))
    assert ("entry" in row, "session" in row) == (True, False)
    for items in (
        world.journey.of_client(client.id, at_least=position, kinds=("session",)).items,
        world.journey.history((client.id,), at_least=position, kinds=("session",))[client.id],
    ):
        assert [(item.kind, item.id, item.record_class) for item in items] == [("session", session.id, RecordClass.SUD)]
    assert [case.sessions for case in world.caseload.of_clients((client.id,))] in ([], [0])
