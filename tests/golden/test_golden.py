"""Stored forms are for ever: what was written once is still read, and nothing changes its form unnoticed."""

from pathlib import Path

import orjson
import pytest
from eventsourcing.domain import DomainEvent

from adapters.event_store.codec import Codec
from adapters.event_store.registry import REGISTRY, TOPICS
from adapters.event_store.unsealed import SystemRecord
from domain.model.catalogue import EVENTS
from tests.golden.samples import AT, FOLDER, STREAM, golden, sample

CODEC = Codec()
TYPES = list(REGISTRY)
LINES = [(path.stem, line) for path in sorted(FOLDER.glob("*.jsonl")) for line in path.read_bytes().splitlines()]
SYSTEM = SystemRecord(
    originator_id=STREAM,
    originator_version=1,
    timestamp=AT,
    kind="system.redacted",
    facts={"positions": [3, 4], "reason": "retention"},
)


@pytest.mark.parametrize("event_type", TYPES, ids=lambda each: each.kind)
def test_an_event_is_stored_in_its_golden_form(event_type):
    topic = REGISTRY.topic_of(event_type.coarse)
    stored = golden(topic).get(event_type.kind)
    assert stored is not None, "run: python -m tests.golden.samples"
    assert CODEC.encode(sample(event_type.event_class)) == stored, "the stored form changed: raise the topic's version"


@pytest.mark.parametrize(("topic", "line"), LINES, ids=lambda each: each if isinstance(each, str) else "")
def test_every_form_that_was_ever_stored_is_still_read(topic, line):
    if topic.startswith("system."):
        assert SystemRecord.decoded(b"\x00" + line, STREAM, 1) == SYSTEM
        return
    event = CODEC.decode(topic, line, STREAM, 3)
    assert event == sample(type(event))
    assert type(event) is type(sample(type(event)))


def test_system_records_are_stored_in_their_golden_form():
    assert b"\x00" + golden("system.1")["system.redacted"] == SYSTEM.encoded()


def test_every_topic_that_may_be_in_a_database_has_a_golden_file():
    known = {f"{coarse}.{number}" for coarse, newest in TOPICS.items() for number in range(1, newest + 1)}
    assert {path.stem for path in FOLDER.glob("*.jsonl")} == known


def test_no_kind_has_two_golden_lines():
    kinds = [(topic, orjson.loads(line)["kind"]) for topic, line in LINES]
    assert len(kinds) == len(set(kinds))


def test_every_event_class_of_the_model_is_registered():
    def below(cls):
        return {cls} | {each for direct in cls.__subclasses__() for each in below(direct)}

    model = {each for each in below(DomainEvent) if each.__module__.startswith("domain.model.")}
    # The library gives every aggregate an `Event`, and a `Created` unless there is one; neither is ever stored.
    given = {each for each in model if each.__name__ in {"Event", "Created"} and "KIND" not in vars(each)}
    assert model - given == {each.event_class for each in TYPES}
    assert {each.kind: each.event_class for each in TYPES} == EVENTS


@pytest.mark.parametrize(("topic", "line"), LINES, ids=lambda each: each if isinstance(each, str) else "")
def test_nothing_of_the_code_is_stored(topic, line):
    for trace in (b"originator", b"domain.", b"adapters.", b"eventsourcing", b"__", str(Path.cwd()).encode()):
        assert trace not in line
