"""Snapshots: replaceable, outside of the log, gone with the client."""

from uuid import uuid4

import pytest
from eventsourcing.persistence import IntegrityError
from sqlalchemy import insert

from adapters.db.engines import write_transaction
from adapters.event_store.snapshots import SnapshotRecorder
from adapters.event_store.tables import fences
from domain.errors import Erased
from tests.store.conftest import new_row


@pytest.fixture
def snapshots(events_engine):
    return SnapshotRecorder(events_engine)


def test_the_latest_snapshot_comes_back_as_it_was_put(snapshots):
    stream, client, key = uuid4(), uuid4(), uuid4()
    for version in (500, 1000):
        row = new_row(stream, version, b"sealed%d" % version, subject=client, record_class="journal", key_id=key)
        snapshots.put([row], incarnation=3)
    latest = snapshots.latest(stream)
    assert (latest.originator_version, latest.state, latest.subject) == (1000, b"sealed1000", client)
    assert (latest.record_class, latest.key_id, latest.incarnation) == ("journal", key, 3)
    assert snapshots.latest(stream, at_most=999).originator_version == 500
    assert snapshots.latest(stream, at_most=499) is None


def test_a_version_has_one_snapshot(snapshots):
    row = new_row(version=500)
    snapshots.put([row], incarnation=1)
    with pytest.raises(IntegrityError):
        snapshots.put([new_row(version=500), row], incarnation=1)
    assert len(snapshots.select_events(row.stream)) == 1


def test_a_fenced_client_gets_no_snapshot_and_loses_those_there_are(snapshots, events_engine):
    client, other = uuid4(), uuid4()
    for subject in (client, client, other):
        snapshots.put([new_row(version=500, subject=subject)], incarnation=1)
    with write_transaction(events_engine) as connection:
        connection.execute(insert(fences).values(subject=client, position=1, reason="erasure"))
    with pytest.raises(Erased):
        snapshots.put([new_row(version=1000, subject=client)], incarnation=1)
    assert snapshots.purge(client) == 2
    assert snapshots.purge(client) == 0
    assert snapshots.purge(other) == 1
