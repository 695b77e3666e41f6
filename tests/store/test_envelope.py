"""The leaf's bytes: literal, released, never to change."""

from uuid import UUID

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from adapters.event_store.envelope import leaf_hash, log_id
from tests.store.audit import literal_leaf

DEPLOYMENT = UUID("5f0c8f3e-6a55-4a0e-9d0b-0b8d7d5a1c11")
GOLDEN = "053886b2635db901ca1229c9d38f6b98fe962ec03b519d5c97245e9e0abc7642"
GOLDEN_BARE = "00fa70b94ecbf09281c6a6af4700af19ae37710568ad9a37ceb30c3202022675"


class Row:
    def __init__(self, **fields):
        self.__dict__.update(fields)


rows = st.builds(
    Row,
    position=st.integers(0, 2**64 - 1),
    stream=st.uuids(),
    version=st.integers(0, 2**31 - 1),
    topic=st.text(max_size=200),
    subject=st.none() | st.uuids(),
    record_class=st.text(max_size=32),
    key_id=st.none() | st.uuids(),
    recorded_at_us=st.integers(0, 2**63 - 1),
    state_hash=st.binary(min_size=32, max_size=32),
)


def hashed(log, row):
    return leaf_hash(
        log,
        row.position,
        row.stream,
        row.version,
        row.topic,
        row.subject,
        row.record_class,
        row.key_id,
        row.recorded_at_us,
        row.state_hash,
    )


@given(rows, st.integers(1, 99))
@example(
    Row(
        position=1, stream=UUID(int=0), version=1, topic="", subject=UUID(int=0), record_class="", key_id=None,
        recorded_at_us=0, state_hash=bytes(32),
    ),
    1,
)  # fmt: skip
def test_the_quick_leaf_is_the_literal_one(row, incarnation):
    log = log_id(DEPLOYMENT, incarnation)
    assert hashed(log, row) == literal_leaf(log, row)


def test_released_leaves_stay_what_they_are():
    row = Row(
        position=7,
        stream=UUID(int=1),
        version=2,
        topic="record.1",
        subject=UUID(int=3),
        record_class="journal",
        key_id=UUID(int=4),
        recorded_at_us=1_700_000_000_000_000,
        state_hash=bytes(range(32)),
    )
    assert hashed(log_id(DEPLOYMENT, 1), row).hex() == GOLDEN
    row.subject = row.key_id = None
    row.record_class = ""
    assert hashed(log_id(DEPLOYMENT, 1), row).hex() == GOLDEN_BARE


@pytest.mark.parametrize(("field", "value"), [("subject", None), ("key_id", None), ("record_class", ""), ("topic", "")])
def test_fields_that_are_left_out_change_the_leaf(field, value):
    log = log_id(DEPLOYMENT, 1)
    fields = {
        "position": 1,
        "stream": UUID(int=1),
        "version": 1,
        "topic": "t",
        "subject": UUID(int=2),
        "record_class": "c",
        "key_id": UUID(int=3),
        "recorded_at_us": 1,
        "state_hash": bytes(32),
    }
    assert hashed(log, Row(**fields)) != hashed(log, Row(**fields | {field: value}))
