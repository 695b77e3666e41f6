"""A sealed state opens in its own row and nowhere else."""

from dataclasses import replace
from uuid import UUID, uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.db.engines import open_database
from adapters.event_store.envelope import associated_data
from adapters.event_store.mapper import Mapper
from adapters.event_store.registry import UnknownTopic
from adapters.event_store.rows import NewRow, StoredRow
from adapters.event_store.unsealed import Loss, SystemRecord, Tombstone
from adapters.keys.tables import metadata
from domain.errors import KeyMissing, SealBroken
from domain.model.appointment import Appointment
from domain.model.audit import AuditEvent
from domain.model.diagnosis import Diagnosis, DiagnosisContent
from domain.model.risk_flag import FlagLevel, FlagSource, RiskFlag
from domain.model.session import Session
from domain.model.values import Modality, MomentInZone
from domain.ports.audit import AuditEntry
from domain.ports.keys import RecordClass
from tests.seal.kit import AT, DEPLOYMENT, a_call, a_client, a_session, an_account, an_identity, ring_on


@pytest.fixture(scope="module")
def mapper(tmp_path_factory):
    engine = open_database(f"sqlite:///{tmp_path_factory.mktemp('keys') / 'keys.db'}")
    metadata.create_all(engine)
    yield Mapper(ring_on(engine), DEPLOYMENT, 1)
    engine.dispose()


def stored(row: NewRow, position=1, **changes) -> StoredRow:
    values = {
        "id": position,
        "originator_id": row.stream,
        "originator_version": row.version,
        "topic": row.topic,
        "state": row.state,
        "subject": row.subject,
        "record_class": row.record_class,
        "key_id": row.key_id,
        "incarnation": 1,
        "state_hash": row.state_hash,
    }
    return StoredRow(**(values | changes))


def rows_of(mapper, *aggregates):
    return [stored(mapper.to_row(event, each)) for each in aggregates for event in each.pending_events]


def test_events_of_every_aggregate_come_back_equal(mapper):
    client = a_client()
    aggregates = [client, an_identity(client.id), a_session(client.id), an_account()]
    events = [event for each in aggregates for event in each.pending_events]
    assert [mapper.to_event(row) for row in rows_of(mapper, *aggregates)] == events


def test_the_length_of_a_state_does_not_name_its_kind(mapper):
    client = a_client()
    about = {"at": AT, "by": uuid4(), "client_id": client.id}
    flag = RiskFlag.raise_flag(
        uuid4(), **about, level=FlagLevel.HIGH, source=FlagSource.ITEM, reason="PHQ-9, item 9 was answered with 2."
    )
    diagnosis = Diagnosis.record(
        uuid4(), **about, content=DiagnosisContent(code="F32.1", description="Depressive episode", edition="2026")
    )
    appointment = Appointment.plan(
        uuid4(),
        **about,
        clinician_id=uuid4(),
        start=MomentInZone.of(AT, "Europe/Berlin"),
        duration_min=50,
        modality=Modality.VIDEO,
    )
    rows = rows_of(mapper, client, flag, diagnosis, appointment, a_session(client.id))
    told = [len(row.state) for row in rows_of(mapper, flag, diagnosis, appointment)]
    assert len(set(told)) == 1
    assert len({len(row.state) % 256 for row in rows}) == 1


def test_audit_entries_need_no_aggregate_and_concern_no_subject(mapper):
    event = AuditEvent.of(a_call(), AuditEntry(action="session.read", client_id=uuid4(), resources=(uuid4(),)), 4)
    row = mapper.to_row(event)
    assert (row.topic, row.subject, row.record_class, row.version) == ("audit.2", None, "audit", 4)
    assert mapper.to_event(stored(row)) == event


def test_bulk_readers_get_the_stored_fields_of_the_same_rows(mapper):
    (row,) = rows_of(mapper, session := a_session(summary="as written"))
    fields = mapper.to_fields(row)
    assert (fields["kind"], fields["client_id"]) == ("session.recorded", str(session.client_id))
    assert fields["content"]["summary"] == "as written"
    assert mapper.to_fields(replace(row, state=b"", redacted=True)) is None
    with pytest.raises(SealBroken):
        mapper.to_fields(replace(row, originator_version=2))


