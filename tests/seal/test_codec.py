"""Events as JSON: nothing is lost, nothing of the code gets in, earlier forms are lifted."""

from datetime import UTC, datetime, timedelta, timezone
from uuid import UUID, uuid4

import orjson
import pytest
from eventsourcing.domain import Aggregate
from hypothesis import given
from hypothesis import strategies as st

from adapters.event_store.codec import Codec, UnknownForm
from adapters.event_store.frozen import freeze, thaw
from adapters.event_store.registry import Registry, UnknownTopic
from adapters.event_store.upcasters import upcast
from domain.model.account import Account
from domain.model.client import Client
from domain.model.session import Session, SessionContent
from domain.model.values import Emotion, Modality, MomentInZone, RiskImpression, RiskLevel, Valence
from domain.ports.call import Purpose
from tests.seal.kit import AT, a_client, a_session, an_account, an_identity

CODEC = Codec()
TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=40)
INSTANTS = st.datetimes(
    datetime.fromisoformat("1900-01-02"),
    datetime.fromisoformat("2199-12-30"),
    timezones=st.sampled_from([UTC, timezone(timedelta(hours=-9.5))]),
)
CONTENTS = st.builds(
    SessionContent,
    took_place=st.builds(
        MomentInZone,
        INSTANTS.map(lambda at: at.astimezone(UTC)),
        st.sampled_from(["Asia/Kathmandu", "Europe/Berlin"]),
        st.integers(-50_000, 50_000),
    ),
    duration_min=st.integers(1, 1440),
    modality=st.sampled_from(Modality),
    summary=TEXT,
    themes=st.lists(TEXT, max_size=3).map(tuple),
    emotions=st.lists(
        st.builds(Emotion, name=TEXT, intensity=st.integers(0, 10), valence=st.sampled_from(Valence)), max_size=3
    ).map(tuple),
    interventions=st.lists(TEXT, max_size=3).map(tuple),
    goal_ids=st.lists(st.uuids(), max_size=3).map(tuple),
    homework=TEXT,
    risk=st.none() | st.builds(RiskImpression, level=st.sampled_from(RiskLevel), text=TEXT),
    next_plan=TEXT,
)


def again(event, topic="record.1"):
    return CODEC.decode(topic, CODEC.encode(event), event.originator_id, event.originator_version)


@given(content=CONTENTS, at=INSTANTS, version=st.integers(1, 2**31))
def test_an_event_comes_back_as_it_was(content, at, version):
    event = Session.Amended(originator_id=uuid4(), originator_version=version, timestamp=at, content=content)
    back = again(event)
    assert back == event
    assert type(back.content.themes) is tuple
    assert back.timestamp.tzinfo is UTC
    assert type(back.content.modality) is Modality


@given(given_at=INSTANTS)
def test_instants_are_stored_in_utc_to_the_microsecond(given_at):
    event = Client.ConsentGiven(
        originator_id=uuid4(),
        originator_version=2,
        timestamp=AT,
        consent_id=uuid4(),
        purpose=Purpose.RESEARCH,
        document="d",
        given_at=given_at,
        recorded_by=uuid4(),
    )
    assert orjson.loads(CODEC.encode(event))["given_at"].endswith("+00:00")
    assert again(event, "client.1").given_at == given_at


def test_a_time_without_a_zone_is_never_stored():
    event = Session.Signed(
        originator_id=uuid4(),
        originator_version=1,
        timestamp=datetime(2026, 1, 1),  # noqa: DTZ001 - what is refused
        signed_by=uuid4(),
        supervisor_id=None,
    )
    with pytest.raises(ValueError, match="time zone"):
        CODEC.encode(event)


def test_what_is_stored_is_the_kind_the_time_and_the_fields():
    session = a_session()
    session.sign(at=AT, by=session.author_id)
    assert orjson.loads(CODEC.encode(session.pending_events[1])) == {
        "kind": "session.signed",
        "at": "2026-03-02T09:30:15.250000+00:00",
        "signed_by": str(session.author_id),
        "supervisor_id": None,
    }


@pytest.mark.parametrize(
    "plaintext",
    [
        b"",
        b"[]",
        b"7",
        b"{}",
        b'{"kind":"session.signed"}',
        b'{"kind":"session.signed","at":"2026-03-02T09:30:15","signed_by":"x","supervisor_id":null}',
        b'{"kind":"session.signed","at":"2026-03-02T09:30:15+00:00","signed_by":"x","supervisor_id":null}',
        b'{"kind":["session.signed"],"at":"2026-03-02T09:30:15+00:00"}',
        b'{"kind":"session.signed","at":"2026-03-02T09:30:15+00:00","supervisor_id":null}',
        b"\xff\xfe",
    ],
)
def test_what_was_never_encoded_is_an_unknown_form(plaintext):
    with pytest.raises(UnknownForm):
        CODEC.decode("record.1", plaintext, uuid4(), 1)


