"""Publishing: what was published before must be what the log goes on from, and a witness sees that too."""

from sqlalchemy import insert, select

from adapters.event_store.tables import checkpoint_attempts, deployment
from adapters.log.checkpoints import SignedCheckpoint
from adapters.log.health import CheckpointHealthReader
from adapters.log.notes import NoteSigner
from adapters.log.proofs import SqlLogProofs
from adapters.offbox.folder import FolderOffBox
from domain.ports.log import CheckpointByHand, LogForked, WitnessesMissing
from domain.ports.offbox import OffBoxUnavailable
from tests.log.conftest import DEPLOYMENT, SIGNER

import pytest  # isort: skip


def test_a_checkpoint_is_signed_put_off_the_box_and_kept_for_those_who_ask(log):
    log.grow(300)
    publication = log.publisher().publish()
    assert (publication.fresh, publication.checkpoint.size) == (True, 300)
    content = log.place.get("checkpoints/000001/00000000000000000300")
    assert content == publication.checkpoint.note.encode()
    opened = SignedCheckpoint.opened(content, SIGNER.verifier).checkpoint
    proofs = SqlLogProofs(log.engine)
    assert opened.root == proofs.root(300)
    assert proofs.latest() == publication.checkpoint


def test_nothing_new_is_nothing_to_publish(log):
    publisher = log.publisher()
    log.grow(3)
    assert publisher.due()
    publisher.publish()
    assert not publisher.due()
    assert not publisher.publish().fresh
    log.grow()
    assert publisher.due()
    assert not publisher.due(every_s=3_600)


def test_checkpoints_follow_one_another(log):
    publisher = log.publisher()
    for count in (1, 255, 1, 400, 7):
        log.grow(count)
        publisher.publish()
    assert [int(name.rpartition("/")[2]) for name in log.place.names("checkpoints/")] == [1, 256, 257, 657, 664]


def test_a_log_that_was_rolled_back_is_not_signed(log):
    log.grow(300)
    log.publisher().publish()
    log.cut(after=290)
    log.grow(5)
    with pytest.raises(LogForked, match="shorter"):
        log.publisher().publish()
    log.grow(20)
    with pytest.raises(LogForked):
        log.publisher().publish()
    assert len(log.place.names("checkpoints/")) == 1


def test_a_row_that_was_altered_since_is_not_vouched_for(log):
    log.grow(10)
    log.publisher().publish()
    log.grow(10)
    log.alter(15, state=b"something else")
    with pytest.raises(LogForked, match="altered"):
        log.publisher().publish()


def test_a_row_that_was_altered_before_shows_in_the_root(log):
    log.grow(10)
    log.publisher().publish()
    log.grow(10)
    log.alter(5, leaf=bytes(32))
    with pytest.raises(LogForked):
        log.publisher().publish()


def test_the_database_alone_is_not_believed_about_what_was_published(log):
    log.grow(300)
    log.publisher().publish()
    log.cut(after=200)
    log.unguarded(log_checkpoints_gone())
    log.recorder = type(log.recorder)(log.engine)
    log.grow(3)
    with pytest.raises(LogForked):
        log.publisher().publish()


def log_checkpoints_gone():
    from sqlalchemy import delete

    from adapters.event_store.tables import checkpoints

    return delete(checkpoints)


def test_what_another_key_signed_off_the_box_is_not_gone_on_from(log):
    log.grow(3)
    stranger = NoteSigner(SIGNER.name, seed=bytes(range(1, 33)))
    log.publisher(signer=stranger).publish()
    log.grow(3)
    with pytest.raises(LogForked, match="didn't sign"):
        log.publisher().publish()


def test_two_workers_publish_one_checkpoint(log, witnesses):
    log.grow(3)
    one = log.publisher(witnesses=[witnesses()])
    other = log.publisher(witnesses=[witnesses("other.example", 4)])
    moment = one._moment(by_hand=False)
    other.publish()
    note = one._put_off(moment.checkpoint, one._cosigned(moment)[0])
    assert bytes(note) == log.place.get(moment.checkpoint.name)


def test_a_place_that_is_away_publishes_nothing(log, tmp_path):
    log.grow(3)
    with pytest.raises(OffBoxUnavailable):
        log.publisher(off_box=FolderOffBox(tmp_path / "unmounted")).publish()
    assert log.publisher().due()


def test_without_a_place_checkpoints_lie_in_the_database(log):
    log.grow(3)
    log.publisher(off_box=None).publish()
    assert SqlLogProofs(log.engine).latest().size == 3


def test_witnesses_cosign_what_goes_on_from_what_they_know(log, witnesses):
    one, other = witnesses("one.example", 3), witnesses("other.example", 4)
    log.grow(10)
    log.publisher(witnesses=[one]).publish()
    for count in (1, 300, 5):
        log.grow(count)
        publication = log.publisher(witnesses=[one, other], needed=2).publish()
        assert (publication.cosignatures, publication.silent) == (2, ())
    opened = SignedCheckpoint.opened(publication.checkpoint.note, SIGNER.verifier)
    assert len(opened.cosignatures([one.key, other.key])) == 2


def test_a_silent_witness_is_told_and_too_few_publish_nothing(log, witnesses):
    one = witnesses("one.example", 3)
    away = type(one)("http://127.0.0.1:9", witnesses("away.example", 4).key)
    log.grow(3)
    with pytest.raises(WitnessesMissing):
        log.publisher(witnesses=[one, away], needed=2).publish()
    assert log.place.names("checkpoints/") == []
    publication = log.publisher(witnesses=[one, away], needed=1).publish()
    assert (publication.cosignatures, publication.silent) == (1, ("away.example",))


def test_a_witness_that_knows_another_history_does_not_cosign(log, witnesses):
    witness = witnesses()
    log.grow(300)
    log.publisher(witnesses=[witness], off_box=None).publish()
    log.cut(after=100)
    log.unguarded(log_checkpoints_gone())
    log.recorder = type(log.recorder)(log.engine)
    log.grow(400)
    publication = log.publisher(witnesses=[witness], off_box=None).publish()
    assert (publication.cosignatures, publication.silent) == (0, ("witness.example",))


def test_the_first_checkpoint_after_a_restore_takes_a_person(log):
    log.grow(20)
    log.publisher().publish()
    log.cut(after=15)
    opening = {"incarnation": 2, "deployment_id": DEPLOYMENT, "first_position": 16, "opened_at_us": 1}
    log.unguarded(insert(deployment).values(opening))
    log.recorder = type(log.recorder)(log.engine)
    log.grow(3)
    with pytest.raises(CheckpointByHand):
        log.publisher().publish()
    assert log.publisher().publish(by_hand=True).checkpoint.origin.endswith("/2")
    log.grow(1)
    assert log.publisher().publish().checkpoint.size == 19


def test_how_it_went_is_remembered_for_metrics(log):
    reader = CheckpointHealthReader(log.engine)
    log.grow(3)
    assert (reader.health().size, reader.health().unprotected) == (0, 3)
    log.publisher().failed("log_forked")
    assert reader.health().outcome == "log_forked"
    log.publisher().publish()
    log.grow(2)
    health = reader.health()
    assert (health.size, health.unprotected, health.outcome) == (3, 2, "")
    with log.engine.connect() as connection:
        assert connection.execute(select(checkpoint_attempts.c.incarnation)).scalars().all() == [1]