CHANGES = [
    {"originator_id": UUID("11111111-1111-4111-8111-111111111111")},
    {"originator_version": 2},
    {"originator_version": 0},
    {"originator_version": -1},
    {"topic": "client.1"},
    {"topic": "audit.1"},
    {"subject": UUID("11111111-1111-4111-8111-111111111111")},
    {"subject": None},
    {"record_class": "notes"},
    {"record_class": ""},
    {"key_id": UUID("11111111-1111-4111-8111-111111111111")},
    {"key_id": None},
    {"incarnation": 2},
    {"state": b""},
    {"state": b"\x00" + b'{"kind":"system.redacted","at":"2026-03-02T09:30:15+00:00","facts":{}}'},
]


@pytest.mark.parametrize("change", CHANGES, ids=lambda change: f"{next(iter(change))}")
def test_any_changed_field_of_the_envelope_breaks_the_seal(mapper, change):
    (row,) = rows_of(mapper, a_session())
    with pytest.raises(SealBroken) as caught:
        mapper.to_event(replace(row, **change))
    assert caught.value.facts["position"] == "1"


def test_any_altered_bit_of_a_state_breaks_the_seal(mapper):
    session = a_session(summary="s", themes=(), emotions=(), interventions=(), homework="", risk=None, next_plan="")
    (row,) = rows_of(mapper, session)
    for bit in range(len(row.state) * 8):
        altered = bytearray(row.state)
        altered[bit // 8] ^= 1 << bit % 8
        with pytest.raises(SealBroken):
            mapper.to_event(replace(row, state=bytes(altered)))


@given(cut=st.integers(min_value=0), tail=st.binary(max_size=20))
def test_no_shorter_or_longer_state_opens(mapper, cut, tail):
    (row,) = rows_of(mapper, a_session())
    state = row.state[: cut % len(row.state)] + tail
    if state != row.state:
        with pytest.raises(SealBroken):
            mapper.to_event(replace(row, state=state))


def test_states_swapped_between_two_rows_break_both(mapper):
    client, other = uuid4(), uuid4()
    session = a_session(client)
    session.sign(at=AT, by=session.author_id)
    first, second = rows_of(mapper, session)
    (third,) = rows_of(mapper, a_session(client))
    (fourth,) = rows_of(mapper, a_session(other))
    (fifth,) = rows_of(mapper, an_identity(client))
    for one, two in ((first, second), (first, third), (first, fourth), (first, fifth), (third, fourth)):
        with pytest.raises(SealBroken):
            mapper.to_event(replace(one, state=two.state))
        # Nor with the other's key, class and subject brought along.
        moved = {"state": two.state, "key_id": two.key_id, "record_class": two.record_class, "subject": two.subject}
        with pytest.raises(SealBroken):
            mapper.to_event(replace(one, **moved))


def test_a_whole_row_of_another_deployment_is_refused(mapper, tmp_path):
    engine = open_database(f"sqlite:///{tmp_path / 'k' / 'keys.db'}")
    metadata.create_all(engine)
    other = uuid4()
    (row,) = rows_of(Mapper(ring_on(engine, deployment=other), other, 1), a_session())
    with pytest.raises(KeyMissing):
        mapper.to_event(row)
    engine.dispose()


def test_rows_of_earlier_incarnations_stay_readable_and_later_ones_are_told_apart(mapper):
    (row,) = rows_of(mapper, session := a_session())
    after_restore = Mapper(mapper._sealer, DEPLOYMENT, 2)
    assert after_restore.to_event(row) == session.pending_events[0]
    (newer,) = rows_of(after_restore, session)
    with pytest.raises(SealBroken):
        mapper.to_event(newer)
    assert mapper.to_event(replace(newer, incarnation=2)) == session.pending_events[0]


@given(
    one=st.tuples(st.text(max_size=5), st.text(max_size=5), st.integers(0, 2**40), st.booleans()),
    two=st.tuples(st.text(max_size=5), st.text(max_size=5), st.integers(0, 2**40), st.booleans()),
)
def test_no_two_envelopes_share_their_associated_data(one, two):
    stream, key_id, subject = UUID(int=1), UUID(int=2), UUID(int=3)

    def encoded(topic, record_class, version, concerned):
        return associated_data(b"log", stream, version, topic, record_class, key_id, subject if concerned else None)

    assert (encoded(*one) == encoded(*two)) == (one == two)


@given(
    log=st.binary(max_size=60),
    stream=st.uuids(),
    version=st.integers(0, 2**63),
    topic=st.text(st.characters(exclude_categories=["Cs"]), max_size=20),
    record_class=st.sampled_from(RecordClass),
    key_id=st.uuids(),
    subject=st.none() | st.uuids(),
)
def test_associated_data_is_every_field_behind_its_length(  # noqa: PLR0917 - the fields
    log, stream, version, topic, record_class, key_id, subject
):
    fields = [b"\x01", log, stream.bytes, version.to_bytes(8, "big"), topic.encode(), record_class.value.encode()]
    fields += [key_id.bytes, subject.bytes if subject else b""]
    plain = b"".join(len(field).to_bytes(4, "big") + field for field in fields)
    assert associated_data(log, stream, version, topic, record_class.value, key_id, subject) == plain


# Redacted, unsealed, unknown


def test_a_redacted_row_is_a_tombstone(mapper):
    (row,) = rows_of(mapper, session := a_session())
    tombstone = mapper.to_event(replace(row, state=b"", redacted=True))
    assert isinstance(tombstone, Tombstone)
    assert tombstone.loss is Loss.REDACTED
    assert (tombstone.originator_id, tombstone.subject) == (session.id, session.client_id)


RECORD = SystemRecord(
    originator_id=uuid4(), originator_version=1, timestamp=AT, kind="system.redacted", facts={"positions": [1, 2]}
)


def test_system_records_are_unsealed_and_come_back(mapper):
    row = mapper.to_row(RECORD)
    assert row.state[:1] == b"\x00"
    assert (row.key_id, row.subject, row.topic, row.record_class) == (None, None, "system.1", "")
    assert mapper.to_event(stored(row)) == RECORD


def test_a_system_record_that_names_a_key_is_a_forgery(mapper):
    with pytest.raises(SealBroken):
        mapper.to_event(stored(mapper.to_row(RECORD), key_id=uuid4()))


@pytest.mark.parametrize("state", [b"", b"\x00", b"\x00[]", b"\x00{}", b"\x01{}", b'{"kind":"system.x"}'])
def test_a_malformed_system_record_is_broken(mapper, state):
    with pytest.raises(SealBroken):
        mapper.to_event(stored(mapper.to_row(RECORD), state=state))


@pytest.mark.parametrize("topic", ["record.3", "record.0", "record.01", "record", "future.1", "", "record.1.1", "1"])
def test_a_topic_of_another_version_is_named_with_the_version_that_runs(mapper, topic):
    (row,) = rows_of(mapper, a_session())
    with pytest.raises(UnknownTopic) as caught:
        mapper.to_event(replace(row, topic=topic))
    assert caught.value.facts["topic"] == topic
    assert caught.value.facts["this_version"]


def test_a_class_that_is_not_stored_cannot_be_written(mapper):
    class Stray(Session.Event):
        pass

    with pytest.raises(UnknownTopic):
        mapper.to_row(Stray(originator_id=uuid4(), originator_version=1, timestamp=AT), a_session())


def test_a_clinical_event_without_a_subject_is_refused(mapper):
    session = a_session()
    session.client_id = None
    with pytest.raises(ValueError, match="subject"):
        mapper.to_row(session.pending_events[0], session)


def test_errors_tell_ids_and_never_what_was_written(mapper):
    (row,) = rows_of(mapper, a_session(summary="canary-in-a-mine"))
    with pytest.raises(SealBroken) as caught:
        mapper.to_event(replace(row, originator_version=9))
    assert "canary" not in f"{caught.value!r} {caught.value.facts} {caught.value.__cause__!r}"


def test_states_of_one_event_never_repeat(mapper):
    session = a_session()
    states = {mapper.to_row(session.pending_events[0], session).state for _ in range(200)}
    assert len(states) == 200


def test_each_class_of_record_is_sealed_under_its_own_key(mapper):
    client = a_client()
    rows = rows_of(mapper, client, an_identity(client.id))
    by_class = {row.record_class: row.key_id for row in rows}
    assert set(by_class) == {RecordClass.JOURNAL, RecordClass.IDENTITY}
    assert len(set(by_class.values())) == 2