def test_a_kind_under_the_topic_of_others_is_unknown():
    event = a_client().pending_events[0]
    with pytest.raises(UnknownTopic):
        CODEC.decode("record.1", CODEC.encode(event), event.originator_id, 1)
    with pytest.raises(UnknownTopic):
        CODEC.decode("record.1", b'{"kind":"session.exploded","at":"2026-03-02T09:30:15+00:00"}', uuid4(), 1)


# Registry and upcasters


class Jar(Aggregate):
    TOPIC_KIND = "jar"

    class Event(Aggregate.Event):
        pass

    class Opened(Event, Aggregate.Created):
        KIND = "jar.opened"
        label: str
        litres: int


class Second(Aggregate):
    TOPIC_KIND = "jar"

    class Event(Aggregate.Event):
        pass

    class Opened(Event, Aggregate.Created):
        KIND = "jar.opened"


class Reserved(Aggregate):
    TOPIC_KIND = "jar"

    class Event(Aggregate.Event):
        pass

    class Opened(Event, Aggregate.Created):
        KIND = "jar.reserved"
        at: int


def test_two_classes_of_one_kind_are_refused():
    with pytest.raises(ValueError, match="two event classes"):
        Registry((Jar, Second), (), {"jar": 1})


def test_an_unlisted_coarse_kind_is_refused():
    with pytest.raises(ValueError, match="coarse kinds"):
        Registry((Jar,), (), {"record": 1})


def test_a_field_that_hides_the_stored_kind_or_time_is_refused():
    with pytest.raises(ValueError, match="fields named"):
        Registry((Reserved,), (), {"jar": 1})


def test_events_of_earlier_versions_are_lifted_step_by_step():
    upcasters = {
        ("jar.unsealed", 1): lambda state: state | {"kind": "jar.opened", "size": "2"},
        ("jar.opened", 2): lambda state: {
            "kind": state["kind"],
            "at": state["at"],
            "label": state["label"],
            "litres": int(state["size"]),
        },
    }
    codec = Codec(Registry((Jar,), (), {"jar": 3}), upcasters)
    stream = uuid4()
    first = b'{"kind":"jar.unsealed","at":"2026-03-02T09:30:15+00:00","label":"plums"}'
    second = b'{"kind":"jar.opened","at":"2026-03-02T09:30:15+00:00","label":"plums","size":"2"}'
    third = b'{"kind":"jar.opened","at":"2026-03-02T09:30:15+00:00","label":"plums","litres":2}'
    events = [codec.decode(f"jar.{number}", each, stream, 1) for number, each in enumerate((first, second, third), 1)]
    assert events[0] == events[1] == events[2]
    assert (events[0].label, events[0].litres) == ("plums", 2)
    with pytest.raises(UnknownTopic):
        codec.decode("jar.4", third, stream, 1)


def test_a_kind_without_an_upcaster_is_unchanged():
    state = {"kind": "jar.opened", "at": "x"}
    assert upcast(dict(state), 1, 9, {}) == state


# Snapshots


def test_a_frozen_aggregate_thaws_equal():
    client = a_client()
    client.give_consent(at=AT, by=uuid4(), consent_id=uuid4(), purpose=Purpose.RESEARCH, document="d/1", given_at=AT)
    session = a_session(client.id)
    session.sign(at=AT, by=session.author_id)
    session.add_addendum(at=AT, by=uuid4(), addendum_id=uuid4(), text="more")
    for aggregate in (client, an_identity(client.id), session, an_account()):
        aggregate.collect_events()
        back = thaw(type(aggregate), freeze(aggregate))
        assert back == aggregate
        assert {name: type(value) for name, value in vars(back).items()} == {
            name: type(value) for name, value in vars(aggregate).items()
        }


def test_only_values_of_the_domain_freeze_and_thaw():
    account = an_account()
    account.login = object()
    with pytest.raises(TypeError, match="no place"):
        freeze(account)
    with pytest.raises(KeyError):
        thaw(Account, b'{"login":{"$":"value","of":"os.system","is":{}}}')


def test_ids_are_read_as_ids():
    event = again(a_session().pending_events[0])
    assert type(event.client_id) is UUID
    assert event.draft_id is None
